// The gated delta net of the forward pass (Yang 2024, arXiv 2412.06464). The state is zero at the
// start.
#include "compute/reference/forward_pass.h"

#include <cmath>

namespace longscope::reference {
namespace {

using model::RecurrentConfig;

struct Inputs {
    Rows qkv;       ///< [rows, q G*N | k G*N | v Di]
    Rows z;         ///< [rows, Di]
    Rows beta, raw; ///< [rows, R]: beta before its sigmoid, the decay before its bias
};

LinearRules mixerRules(const Pass &pass) {
    return {.scale = pass.rules.mixer.scales ? ScaleAt::before_bias : ScaleAt::never,
            .bias = false};
}

/// The part that begins at `first` of every group's piece: [rows, groups * count].
Rows ofGroups(std::span<const float> all, uint64_t group_width, uint64_t first, uint64_t count) {
    return columns(all, group_width, first, count);
}

void append(Rows &y, std::span<const float> x, uint64_t row, uint64_t width) {
    y.insert(y.end(), &x[row * width], &x[row * width] + width);
}

/// Older files have one matrix: of each key head q, k, its values and its gates.
void readJoined(const Pass &pass, uint32_t layer, std::span<const float> x, Inputs &in) {
    const RecurrentConfig &sizes = pass.config.recurrent;
    uint64_t n = sizes.state, values = n * sizes.heads / sizes.groups, width = 2 * n + 2 * values;
    Rows all = pass.linear(x, tensorOfLayer(layer, "ssm_in"), mixerRules(pass));
    Rows q = ofGroups(all, width, 0, n), k = ofGroups(all, width, n, n);
    Rows v = ofGroups(all, width, 2 * n, values);
    in.z = ofGroups(all, width, 2 * n + values, values);
    for (uint64_t row = 0; row < pass.rows(); ++row) {
        append(in.qkv, q, row, n * sizes.groups);
        append(in.qkv, k, row, n * sizes.groups);
        append(in.qkv, v, row, sizes.inner);
    }
}

Inputs readInputs(const Pass &pass, uint32_t layer, std::span<const float> x) {
    const RecurrentConfig &sizes = pass.config.recurrent;
    auto named = [&](const char *stem) { return tensorOfLayer(layer, stem); };
    Inputs in;
    if (sizes.joined_inputs) {
        readJoined(pass, layer, x, in);
    } else {
        in.qkv = pass.linear(x, named("attn_qkv"), mixerRules(pass));
        in.z = pass.linear(x, named("attn_gate"), mixerRules(pass));
    }
    if (pass.rules.mixer.key_heads_tiled) {
        in.beta = pass.linear(x, named("ssm_beta"), mixerRules(pass));
        in.raw = pass.linear(x, named("ssm_alpha"), mixerRules(pass));
    } else { // of each key head: its betas, then its alphas
        uint64_t each = sizes.heads / sizes.groups;
        Rows both = pass.linear(x, named("ssm_ba"), mixerRules(pass));
        in.beta = ofGroups(both, 2 * each, 0, each);
        in.raw = ofGroups(both, 2 * each, each, each);
    }
    return in;
}

/// q or k of one head, of length 1.
std::vector<double> unitVector(const float *x, uint64_t size, double eps) {
    double sum = 0;
    for (uint64_t i = 0; i < size; ++i)
        sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    std::vector<double> y;
    for (uint64_t i = 0; i < size; ++i)
        y.push_back(static_cast<double>(x[i]) / std::sqrt(sum + eps));
    return y;
}

/// One step of one head: its matrix m [value, key] forgets, learns v at k, and is read at q.
void step(std::vector<double> &m, const std::vector<double> &q, const std::vector<double> &k,
          const float *v, double decay, double beta, float *out) {
    uint64_t size = q.size();
    for (uint64_t j = 0; j < size; ++j) {
        double *line = &m[j * size], known = 0, read = 0;
        for (uint64_t i = 0; i < size; ++i) {
            line[i] *= decay;
            known += line[i] * k[i];
        }
        double delta = (static_cast<double>(v[j]) - known) * beta;
        for (uint64_t i = 0; i < size; ++i) {
            line[i] += delta * k[i];
            read += line[i] * q[i];
        }
        out[j] = static_cast<float>(read / std::sqrt(static_cast<double>(size)));
    }
}

} // namespace

Rows deltaNet(const Pass &pass, uint32_t layer, std::span<const float> x) {
    const RecurrentConfig &sizes = pass.config.recurrent;
    uint64_t n = sizes.state, heads = sizes.heads, groups = sizes.groups, inner = sizes.inner;
    uint64_t keys = groups * n, mixed = 2 * keys + inner;
    auto named = [&](const char *stem) { return tensorOfLayer(layer, stem); };
    Inputs in = readInputs(pass, layer, x);
    Rows u = causalConv(in.qkv, pass.values(named("ssm_conv1d.weight")), {}, sizes.conv_kernel);
    for (float &value : u)
        value = static_cast<float>(silu(static_cast<double>(value)));
    Rows a = pass.values(named("ssm_a")), bias = pass.values(named("ssm_dt.bias"));
    auto eps = static_cast<double>(pass.config.norm_eps);

    Rows o(pass.rows() * inner);
    std::vector<double> logs(in.raw.size());
    std::vector<std::vector<double>> states(heads, std::vector<double>(n * n));
    for (uint64_t row = 0; row < pass.rows(); ++row)
        for (uint64_t head = 0; head < heads; ++head) {
            bool tiled = pass.rules.mixer.key_heads_tiled;
            uint64_t key_head = tiled ? head % groups : head * groups / heads;
            const float *line = &u[row * mixed];
            double change = logOnePlusExp(static_cast<double>(in.raw[row * heads + head]) +
                                          static_cast<double>(bias[head]));
            double &log = logs[row * heads + head];
            log = change * static_cast<double>(a[head]);
            step(states[head], unitVector(line + key_head * n, n, eps),
                 unitVector(line + keys + key_head * n, n, eps), line + 2 * keys + head * n,
                 std::exp(log), sigmoid(static_cast<double>(in.beta[row * heads + head])),
                 &o[row * inner + head * n]);
        }
    noteDecays(pass, layer, logs);
    o = pass.normPieces(o, pass.values(named("ssm_norm.weight")), {}, 1); // before the gate
    for (size_t i = 0; i < o.size(); ++i)
        o[i] = static_cast<float>(static_cast<double>(o[i]) * silu(static_cast<double>(in.z[i])));
    return pass.linear(o, named("ssm_out"), mixerRules(pass));
}

} // namespace longscope::reference
