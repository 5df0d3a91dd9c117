#include "compute/reference/recurrent.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace longscope::reference {
namespace {

double sigmoid(double x) {
    return 1 / (1 + std::exp(-x));
}

/// A state in double for the length of one call.
class State {
  public:
    State(std::span<float> kept, uint64_t keys)
        : kept_(kept), values_(kept.begin(), kept.end()), keys_(keys) {}
    ~State() {
        std::ranges::transform(values_, kept_.begin(),
                               [](double value) { return static_cast<float>(value); });
    }
    State(const State &) = delete;
    State &operator=(const State &) = delete;
    /// What is kept of one value: `keys` numbers.
    std::span<double> of(uint64_t value) {
        return std::span(values_).subspan(value * keys_, keys_);
    }

  private:
    std::span<float> kept_;
    std::vector<double> values_;
    uint64_t keys_;
};

double dot(std::span<const double> a, const float *b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i)
        sum += a[i] * static_cast<double>(b[i]);
    return sum;
}

/// Both mambas: what differs is of which index dt, A and D are.
std::vector<float> scanMamba(const MambaInput &in, std::span<float> kept, bool of_channel) {
    uint64_t width = in.heads * in.head_dim, dts = of_channel ? width : in.heads;
    assert(in.u.size() == in.rows * width && kept.size() == width * in.keys);
    State state(kept, in.keys);
    std::vector<float> y(in.u.size());
    for (uint64_t row = 0; row < in.rows; ++row)
        for (uint64_t i = 0; i < width; ++i) {
            uint64_t head = i / in.head_dim, own = of_channel ? i : head;
            uint64_t group = head * in.groups / in.heads, at = row * width + i;
            uint64_t bc = (row * in.groups + group) * in.keys;
            double u = static_cast<double>(in.u[at]);
            double dt = softplus(static_cast<double>(in.dt[row * dts + own]) +
                                 static_cast<double>(in.dt_bias[own]));
            std::span<double> h = state.of(i);
            for (uint64_t n = 0; n < in.keys; ++n) {
                double a = static_cast<double>(of_channel ? in.a[i * in.keys + n] : in.a[head]);
                h[n] = h[n] * std::exp(dt * a) + dt * u * static_cast<double>(in.b[bc + n]);
            }
            double result = dot(h, &in.c[bc]) + static_cast<double>(in.d[own]) * u;
            if (!in.z.empty()) {
                double z = static_cast<double>(in.z[at]);
                result *= z * sigmoid(z);
            }
            y[at] = static_cast<float>(result);
        }
    return y;
}

} // namespace

double softplus(double x) {
    return x > 20 ? x : std::log1p(std::exp(x));
}

std::vector<float> shortConv(const ConvInput &in, std::span<float> history) {
    uint64_t channels = in.weight.size() / in.taps, rows = in.u.size() / channels;
    uint64_t past = in.taps - 1;
    std::vector<float> y(in.u.size());
    for (uint64_t c = 0; c < channels; ++c) {
        // The whole series of the channel: what was before, then the rows.
        std::vector<float> series(&history[c * past], &history[c * past] + past);
        for (uint64_t row = 0; row < rows; ++row) {
            uint64_t at = row * channels + c;
            series.push_back(in.u[at] * (in.gate_in.empty() ? 1 : in.gate_in[at]));
            double sum = in.bias.empty() ? 0 : static_cast<double>(in.bias[c]);
            for (uint64_t j = 0; j < in.taps; ++j)
                sum += static_cast<double>(in.weight[c * in.taps + j]) *
                       static_cast<double>(series[row + j]);
            if (in.silu)
                sum *= sigmoid(sum);
            if (!in.gate_out.empty())
                sum *= static_cast<double>(in.gate_out[at]);
            y[at] = static_cast<float>(sum);
        }
        std::copy_n(&series[rows], past, &history[c * past]);
    }
    return y;
}

std::vector<float> scanMamba1(const MambaInput &in, std::span<float> state) {
    assert(in.heads == 1 && in.groups == 1);
    return scanMamba(in, state, true);
}

std::vector<float> scanMamba2(const MambaInput &in, std::span<float> state) {
    return scanMamba(in, state, false);
}

