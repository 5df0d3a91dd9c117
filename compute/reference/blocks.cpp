#include "compute/reference/blocks.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace longscope::reference {
namespace {

using model::ActivationKind;
using model::NormKind;

double sigmoid(double x) {
    return 1 / (1 + std::exp(-x));
}

double silu(double x) {
    return x * sigmoid(x);
}

double at(std::span<const float> values, size_t i) {
    return static_cast<double>(values[i]);
}

/// One segment in place: (x - mean) / sqrt(square + eps).
void normaliseSegment(std::vector<double> &x, NormKind kind, double eps) {
    const auto count = static_cast<double>(x.size());
    double mean = 0, square = 0;
    if (kind == NormKind::layer)
        for (double value : x)
            mean += value / count;
    for (double &value : x) {
        value -= mean;
        square += value * value;
    }
    if (kind != NormKind::unit)
        square /= count;
    for (double &value : x)
        value /= std::sqrt(square + eps);
}

} // namespace

std::vector<float> normalise(std::span<const float> x, const Norm &norm) {
    assert(norm.kind != NormKind::none && norm.columns && norm.segments);
    assert(x.size() % (norm.columns * norm.segments) == 0);
    std::vector<float> y(x.size());
    std::vector<double> segment(norm.columns);
    for (size_t first = 0; first < x.size(); first += norm.columns) {
        for (size_t c = 0; c < norm.columns; ++c) {
            segment[c] = at(x, first + c);
            if (norm.gate_before)
                segment[c] *= silu(at(norm.gate, first + c));
        }
        normaliseSegment(segment, norm.kind, static_cast<double>(norm.eps));
        const size_t row_at = first % (norm.columns * norm.segments);
        for (size_t c = 0; c < norm.columns; ++c) {
            double value = segment[c];
            if (!norm.weight.empty())
                value *= at(norm.weight, (row_at + c) % norm.weight.size());
            if (!norm.bias.empty())
                value += at(norm.bias, (row_at + c) % norm.bias.size());
            if (!norm.gate.empty() && !norm.gate_before)
                value *= silu(at(norm.gate, first + c));
            y[first + c] = static_cast<float>(static_cast<double>(norm.factor) * value);
        }
    }
    return y;
}

std::vector<float> rmsNorm(std::span<const float> x, std::span<const float> weight, float eps) {
    return normalise(x, {.eps = eps, .columns = weight.size(), .weight = weight});
}

double activate(ActivationKind kind, double x) {
    switch (kind) {
    case ActivationKind::silu:
        return silu(x);
    case ActivationKind::gelu:
        return 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case ActivationKind::relu_squared:
        return std::max(x, 0.0) * std::max(x, 0.0);
    case ActivationKind::sigmoid:
        return sigmoid(x);
    case ActivationKind::tanh:
        return std::tanh(x);
    case ActivationKind::oai:
        break;
    }
    assert(false);
    return 0;
}

std::vector<float> activate(ActivationKind kind, std::span<const float> gate,
                            std::span<const float> up) {
    assert(gate.size() == up.size());
    std::vector<float> h(gate.size());
    for (size_t i = 0; i < gate.size(); ++i) {
        double g = at(gate, i), u = at(up, i);
        if (kind == ActivationKind::oai) {
            g = std::min(g, 7.0);
            h[i] = static_cast<float>(g * sigmoid(1.702 * g) * (std::clamp(u, -7.0, 7.0) + 1));
        } else {
            h[i] = static_cast<float>(activate(kind, g) * u);
        }
    }
    return h;
}

std::vector<float> activate(ActivationKind kind, std::span<const float> x) {
    std::vector<float> h(x.size());
    for (size_t i = 0; i < x.size(); ++i)
        h[i] = static_cast<float>(activate(kind, at(x, i)));
    return h;
}

std::vector<float> gated(std::span<const float> gate, std::span<const float> up) {
    return activate(ActivationKind::silu, gate, up);
}

std::vector<float> adjust(std::span<const float> x, uint64_t columns, const Adjust &adjust) {
    assert(columns && x.size() % columns == 0);
    assert(adjust.scales.empty() || adjust.scales.size() == x.size() / columns);
    const auto clamp = static_cast<double>(adjust.clamp), cap = static_cast<double>(adjust.cap);
    std::vector<float> y(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
        double value = at(x, i);
        if (clamp != 0)
            value = std::clamp(value, -clamp, clamp);
        if (cap != 0)
            value = cap * std::tanh(value / cap);
        if (!adjust.scales.empty()) {
            double scale = at(adjust.scales, i / columns);
            value *= adjust.sigmoid ? sigmoid(scale) : scale;
        }
        y[i] = static_cast<float>(static_cast<double>(adjust.factor) * value);
    }
    return y;
}

std::vector<float> sum(std::span<const float> a, std::span<const float> b) {
    assert(a.size() == b.size());
    std::vector<float> y(a.size());
    std::ranges::transform(a, b, y.begin(), [](float u, float v) { return u + v; });
    return y;
}

} // namespace longscope::reference
