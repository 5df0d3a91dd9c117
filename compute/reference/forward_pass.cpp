// What the parts of the forward pass share: tensors, products, norms, activations.
#include "compute/reference/forward_pass.h"

#include "compute/core/error.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <format>
#include <numbers>

namespace longscope::reference {
namespace {

attention::Rope ropeOf(const model::RopeConfig &own, const model::Config &config,
                       const ForwardOptions &options, uint64_t tokens) {
    attention::RopeSettings settings{.dims = own.dims,
                                     .base = own.base,
                                     .scaling = own.scaling.type,
                                     .factor = own.scaling.factor,
                                     .original_context = own.scaling.original_context,
                                     .attn_factor = own.scaling.attn_factor,
                                     .yarn_beta_fast = own.scaling.yarn_beta_fast,
                                     .yarn_beta_slow = own.scaling.yarn_beta_slow,
                                     .yarn_log = own.scaling.yarn_log,
                                     .yarn_log_cancels = own.scaling.yarn_log_cancels,
                                     .factors = own.factors,
                                     .short_factors = own.short_factors,
                                     .long_factors = own.long_factors,
                                     .always_long_short = own.always_long_short};
    return attention::makeRope(settings, options.rope, config.context_tokens,
                               options.rope_tokens ? options.rope_tokens : tokens);
}

struct Moments {
    double mean = 0, scale = 1; ///< (x - mean) * scale
};

Moments momentsOf(std::span<const float> x, bool centred, float eps) {
    auto count = static_cast<double>(x.size());
    Moments m;
    if (centred) {
        for (float value : x)
            m.mean += static_cast<double>(value);
        m.mean /= count;
    }
    double sum = 0;
    for (float value : x)
        sum += (static_cast<double>(value) - m.mean) * (static_cast<double>(value) - m.mean);
    m.scale = 1 / std::sqrt(sum / count + static_cast<double>(eps));
    return m;
}

/// Pieces of `size`; weight and bias [kinds * size] or empty.
Rows normalise(std::span<const float> x, uint64_t size, bool centred, float eps,
               std::span<const float> weight, std::span<const float> bias) {
    assert(size > 0 && x.size() % size == 0);
    Rows y(x.size());
    for (size_t at = 0; at < x.size(); at += size) {
        Moments m = momentsOf(x.subspan(at, size), centred, eps);
        for (size_t c = at; c < at + size; ++c) {
            double value = (static_cast<double>(x[c]) - m.mean) * m.scale;
            if (!weight.empty())
                value *= static_cast<double>(weight[c % weight.size()]);
            if (!bias.empty())
                value += static_cast<double>(bias[c % bias.size()]);
            y[c] = static_cast<float>(value);
        }
    }
    return y;
}

} // namespace

Pass::Pass(const model::Gguf &gguf, const model::Config &model_config,
           const ForwardOptions &forward_options, std::span<const int32_t> ids)
    : file(gguf), config(model_config), rules(*model_config.architecture), options(forward_options),
      tokens(ids) {
    if (config.rope_layout != model::RopeLayout::none)
        for (const model::RopeConfig &own : config.ropes)
            ropes.push_back(ropeOf(own, config, options, tokens.size()));
}

const model::Tensor &Pass::tensor(const std::string &name) const {
    const model::Tensor *found = file.findTensor(name);
    if (!found)
        fail(ErrorKind::model, "tensor {} is missing in {}", name, file.path());
    return *found;
}

Rows Pass::valuesIfAny(const std::string &name) const {
    const model::Tensor *found = file.findTensor(name);
    return found ? dequantize(*found) : Rows{};
}

Rows Pass::linear(std::span<const float> x, const std::string &stem, const LinearRules &how) const {
    const model::Tensor &weight = tensor(stem + ".weight");
    Rows bias = how.bias ? valuesIfAny(stem + ".bias") : Rows{};
    Rows scale = how.scale == ScaleAt::never ? Rows{} : valuesIfAny(stem + ".scale");
    float factor = scale.empty() ? 1.0f : scale[0];
    if (how.scale == ScaleAt::after_bias)
        for (float &value : bias)
            value *= factor;
    return matmul(x, dequantize(weight), weight.columns(),
                  {.scale = factor, .bias = bias, .residual = {}});
}

Rows Pass::norm(std::span<const float> x, const std::string &stem) const {
    bool centred = rules.norm.kind == model::NormKind::layer;
    Rows weight = rules.norm.weighted ? values(stem + ".weight") : Rows{};
    Rows bias = rules.norm.bias ? valuesIfAny(stem + ".bias") : Rows{};
    return normalise(x, config.model_dim, centred, config.norm_eps, weight, bias);
}

Rows Pass::normPieces(std::span<const float> x, std::span<const float> weight,
                      std::span<const float> bias, uint64_t kinds) const {
    bool centred = rules.norm.kind == model::NormKind::layer;
    return normalise(x, weight.size() / kinds, centred, config.norm_eps, weight, bias);
}

Rows Pass::plainNorm(std::span<const float> x, uint64_t size) const {
    return normalise(x, size, false, config.norm_eps, {}, {});
}

void addTo(std::vector<float> &x, std::span<const float> branch, double factor) {
    assert(x.size() == branch.size());
    for (size_t i = 0; i < x.size(); ++i)
        x[i] =
            static_cast<float>(static_cast<double>(x[i]) + factor * static_cast<double>(branch[i]));
}

Rows columns(std::span<const float> x, uint64_t width, uint64_t first, uint64_t count) {
    assert(x.size() % width == 0 && first + count <= width);
    Rows y;
    y.reserve(x.size() / width * count);
    for (size_t at = first; at < x.size(); at += width)
        y.insert(y.end(), &x[at], &x[at] + count);
    return y;
}

double sigmoid(double x) {
    return 1 / (1 + std::exp(-x));
}

double silu(double x) {
    return x / (1 + std::exp(-x));
}

double logOnePlusExp(double x) {
    return x > 20 ? x : std::log1p(std::exp(x));
}

double activated(model::ActivationKind kind, double x) {
    switch (kind) {
    case model::ActivationKind::silu:
        return silu(x);
    case model::ActivationKind::gelu: {
        double root = std::sqrt(2 / std::numbers::pi);
        return 0.5 * x * (1 + std::tanh(root * (x + 0.044715 * x * x * x)));
    }
    case model::ActivationKind::relu_squared:
        return x > 0 ? x * x : 0;
    case model::ActivationKind::sigmoid:
        return sigmoid(x);
    case model::ActivationKind::tanh:
        return std::tanh(x);
    case model::ActivationKind::oai:
        return x * sigmoid(1.702 * x);
    }
    return x;
}

Rows gatedBy(model::ActivationKind kind, std::span<const float> gate, std::span<const float> up) {
    assert(gate.size() == up.size());
    Rows h(gate.size());
    for (size_t i = 0; i < h.size(); ++i) {
        auto g = static_cast<double>(gate[i]), u = static_cast<double>(up[i]);
        if (kind == model::ActivationKind::oai) { // gpt-oss
            g = std::min(g, 7.0);
            u = std::clamp(u, -7.0, 7.0) + 1;
        }
        h[i] = static_cast<float>(activated(kind, g) * u);
    }
    return h;
}

Rows product(std::span<const float> x, std::span<const float> w, uint64_t columns) {
    return matmul(x, w, columns);
}

} // namespace longscope::reference
