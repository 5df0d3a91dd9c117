// A layer of RWKV-6 (Peng 2024, arXiv 2404.05892, section 4) of the forward pass. The state is zero
// at the start.
#include "compute/reference/forward_pass.h"

#include <array>
#include <cmath>

namespace longscope::reference {
namespace {

using model::RecurrentConfig;

constexpr float kHeadEps = 64e-5f; // of the norm of heads, whatever the model's own
constexpr std::array<char, 5> kMixes = {'w', 'k', 'v', 'r', 'g'};

/// The row before, minus the row itself; before the first stand zeros.
Rows changes(std::span<const float> x, uint64_t width) {
    Rows y(x.size());
    for (size_t i = 0; i < x.size(); ++i)
        y[i] = (i < width ? 0.0f : x[i - width]) - x[i];
    return y;
}

/// x + dx * (share + more), where share is one row for all.
Rows shifted(std::span<const float> x, std::span<const float> dx, std::span<const float> share,
             std::span<const float> more) {
    Rows y(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
        double factor = static_cast<double>(share[i % share.size()]);
        if (!more.empty())
            factor += static_cast<double>(more[i]);
        y[i] = static_cast<float>(static_cast<double>(x[i]) + static_cast<double>(dx[i]) * factor);
    }
    return y;
}

void applyTanh(Rows &x) {
    for (float &value : x)
        value = std::tanh(value);
}

/// What time mixing reads: x shifted in five ways, in the order of kMixes.
std::array<Rows, 5> mixInputs(const Pass &pass, uint32_t layer, std::span<const float> x) {
    uint64_t dim = pass.config.model_dim, rank = pass.config.recurrent.mix_rank;
    auto named = [&](std::string_view name) { return tensorOfLayer(layer, name); };
    Rows dx = changes(x, dim);
    Rows z = product(shifted(x, dx, pass.values(named("time_mix_lerp_x.weight")), {}),
                     pass.values(named("time_mix_w1.weight")), dim);
    applyTanh(z);
    Rows w2 = pass.values(named("time_mix_w2.weight")); // [5, dim, rank]
    Rows fused = pass.config.recurrent.fused_lerp ? pass.values(named("time_mix_lerp_fused.weight"))
                                                  : Rows{};
    std::array<Rows, 5> made;
    for (size_t i = 0; i < 5; ++i) {
        Rows more = product(columns(z, 5 * rank, i * rank, rank),
                            std::span(w2).subspan(i * dim * rank, dim * rank), rank);
        Rows share = fused.empty()
                         ? pass.values(named(std::format("time_mix_lerp_{}.weight", kMixes[i])))
                         : Rows(fused.begin() + static_cast<ptrdiff_t>(i * dim),
                                fused.begin() + static_cast<ptrdiff_t>((i + 1) * dim));
        made[i] = shifted(x, dx, share, more);
    }
    return made;
}

/// exp(-exp(decay + w2 tanh(w1 x))), [rows, dim]
Rows decays(const Pass &pass, uint32_t layer, std::span<const float> x) {
    auto named = [&](const char *name) { return tensorOfLayer(layer, name); };
    Rows low = product(x, pass.values(named("time_mix_decay_w1.weight")), pass.config.model_dim);
    applyTanh(low);
    Rows w = product(low, pass.values(named("time_mix_decay_w2.weight")),
                     pass.config.recurrent.decay_rank);
    Rows base = pass.values(named("time_mix_decay.weight"));
    std::vector<double> logs;
    for (size_t i = 0; i < w.size(); ++i) {
        logs.push_back(
            -std::exp(static_cast<double>(w[i]) + static_cast<double>(base[i % base.size()])));
        w[i] = static_cast<float>(std::exp(logs.back()));
    }
    noteDecays(pass, layer, logs);
    return w;
}

/// State S [key i, value j] of every head; u counts only for the row itself.
Rows readStates(const RecurrentConfig &sizes, std::span<const float> r, std::span<const float> k,
                std::span<const float> v, std::span<const float> w, std::span<const float> u) {
    uint64_t size = sizes.head_dim, dim = size * sizes.heads;
    std::vector<double> state(dim * size);
    Rows o(r.size());
    for (size_t at = 0; at < r.size(); at += size) { // a head of a row
        double *s = &state[at % dim * size];
        for (uint64_t j = 0; j < size; ++j) {
            double sum = 0;
            for (uint64_t i = 0; i < size; ++i) {
                double learnt = static_cast<double>(k[at + i]) * static_cast<double>(v[at + j]);
                double &cell = s[i * size + j];
                sum += static_cast<double>(r[at + i]) *
                       (cell + static_cast<double>(u[at % dim + i]) * learnt);
                cell = cell * static_cast<double>(w[at + i]) + learnt;
            }
            o[at + j] = static_cast<float>(sum);
        }
    }
    return o;
}

/// LN of each head, then weight and bias over all.
Rows normHeads(std::span<const float> x, uint64_t size, std::span<const float> weight,
               std::span<const float> bias) {
    Rows y(x.size());
    for (size_t at = 0; at < x.size(); at += size) {
        double mean = 0, variance = 0;
        for (size_t i = at; i < at + size; ++i)
            mean += static_cast<double>(x[i]) / static_cast<double>(size);
        for (size_t i = at; i < at + size; ++i)
            variance += std::pow(static_cast<double>(x[i]) - mean, 2) / static_cast<double>(size);
        double scale = 1 / std::sqrt(variance + static_cast<double>(kHeadEps));
        for (size_t i = at; i < at + size; ++i)
            y[i] = static_cast<float>((static_cast<double>(x[i]) - mean) * scale *
                                          static_cast<double>(weight[i % weight.size()]) +
                                      static_cast<double>(bias[i % bias.size()]));
    }
    return y;
}

Rows timeMix(const Pass &pass, uint32_t layer, std::span<const float> x) {
    const RecurrentConfig &sizes = pass.config.recurrent;
    auto named = [&](const char *name) { return tensorOfLayer(layer, name); };
    auto projected = [&](std::span<const float> in, const char *name) {
        return pass.linear(in, named(name), {.bias = false});
    };
    auto [in_w, in_k, in_v, in_r, in_g] = mixInputs(pass, layer, x);
    Rows o = readStates(sizes, projected(in_r, "time_mix_receptance"),
                        projected(in_k, "time_mix_key"), projected(in_v, "time_mix_value"),
                        decays(pass, layer, in_w), pass.values(named("time_mix_first.weight")));
    o = normHeads(o, sizes.head_dim, pass.values(named("time_mix_ln.weight")),
                  pass.values(named("time_mix_ln.bias")));
    Rows g = projected(in_g, "time_mix_gate");
    for (size_t i = 0; i < o.size(); ++i)
        o[i] = static_cast<float>(static_cast<double>(o[i]) * silu(static_cast<double>(g[i])));
    return projected(o, "time_mix_output");
}

/// sigmoid(Wr x_r) * Wv(relu(Wk x_k)^2)
Rows channelMix(const Pass &pass, uint32_t layer, std::span<const float> x) {
    auto named = [&](const char *name) { return tensorOfLayer(layer, name); };
    Rows dx = changes(x, pass.config.model_dim);
    Rows in_k = shifted(x, dx, pass.values(named("channel_mix_lerp_k.weight")), {});
    Rows in_r = shifted(x, dx, pass.values(named("channel_mix_lerp_r.weight")), {});
    Rows k = pass.linear(in_k, named("channel_mix_key"), {.bias = false});
    for (float &value : k)
        value = value > 0 ? value * value : 0;
    Rows out = pass.linear(k, named("channel_mix_value"), {.bias = false});
    Rows r = pass.linear(in_r, named("channel_mix_receptance"), {.bias = false});
    for (size_t i = 0; i < out.size(); ++i)
        out[i] =
            static_cast<float>(static_cast<double>(out[i]) * sigmoid(static_cast<double>(r[i])));
    return out;
}

} // namespace

Rows rwkv6Layer(const Pass &pass, uint32_t layer, Rows x) {
    addTo(x, timeMix(pass, layer, pass.norm(x, tensorOfLayer(layer, "attn_norm"))));
    addTo(x, channelMix(pass, layer, pass.norm(x, tensorOfLayer(layer, "attn_norm_2"))));
    uint32_t every = pass.config.recurrent.rescale_every;
    if (every > 0 && (layer + 1) % every == 0)
        for (float &value : x)
            value /= 2;
    return x;
}

} // namespace longscope::reference
