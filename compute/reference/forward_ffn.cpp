// Feed-forward blocks of the forward pass: the dense one and the experts.
#include "compute/reference/forward_pass.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace longscope::reference {
namespace {

using model::ExpertConfig;
using model::FfnKind;
using Gating = ExpertConfig::Gating;
using Numbers = std::vector<double>;

/// One expert of a row, and how much it counts.
struct Choice {
    uint64_t expert;
    double weight;
};

/// Expert e's part of a tensor with one slice for each; empty when there is no such tensor.
struct Slices {
    Rows values;
    uint64_t size = 0;

    std::span<const float> of(uint64_t expert) const {
        return values.empty() ? std::span<const float>{}
                              : std::span(values).subspan(expert * size, size);
    }
};

/// W x of the experts: STEM_exps.weight with .scale and .bias.
class ExpertMatrix {
  public:
    ExpertMatrix(const Pass &pass, uint32_t layer, const char *name, bool scaled)
        : columns_(pass.tensor(tensorOfLayer(layer, name) + ".weight").columns()) {
        std::string stem = tensorOfLayer(layer, name);
        weight_ = sliced(pass, pass.values(stem + ".weight"));
        if (pass.rules.experts.biases)
            bias_ = sliced(pass, pass.valuesIfAny(stem + ".bias"));
        if (scaled)
            scale_ = sliced(pass, pass.valuesIfAny(stem + ".scale"));
    }

    Rows of(uint64_t expert, std::span<const float> x) const {
        std::span<const float> scale = scale_.of(expert);
        return matmul(
            x, weight_.of(expert), columns_,
            {.scale = scale.empty() ? 1.0f : scale[0], .bias = bias_.of(expert), .residual = {}});
    }

  private:
    static Slices sliced(const Pass &pass, Rows values) {
        uint64_t size = values.size() / pass.config.experts.count;
        return {std::move(values), size};
    }
    uint64_t columns_;
    Slices weight_, bias_, scale_;
};

Numbers softmax(const Numbers &z) {
    double most = std::ranges::max(z), sum = 0;
    Numbers p;
    for (double value : z)
        p.push_back(std::exp(value - most));
    for (double value : p)
        sum += value;
    for (double &value : p)
        value /= sum;
    return p;
}

/// Experts outside of the best groups get the lowest score. A group counts as much as the two best
/// of its experts together.
void keepBestGroups(const ExpertConfig &sizes, Numbers &scores) {
    constexpr double kLowest = -std::numeric_limits<double>::infinity();
    if (sizes.groups <= 1)
        return;
    uint64_t each = sizes.count / sizes.groups;
    Numbers group_scores;
    for (uint64_t group = 0; group < sizes.groups; ++group) {
        Numbers own(scores.begin() + static_cast<ptrdiff_t>(group * each),
                    scores.begin() + static_cast<ptrdiff_t>((group + 1) * each));
        std::ranges::sort(own, std::greater());
        group_scores.push_back(own.size() > 1 ? own[0] + own[1] : own[0]);
    }
    std::vector<uint64_t> order(sizes.groups);
    std::iota(order.begin(), order.end(), uint64_t{0});
    std::ranges::stable_sort(order, std::greater(), [&](uint64_t g) { return group_scores[g]; });
    for (uint64_t i = sizes.used_groups; i < sizes.groups; ++i)
        std::fill_n(scores.begin() + static_cast<ptrdiff_t>(order[i] * each), each, kLowest);
}

/// The `used` best, the first of equal ones.
std::vector<uint64_t> bestExperts(const Numbers &scores, uint64_t used) {
    std::vector<uint64_t> order(scores.size());
    std::iota(order.begin(), order.end(), uint64_t{0});
    std::ranges::stable_sort(order, std::greater(), [&](uint64_t e) { return scores[e]; });
    order.resize(used);
    return order;
}

/// z: what the router says of one row.
std::vector<Choice> choose(const ExpertConfig &sizes, uint64_t used, const Numbers &z,
                           std::span<const float> selection_bias) {
    Numbers p = z;
    if (sizes.gating == Gating::softmax)
        p = softmax(z);
    if (sizes.gating == Gating::sigmoid)
        std::ranges::transform(p, p.begin(), sigmoid);
    Numbers scores = p;
    for (size_t e = 0; e < selection_bias.size(); ++e)
        scores[e] += static_cast<double>(selection_bias[e]);
    keepBestGroups(sizes, scores);
    Numbers weights;
    std::vector<uint64_t> chosen = bestExperts(scores, used);
    for (uint64_t e : chosen)
        weights.push_back(sizes.gating == Gating::sigmoid_on_input ? sigmoid(z[e]) : p[e]);
    if (sizes.gating == Gating::softmax_of_chosen)
        weights = softmax(weights);
    double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    double divisor = sizes.normalize ? std::max(sum, 0x1p-14) : 1;
    std::vector<Choice> choices;
    for (size_t i = 0; i < chosen.size(); ++i)
        choices.push_back({chosen[i], weights[i] / divisor * sizes.weight_scale});
    return choices;
}

std::vector<std::vector<Choice>> route(const Pass &pass, uint32_t layer, std::span<const float> x) {
    const ExpertConfig &sizes = pass.config.experts;
    Rows z =
        pass.linear(x, tensorOfLayer(layer, "ffn_gate_inp"), {.bias = pass.rules.experts.biases});
    Rows bias =
        sizes.selection_bias ? pass.values(tensorOfLayer(layer, "exp_probs_b.bias")) : Rows{};
    std::vector<std::vector<Choice>> choices;
    for (uint64_t row = 0; row < pass.rows(); ++row) {
        auto first = z.begin() + static_cast<ptrdiff_t>(row * sizes.count);
        choices.push_back(choose(sizes, pass.layer(layer).experts_used,
                                 Numbers(first, first + sizes.count), bias));
    }
    return choices;
}

/// The matrices of a layer's experts.
class ExpertLayer {
  public:
    ExpertLayer(const Pass &pass, uint32_t layer)
        : activation_(pass.rules.experts.activation), ffn_dim_(pass.config.experts.ffn_dim),
          down_(pass, layer, "ffn_down_exps", pass.rules.experts.scales) {
        bool scaled = pass.rules.experts.scales;
        if (pass.config.experts.merged) {
            up_.emplace(pass, layer, "ffn_gate_up_exps", scaled);
        } else {
            up_.emplace(pass, layer, "ffn_up_exps", scaled);
            gate_.emplace(pass, layer, "ffn_gate_exps", scaled);
        }
    }

