// Recurrent layers of the forward pass: state spaces (Gu 2023, arXiv 2312.00752; Dao 2024, arXiv
// 2405.21060) and short convolutions. The state is zero at the start.
#include "compute/reference/forward_pass.h"

#include <cmath>

namespace longscope::reference {
namespace {

using model::Recurrence;
using model::RecurrentConfig;

LinearRules mixerRules(const Pass &pass) {
    return {.scale = pass.rules.mixer.scales ? ScaleAt::before_bias : ScaleAt::never,
            .bias = false};
}

/// NAME.weight when there is such a tensor, without weight when `plain` says so, or not at all.
Rows normIfAny(const Pass &pass, uint32_t layer, const char *name, Rows x, uint64_t size,
               bool plain) {
    Rows weight = pass.valuesIfAny(tensorOfLayer(layer, name));
    if (!weight.empty())
        return pass.normPieces(x, weight, {}, 1);
    return plain ? pass.plainNorm(x, size) : x;
}

void applySilu(Rows &x) {
    for (float &value : x)
        value = static_cast<float>(silu(static_cast<double>(value)));
}

void multiplyBySilu(Rows &y, std::span<const float> z) {
    for (size_t i = 0; i < y.size(); ++i)
        y[i] = static_cast<float>(static_cast<double>(y[i]) * silu(static_cast<double>(z[i])));
}

/// logOnePlusExp(dt + bias), [rows, bias.size()]
void stepSizes(Rows &dt, std::span<const float> bias) {
    for (size_t i = 0; i < dt.size(); ++i)
        dt[i] = static_cast<float>(
            logOnePlusExp(static_cast<double>(dt[i]) + static_cast<double>(bias[i % bias.size()])));
}

} // namespace

void noteDecays(const Pass &pass, uint32_t layer, std::span<const double> logs) {
    if (!pass.options.mean_log_decays)
        return;
    const uint64_t rates = logs.size() / pass.rows();
    pass.options.mean_log_decays->resize(pass.config.layers);
    std::vector<double> &means = (*pass.options.mean_log_decays)[layer];
    means.assign(rates, 0);
    for (size_t i = 0; i < logs.size(); ++i)
        means[i % rates] += logs[i] / static_cast<double>(pass.rows());
}

Rows causalConv(std::span<const float> u, std::span<const float> weight,
                std::span<const float> bias, uint64_t taps) {
    uint64_t channels = weight.size() / taps, rows = u.size() / channels;
    Rows y(u.size());
    for (uint64_t row = 0; row < rows; ++row)
        for (uint64_t c = 0; c < channels; ++c) {
            double sum = bias.empty() ? 0 : static_cast<double>(bias[c]);
            for (uint64_t tap = 0; tap < taps; ++tap)
                if (row + tap + 1 >= taps) // before the start stand zeros
                    sum += static_cast<double>(weight[c * taps + tap]) *
                           static_cast<double>(u[(row + tap + 1 - taps) * channels + c]);
            y[row * channels + c] = static_cast<float>(sum);
        }
    return y;
}

Rows recur(const Pass &pass, uint32_t layer, std::span<const float> x) {
    switch (pass.layer(layer).recurrence) {
    case Recurrence::mamba1:
        return mamba1(pass, layer, x);
    case Recurrence::mamba2:
        return mamba2(pass, layer, x);
    case Recurrence::short_conv:
        return shortConv(pass, layer, x);
    case Recurrence::delta_net:
        return deltaNet(pass, layer, x);
    case Recurrence::none:
    case Recurrence::rwkv6: // a layer of its own kind
        break;
    }
    return Rows(x.size());
}

Rows mamba1(const Pass &pass, uint32_t layer, std::span<const float> x) {
    const RecurrentConfig &sizes = pass.config.recurrent;
    uint64_t inner = sizes.inner, state = sizes.state, rank = sizes.heads;
    auto named = [&](const char *stem) { return tensorOfLayer(layer, stem); };
    Rows both = pass.linear(x, named("ssm_in"), mixerRules(pass));
    Rows z = columns(both, 2 * inner, inner, inner);
    Rows u = causalConv(columns(both, 2 * inner, 0, inner), pass.values(named("ssm_conv1d.weight")),
                        pass.valuesIfAny(named("ssm_conv1d.bias")), sizes.conv_kernel);
    applySilu(u);
    Rows parts = pass.linear(u, named("ssm_x"), {.bias = false});
    uint64_t width = rank + 2 * state;
    bool plain = sizes.norm_dt_b_c;
    Rows dt =
        normIfAny(pass, layer, "ssm_dt_norm.weight", columns(parts, width, 0, rank), rank, plain);
    Rows b = normIfAny(pass, layer, "ssm_b_norm.weight", columns(parts, width, rank, state), state,
                       plain);
    Rows c = normIfAny(pass, layer, "ssm_c_norm.weight", columns(parts, width, rank + state, state),
                       state, plain);
    dt = pass.linear(dt, named("ssm_dt"), {.bias = false});
    stepSizes(dt, pass.values(named("ssm_dt.bias")));
    Rows a = pass.values(named("ssm_a")), d = pass.values(named("ssm_d"));

    Rows y(u.size());
    std::vector<double> h(inner * state), logs(u.size());
    for (uint64_t row = 0; row < pass.rows(); ++row)
        for (uint64_t i = 0; i < inner; ++i) {
            auto step = static_cast<double>(dt[row * inner + i]);
            auto in = static_cast<double>(u[row * inner + i]);
            double sum = static_cast<double>(d[i]) * in;
            for (uint64_t n = 0; n < state; ++n) {
                double &cell = h[i * state + n];
                double log = step * static_cast<double>(a[i * state + n]);
                logs[row * inner + i] += log / static_cast<double>(state);
                cell = cell * std::exp(log) + step * in * static_cast<double>(b[row * state + n]);
                sum += cell * static_cast<double>(c[row * state + n]);
            }
            y[row * inner + i] = static_cast<float>(sum);
        }
    noteDecays(pass, layer, logs);
    multiplyBySilu(y, z);
    return pass.linear(y, named("ssm_out"), mixerRules(pass));
}

Rows mamba2(const Pass &pass, uint32_t layer, std::span<const float> x) {
    const RecurrentConfig &sizes = pass.config.recurrent;
    uint64_t inner = sizes.inner, state = sizes.state, heads = sizes.heads, groups = sizes.groups;
    uint64_t head_dim = inner / heads, shared = groups * state, mixed = inner + 2 * shared;
    auto named = [&](const char *stem) { return tensorOfLayer(layer, stem); };
    Rows all = pass.linear(x, named("ssm_in"), mixerRules(pass));
    uint64_t width = inner + mixed + heads;
    Rows z = columns(all, width, 0, inner);
    Rows dt = columns(all, width, inner + mixed, heads);
    Rows u = causalConv(columns(all, width, inner, mixed), pass.values(named("ssm_conv1d.weight")),
                        pass.valuesIfAny(named("ssm_conv1d.bias")), sizes.conv_kernel);
    applySilu(u);
    stepSizes(dt, pass.values(named("ssm_dt.bias")));
    Rows a = pass.values(named("ssm_a")), d = pass.values(named("ssm_d"));

    Rows y(pass.rows() * inner);
    std::vector<double> h(inner * state), logs(dt.size());
    for (uint64_t row = 0; row < pass.rows(); ++row)
        for (uint64_t i = 0; i < inner; ++i) {
            uint64_t head = i / head_dim, group = head * groups / heads;
            const float *b = &u[row * mixed + inner + group * state];
            const float *c = b + shared;
            auto step = static_cast<double>(dt[row * heads + head]);
            auto in = static_cast<double>(u[row * mixed + i]);
            double log = step * static_cast<double>(a[head]), decay = std::exp(log);
            logs[row * heads + head] = log;
            double sum = static_cast<double>(d[head]) * in;
            for (uint64_t n = 0; n < state; ++n) {
                double &cell = h[i * state + n];
                cell = cell * decay + step * in * static_cast<double>(b[n]);
                sum += cell * static_cast<double>(c[n]);
            }
            y[row * inner + i] = static_cast<float>(sum);
        }
    noteDecays(pass, layer, logs);
    multiplyBySilu(y, z);
    Rows weight = pass.valuesIfAny(named("ssm_norm.weight"));
    if (!weight.empty()) // behind the gate, each group for itself
        y = pass.normPieces(y, weight, {}, groups);
    return pass.linear(y, named("ssm_out"), mixerRules(pass));
}

/// lfm2: c * conv(b * u), where in_proj gives [b | c | u].
Rows shortConv(const Pass &pass, uint32_t layer, std::span<const float> x) {
    uint64_t dim = pass.config.model_dim;
    auto named = [&](const char *stem) { return tensorOfLayer(layer, stem); };
    Rows all = pass.linear(x, named("shortconv.in_proj"), {.bias = false});
    Rows in = columns(all, 3 * dim, 0, dim), c = columns(all, 3 * dim, dim, dim);
    Rows u = columns(all, 3 * dim, 2 * dim, dim);
    for (size_t i = 0; i < in.size(); ++i)
        in[i] *= u[i];
    Rows y = causalConv(in, pass.values(named("shortconv.conv.weight")), {},
                        pass.config.recurrent.conv_kernel);
    for (size_t i = 0; i < y.size(); ++i)
        y[i] *= c[i];
    return pass.linear(y, named("shortconv.out_proj"), {.bias = false});
}

} // namespace longscope::reference
