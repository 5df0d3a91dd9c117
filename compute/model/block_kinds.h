// The kinds of norms and activations that model families use: named once for the table of
// architectures, the engine and the reference.
#pragma once

#include <cstdint>

namespace longscope::model {

enum class NormKind : uint8_t {
    none,  ///< there is no norm here
    rms,   ///< x / sqrt(mean of x^2 + eps)
    layer, ///< (x - mean) / sqrt(variance + eps), variance over n
    unit,  ///< x / sqrt(sum of x^2 + eps)
};

/// What multiplies `up`, as a function of `gate`; without a gate: of `up` itself.
enum class ActivationKind : uint8_t {
    silu,         ///< x * sigmoid(x)
    gelu,         ///< 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
    relu_squared, ///< max(x, 0)^2
    sigmoid,
    tanh,
    oai, ///< gpt-oss: g sigmoid(1.702 g) (u + 1), g = min(gate, 7), u = clamp(up, -7, 7); gated
         ///< only
};

} // namespace longscope::model
