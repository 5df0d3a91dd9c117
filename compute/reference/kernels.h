// The scalar twin of every kernel: slow, obvious, over plain vectors of float, with sums in double.
// What a shader computes is defined here and in blocks.h. Shapes are in brackets, the last index
// contiguous. Sources: methods.md, sections 1.1 to 1.5 and 3.1.
#pragma once

#include "compute/attention/cache_type.h"
#include "compute/attention/rope.h"
#include "compute/model/gguf.h"
#include "compute/reference/blocks.h"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace longscope::reference {

/// All elements of a tensor, [rows, columns].
std::vector<float> dequantize(const model::Tensor &tensor);

/// [tokens, columns]: rows of the table, times `scale`. Every id must be below table.rows().
std::vector<float> embed(const model::Tensor &table, std::span<const int32_t> tokens, float scale);

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
    float softcap = 0;     ///< scores become softcap * tanh(score / softcap); 0 = as they are
    /// [heads] or empty: slope * (query position - key position) is taken from a score (ALiBi). Row
    /// i is at position + i, key j at j.
    std::vector<float> slopes{};
    /// [heads] or empty: a logit that counts in the sum l (and in m) and has no value.
    std::vector<float> sinks{};
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

/// Whether a head's row (from 0) sees a key. Any rule, also one that looks ahead.
using Sees = std::function<bool(uint64_t head, uint64_t row, uint64_t key)>;

/// The same over the keys that `sees` shows.
Attended attentionWhere(std::span<const float> q, std::span<const float> k,
                        std::span<const float> v, const AttentionShape &shape, const Sees &sees);

/// The same with positions: q and k are not rotated; for the score of a query at position i and the
/// key j, q is rotated by relative(i, j). Every scheme of positions is such a function. Rotated
/// are rope_shape.rope_dims dimensions; the magnitude counts twice, as on q and on k.
Attended attentionRelative(std::span<const float> q, std::span<const float> k,
                           std::span<const float> v, const AttentionShape &shape, const Sees &sees,
                           const attention::Rope &rope, const RopeShape &rope_shape,
                           const std::function<double(uint64_t query, uint64_t key)> &relative);

/// Flash-decoding: the keys of one row (shape.rows = 1), cut into ranges of `keys_per_split`.
std::vector<Attended> attentionDecode(std::span<const float> q, std::span<const float> k,
                                      std::span<const float> v, const AttentionShape &shape,
                                      uint64_t splits, uint64_t keys_per_split);

/// One result from results over disjoint sets of keys. At least one part.
Attended merge(std::span<const Attended> parts, uint64_t head_dim);

/// Values [rows, head_dim] as a cache of this type gives them back. q8_0: d = largest |x| / 127 as
/// f16, code = round(x / d) ; q4_0: d = (x of largest |x|) / -8 as f16, code = min(15, x / d
/// + 8.5); blocks of 32 of a row padded with zeros (ggml's quantize_row_q8_0 and _q4_0; codes are
/// made with the d before it is rounded to f16).
std::vector<float> throughCache(std::span<const float> values, attention::CacheType type,
                                uint64_t head_dim);

} // namespace longscope::reference