std::vector<float> deltaNet(const DeltaInput &in, std::span<float> kept) {
    assert(kept.size() == in.heads * in.head_dim * in.keys);
    State state(kept, in.keys);
    std::vector<float> y(in.v.size());
    for (uint64_t row = 0; row < in.rows; ++row)
        for (uint64_t head = 0; head < in.heads; ++head) {
            uint64_t key_head = in.modulo ? head % in.key_heads : head * in.key_heads / in.heads;
            const float *k = &in.k[(row * in.key_heads + key_head) * in.keys];
            const float *q = &in.q[(row * in.key_heads + key_head) * in.keys];
            uint64_t gate = row * in.heads + head;
            double alpha = static_cast<double>(in.alpha[gate]);
            double decay = std::exp(softplus(alpha + static_cast<double>(in.dt_bias[head])) *
                                    static_cast<double>(in.a[head]));
            double beta = sigmoid(static_cast<double>(in.beta[gate]));
            for (uint64_t j = 0; j < in.head_dim; ++j) {
                std::span<double> m = state.of(head * in.head_dim + j);
                uint64_t at = gate * in.head_dim + j;
                for (double &value : m)
                    value *= decay;
                double change = (static_cast<double>(in.v[at]) - dot(m, k)) * beta;
                for (uint64_t i = 0; i < in.keys; ++i)
                    m[i] += change * static_cast<double>(k[i]);
                y[at] = static_cast<float>(static_cast<double>(in.scale) * dot(m, q));
            }
        }
    return y;
}

std::vector<float> wkv(const WkvInput &in, std::span<float> kept) {
    assert(kept.size() == in.heads * in.keys * in.keys);
    State state(kept, in.keys);
    std::vector<float> y(in.v.size());
    for (uint64_t row = 0; row < in.rows; ++row)
        for (uint64_t head = 0; head < in.heads; ++head)
            for (uint64_t j = 0; j < in.keys; ++j) {
                uint64_t first = (row * in.heads + head) * in.keys;
                std::span<double> s = state.of(head * in.keys + j);
                double sum = 0, v = static_cast<double>(in.v[first + j]);
                for (uint64_t i = 0; i < in.keys; ++i) {
                    double kv = static_cast<double>(in.k[first + i]) * v;
                    double bonus = static_cast<double>(in.bonus[head * in.keys + i]);
                    sum += static_cast<double>(in.r[first + i]) * (s[i] + bonus * kv);
                    s[i] = s[i] * static_cast<double>(in.w[first + i]) + kv;
                }
                y[first + j] = static_cast<float>(sum);
            }
    return y;
}

std::vector<float> tokenShift(std::span<const float> x, std::span<const float> lerp,
                              std::span<const float> add, std::span<float> previous, bool keep) {
    uint64_t channels = previous.size(), mixes = lerp.size() / channels;
    uint64_t rows = x.size() / channels;
    std::vector<float> y(rows * mixes * channels);
    for (uint64_t row = 0; row < rows; ++row)
        for (uint64_t mix = 0; mix < mixes; ++mix)
            for (uint64_t c = 0; c < channels; ++c) {
                uint64_t at = (row * mixes + mix) * channels + c;
                double own = static_cast<double>(x[row * channels + c]);
                double before =
                    static_cast<double>(row > 0 ? x[(row - 1) * channels + c] : previous[c]);
                double share = static_cast<double>(lerp[mix * channels + c]) +
                               (add.empty() ? 0 : static_cast<double>(add[at]));
                y[at] = static_cast<float>(own + (before - own) * share);
            }
    if (keep)
        std::ranges::copy(x.last(channels), previous.begin());
    return y;
}

float recurrentMap(RecurrentFunction function, float x, float y) {
    double value = static_cast<double>(x);
    switch (function) {
    case RecurrentFunction::tanh:
        return static_cast<float>(std::tanh(value));
    case RecurrentFunction::decay:
        return static_cast<float>(std::exp(-std::exp(value)));
    case RecurrentFunction::sigmoid_times:
        return static_cast<float>(sigmoid(value) * static_cast<double>(y));
    }
    return 0;
}

std::vector<float> meanLogDecay(std::span<const float> raw, std::span<const float> bias,
                                std::span<const float> a) {
    uint64_t heads = bias.size(), rows = raw.size() / heads, keys = a.size() / heads;
    std::vector<float> means;
    for (uint64_t head = 0; head < heads; ++head) {
        double sum = 0, rate = a.empty() ? -1 : 0;
        for (uint64_t row = 0; row < rows; ++row) {
            double value =
                static_cast<double>(raw[row * heads + head]) + static_cast<double>(bias[head]);
            sum += a.empty() ? std::exp(value) : softplus(value);
        }
        for (uint64_t i = 0; i < keys; ++i)
            rate += static_cast<double>(a[head * keys + i]) / static_cast<double>(keys);
        means.push_back(static_cast<float>(sum / static_cast<double>(rows) * rate));
    }
    return means;
}

} // namespace longscope::reference
