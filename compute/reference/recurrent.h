// The scalar twins of the kernels of recurrent layers: slow, obvious, over plain vectors, with sums
// and states in double within one call. Rows are dense. A state goes on from what it holds and is
// left as after the last row, so that a text may come in pieces of any length.
// Sources: Gu & Dao 2023 (mamba-1), Dao & Gu 2024 (mamba-2), Yang 2024 (gated delta net),
// Peng 2024 (RWKV-6).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace longscope::reference {

/// ln(1 + e^x)
double softplus(double x);

struct ConvInput {
    std::span<const float> u;        ///< [rows, channels]
    std::span<const float> gate_in;  ///< [rows, channels] or empty: multiplies u
    std::span<const float> gate_out; ///< [rows, channels] or empty: multiplies the result
    std::span<const float> weight;   ///< [channels, taps], the last one of the current row
    std::span<const float> bias;     ///< [channels] or empty
    uint64_t taps = 0;
    bool silu = false; ///< of the sum with its bias
};
/// Causal depthwise convolution: [rows, channels]. history [channels, taps - 1], oldest first: the
/// inputs before row 0.
std::vector<float> shortConv(const ConvInput &in, std::span<float> history);

struct MambaInput {
    std::span<const float> u;       ///< [rows, heads, head_dim]
    std::span<const float> b, c;    ///< [rows, groups, keys]
    std::span<const float> dt;      ///< mamba-1: [rows, head_dim]; mamba-2: [rows, heads]
    std::span<const float> z;       ///< [rows, heads, head_dim] or empty: result * silu(z)
    std::span<const float> dt_bias; ///< [head_dim] or [heads], so d
    std::span<const float> a;       ///< mamba-1: [head_dim, keys]; mamba-2: [heads]
    std::span<const float> d;
    uint64_t rows = 0, heads = 1, groups = 1, head_dim = 0, keys = 0;
};
/// [rows, heads, head_dim]; state [heads, head_dim, keys]. mamba-1 has one head and one group.
std::vector<float> scanMamba1(const MambaInput &in, std::span<float> state);
std::vector<float> scanMamba2(const MambaInput &in, std::span<float> state);

struct DeltaInput {
    std::span<const float> q, k;        ///< [rows, key_heads, keys], normalised
    std::span<const float> v;           ///< [rows, heads, head_dim]
    std::span<const float> alpha, beta; ///< [rows, heads], before softplus and sigmoid
    std::span<const float> dt_bias, a;  ///< [heads]
    uint64_t rows = 0, heads = 1, key_heads = 1, head_dim = 0, keys = 0;
    bool modulo = false; ///< head h reads key head h % key_heads, else h * key_heads / heads
    float scale = 1;
};
/// [rows, heads, head_dim]; state [heads, head_dim, keys].
std::vector<float> deltaNet(const DeltaInput &in, std::span<float> state);

struct WkvInput {
    std::span<const float> r, k, v, w; ///< [rows, heads, keys]; w: decays between 0 and 1
    std::span<const float> bonus;      ///< [heads, keys]
    uint64_t rows = 0, heads = 1, keys = 0;
};
/// [rows, heads, keys]; state [heads, keys of v, keys of k].
std::vector<float> wkv(const WkvInput &in, std::span<float> state);

/// Mixes of each row of x [rows, channels] with the one before (of row 0: previous [channels],
/// which becomes the last row when `keep`): [rows, mixes, channels] = x + (before - x) * (lerp +
/// add), lerp [mixes, channels], add [rows, mixes, channels] or empty.
std::vector<float> tokenShift(std::span<const float> x, std::span<const float> lerp,
                              std::span<const float> add, std::span<float> previous, bool keep);

enum class RecurrentFunction { tanh, decay, sigmoid_times };
/// tanh(x); exp(-exp(x)); sigmoid(x) * y.
float recurrentMap(RecurrentFunction function, float x, float y);

/// How fast heads forget: [heads], mean over rows of the logarithm of the decay, with raw [rows,
/// heads], bias [heads] and a [heads, keys], of which the mean counts: softplus(raw + bias) * a;
/// without a: -exp(raw + bias). Half is forgotten after ln(0.5) / it tokens.
std::vector<float> meanLogDecay(std::span<const float> raw, std::span<const float> bias,
                                std::span<const float> a);

} // namespace longscope::reference