    Rows of(uint64_t expert, std::span<const float> x) const {
        Rows up = up_->of(expert, x);
        Rows gate = gate_ ? gate_->of(expert, x) : columns(up, 2 * ffn_dim_, 0, ffn_dim_);
        if (!gate_)
            up = columns(up, 2 * ffn_dim_, ffn_dim_, ffn_dim_);
        return down_.of(expert, gatedBy(activation_, gate, up));
    }

  private:
    model::ActivationKind activation_;
    uint64_t ffn_dim_;
    ExpertMatrix down_;
    std::optional<ExpertMatrix> up_, gate_; ///< up_ alone: both, gate first
};

Rows sharedExpert(const Pass &pass, uint32_t layer, std::span<const float> x) {
    auto named = [&](const char *stem) { return tensorOfLayer(layer, stem); };
    LinearRules how{.scale =
                        pass.rules.experts.shared_scales ? ScaleAt::before_bias : ScaleAt::never,
                    .bias = false};
    Rows h = gatedBy(pass.rules.experts.activation, pass.linear(x, named("ffn_gate_shexp"), how),
                     pass.linear(x, named("ffn_up_shexp"), how));
    Rows out = pass.linear(h, named("ffn_down_shexp"), how);
    if (!pass.config.experts.shared_gated)
        return out;
    uint64_t dim = pass.config.model_dim;
    Rows gate = product(x, pass.values(named("ffn_gate_inp_shexp.weight")), dim);
    for (size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<float>(static_cast<double>(out[i]) *
                                    sigmoid(static_cast<double>(gate[i / dim])));
    return out;
}

} // namespace

Rows denseBlock(const Pass &pass, uint32_t layer, std::span<const float> x) {
    const model::FfnRules &rules = pass.rules.ffn;
    uint64_t ffn = pass.layer(layer).ffn_dim;
    auto named = [&](const char *stem) { return tensorOfLayer(layer, stem); };
    LinearRules how{.scale = rules.scales ? ScaleAt::after_bias : ScaleAt::never,
                    .bias = rules.bias};
    Rows h = pass.linear(x, named("ffn_up"), how);
    switch (rules.kind) {
    case FfnKind::gated:
        h = gatedBy(rules.activation, pass.linear(x, named("ffn_gate"), how), h);
        break;
    case FfnKind::gated_fused:
        h = gatedBy(rules.activation, columns(h, 2 * ffn, 0, ffn), columns(h, 2 * ffn, ffn, ffn));
        break;
    case FfnKind::plain:
        for (float &value : h)
            value = static_cast<float>(activated(rules.activation, static_cast<double>(value)));
        break;
    }
    Rows divisors = rules.act_scales ? pass.valuesIfAny(named("ffn.act.scales")) : Rows{};
    for (size_t i = 0; i < h.size() && !divisors.empty(); ++i)
        h[i] /= divisors[i % ffn];
    return pass.linear(h, named("ffn_down"), how);
}

Rows experts(const Pass &pass, uint32_t layer, std::span<const float> x,
             std::span<const float> routed) {
    uint64_t dim = pass.config.model_dim;
    bool on_input = pass.config.experts.gating == Gating::sigmoid_on_input;
    std::vector<std::vector<Choice>> choices = route(pass, layer, routed);
    ExpertLayer matrices(pass, layer);
    Rows out(x.size());
    for (uint64_t row = 0; row < pass.rows(); ++row) {
        Numbers sum(dim);
        for (const Choice &choice : choices[row]) {
            Rows in(&x[row * dim], &x[row * dim] + dim);
            if (on_input)
                for (float &value : in)
                    value = static_cast<float>(static_cast<double>(value) * choice.weight);
            Rows y = matrices.of(choice.expert, in);
            for (uint64_t c = 0; c < dim; ++c)
                sum[c] += (on_input ? 1 : choice.weight) * static_cast<double>(y[c]);
        }
        std::ranges::transform(sum, &out[row * dim],
                               [](double value) { return static_cast<float>(value); });
    }
    if (pass.config.experts.shared_dim > 0)
        addTo(out, sharedExpert(pass, layer, x));
    return out;
}

Rows feedForward(const Pass &pass, uint32_t layer, std::span<const float> x) {
    return pass.layer(layer).experts_used > 0 ? experts(pass, layer, x, x)
                                              : denseBlock(pass, layer, x);
}

} // namespace longscope::reference
