// The scalar twin of every kernel: slow, obvious, over plain vectors of float, with sums in double.
// What a shader computes is defined here. Shapes are in brackets, the last index contiguous.
// Sources: methods.md, sections 1.1 to 1.5 and 3.1.
#pragma once

#include "compute/model/gguf.h"

#include <cstdint>
#include <span>
#include <vector>

namespace longscope::reference {

/// All elements of a tensor, [rows, columns].
std::vector<float> dequantize(const model::Tensor &tensor);

/// [tokens, columns]: rows of the table, times `scale`. Every id must be below table.rows().
std::vector<float> embed(const model::Tensor &table, std::span<const int32_t> tokens, float scale);

/// [rows, columns] with columns = weight.size(): x / sqrt(mean of x^2 + eps) * weight.
std::vector<float> rmsNorm(std::span<const float> x, std::span<const float> weight, float eps);

/// What is added to W x: y[i, n] = scale * (W x)[i, n] + bias[n] + residual[i, n].
struct MatmulExtras {
    float scale = 1;
    std::span<const float> bias;     ///< [n] or empty
    std::span<const float> residual; ///< [rows, n] or empty
};

/// [rows, n] from x [rows, k] and w [n, k].
std::vector<float> matmul(std::span<const float> x, std::span<const float> w, uint64_t k,
                          const MatmulExtras &extras = {});

struct RopeShape {
    uint64_t heads = 1;
    uint64_t head_dim = 0;
    uint64_t rope_dims = 0; ///< even, at most head_dim; the other dimensions pass through
    bool neox = false;      ///< pairs (j, j + rope_dims/2) instead of (2j, 2j+1)
};

/// Rotates x [rows, heads, head_dim] by rotation [rows, rope_dims/2, 2] = (cos, sin).
std::vector<float> rope(std::span<const float> x, std::span<const float> rotation,
                        const RopeShape &shape);

struct AttentionShape {
    uint64_t rows = 0;
    uint64_t position = 0; ///< of row 0; row i sees the keys 0 .. position + i
    uint64_t heads = 1, kv_heads = 1;
    uint64_t head_dim = 0;
    uint64_t capacity = 0; ///< keys that k and v have room for
    float scale = 1;       ///< of the scores
};

/// Attention of every row and head over some keys: out [rows, heads, head_dim] normalised, and for
/// each row and head the largest score m and the sum l of exp(score - m). Without a visible key out
/// is 0, l is 0 and m a large negative number.
struct Attended {
    std::vector<float> out;
    std::vector<double> m, l;
};

/// Causal attention of q [rows, heads, head_dim] over k and v [kv_heads, capacity, head_dim].
/// Reads no key that is not visible.
Attended attention(std::span<const float> q, std::span<const float> k, std::span<const float> v,
                   const AttentionShape &shape);

/// The same over the keys first .. last - 1 only.
Attended attentionOfKeys(std::span<const float> q, std::span<const float> k,
                         std::span<const float> v, const AttentionShape &shape, uint64_t first,
                         uint64_t last);

/// Flash-decoding: the keys of one row (shape.rows = 1), cut into ranges of `keys_per_split`.
std::vector<Attended> attentionDecode(std::span<const float> q, std::span<const float> k,
                                      std::span<const float> v, const AttentionShape &shape,
                                      uint64_t splits, uint64_t keys_per_split);

/// One result from results over disjoint sets of keys. At least one part.
Attended merge(std::span<const Attended> parts, uint64_t head_dim);

/// silu(gate) * up, element by element.
std::vector<float> gated(std::span<const float> gate, std::span<const float> up);

/// Rounded to f16 and back, as a cache of halves does.
std::vector<float> throughHalf(std::span<const float> values);

} // namespace longscope::reference
