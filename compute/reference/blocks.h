// The scalar twins of the small kernels between the matrices: norms, activations, adjustments. As
// kernels.h: slow, obvious, sums in double; the last index contiguous, no padding.
#pragma once

#include "compute/model/block_kinds.h"

#include <cstdint>
#include <span>
#include <vector>

namespace longscope::reference {

/// factor * ((x - mean) / sqrt(square + eps) * weight + bias), per segment; see model::NormKind.
struct Norm {
    model::NormKind kind = model::NormKind::rms; ///< not none
    float eps = 0;
    uint64_t columns = 0;               ///< of a segment
    uint64_t segments = 1;              ///< of a row
    std::span<const float> weight = {}; ///< [columns], [segments, columns], or empty
    std::span<const float> bias = {};   ///< as weight
    std::span<const float> gate = {};   ///< as x, or empty; its silu multiplies
    bool gate_before = false;           ///< x, instead of the normalised x * weight + bias
    float factor = 1;
};

/// [rows, segments, columns], as x.
std::vector<float> normalise(std::span<const float> x, const Norm &norm);
/// [rows, columns] with columns = weight.size(): x / sqrt(mean of x^2 + eps) * weight.
std::vector<float> rmsNorm(std::span<const float> x, std::span<const float> weight, float eps);

/// act(x); not for oai.
double activate(model::ActivationKind kind, double x);
/// act(gate) * up, element by element.
std::vector<float> activate(model::ActivationKind kind, std::span<const float> gate,
                            std::span<const float> up);
/// act(x), element by element.
std::vector<float> activate(model::ActivationKind kind, std::span<const float> x);
/// silu(gate) * up, element by element.
std::vector<float> gated(std::span<const float> gate, std::span<const float> up);

/// factor * s(row) * g(x).
struct Adjust {
    float factor = 1;
    float clamp = 0;                    ///< if not 0: g(x) lies between -clamp and clamp
    float cap = 0;                      ///< if not 0: g(x) = cap * tanh(x / cap)
    std::span<const float> scales = {}; ///< s, [rows]; empty = 1
    bool sigmoid = false;               ///< of s
};

/// [rows, columns], as x.
std::vector<float> adjust(std::span<const float> x, uint64_t columns, const Adjust &adjust);

/// a + b, element by element.
std::vector<float> sum(std::span<const float> a, std::span<const float> b);

} // namespace longscope::reference
