// The verbs of recurrent layers, each a dispatch with its cost, and the state that such a layer
// carries from token to token. Which projections feed which verb is not known here. The maths of
// each verb: shaders/params_recurrent.h.
#pragma once

#include "compute/engine/recurrent_state.h"
#include "compute/engine/scratch.h"
#include "compute/gpu/recorder.h"

namespace longscope::engine {

/// Some columns of rows on the device: one matmul makes several inputs of a mixer.
struct RowPart {
    const gpu::Buffer *buffer = nullptr; ///< null: none
    uint64_t address = 0;                ///< of the first element
    uint32_t stride = 0;                 ///< floats from row to row
    uint32_t width = 0;                  ///< as output: columns that are written, zeros as padding
};
/// From `column` on to the end of the row.
RowPart partOf(const Activations &rows, uint32_t column = 0);

/// The tile of a scan (SPEC_SCAN_*).
struct ScanTile {
    uint32_t local = 64;
    uint32_t split = 1; ///< invocations that share the state of one value
    uint32_t lanes = 0; ///< of a subgroup that hand out what all of them read; 0: each reads it
    uint32_t wide = 1;  ///< values of an invocation
    uint32_t values() const { return local / split * wide; } ///< of a workgroup
    bool operator==(const ScanTile &) const = default;
};
ScanTile chooseScanTile(const Tiling &tiling, uint32_t keys);

struct ConvInputs {
    RowPart u;                           ///< [channels]
    RowPart gate_in, gate_out;           ///< mixer short_conv only; stride as u
    const gpu::Buffer *weight = nullptr; ///< [channels, taps]
    const gpu::Buffer *bias = nullptr;   ///< [channels], when shape.conv_bias
};

struct MambaInputs {
    RowPart u, z; ///< [heads, head_dim]
    RowPart b, c; ///< [groups, keys], one stride
    RowPart dt;   ///< [heads], mamba-1 [head_dim]; before bias and softplus
    const gpu::Buffer *dt_bias = nullptr, *a = nullptr, *d = nullptr;
};

struct DeltaInputs {
    RowPart q, k;        ///< [groups, keys], each head of length 1
    RowPart v;           ///< [heads, head_dim]; q, k and v of one stride
    RowPart alpha, beta; ///< of one stride; column (h / gate_heads) * gate_step + h % gate_heads
    uint32_t gate_heads = 1, gate_step = 1;
    const gpu::Buffer *dt_bias = nullptr, *a = nullptr; ///< [heads]
};

struct WkvInputs {
    RowPart r, k, v;                    ///< [heads, keys], one stride
    RowPart w;                          ///< [heads, keys]: the decay itself
    const gpu::Buffer *bonus = nullptr; ///< [heads, keys]
};

/// Which row of the history of rwkv6 a token shift reads.
enum class ShiftOf : uint32_t { time_mix, channel_mix };

struct ShiftInputs {
    RowPart x;                         ///< [channels]
    RowPart add;                       ///< [mixes, width of a mix of y], or none
    const gpu::Buffer *lerp = nullptr; ///< [mixes, channels]
    uint32_t mixes = 1;
    ShiftOf of = ShiftOf::time_mix;
    bool keep = false; ///< the last row of x becomes the history: at the last use of these rows
};

struct DecayInputs {
    RowPart raw;                            ///< dt or alpha; rwkv6: what `decay` reads
    uint32_t gate_heads = 1, gate_step = 1; ///< as DeltaInputs
    const gpu::Buffer *bias = nullptr;      ///< of each head or channel
    const gpu::Buffer *a = nullptr;         ///< not rwkv6
};

/// The verbs of one kind of layer. Rows go on from the state and leave the state after the last
/// row. No output may be an input, but for `map`.
class Recurrent {
  public:
    /// Throws Error(model) for a shape that checkRecurrentShape refuses.
    Recurrent(gpu::Device &device, const Tiling &tiling, const RecurrentShape &shape);

    const RecurrentShape &shape() const { return shape_; }

    /// y = causal convolution of u with its history, silu (short_conv: products with both gates)
    void conv(gpu::Recorder &recorder, const ConvInputs &in, const RecurrentState &state,
              const RowPart &y, uint32_t rows) const;
    /// y = selective scan * silu(z); mixers mamba1 and mamba2
    void scan(gpu::Recorder &recorder, const MambaInputs &in, const RecurrentState &state,
              const RowPart &y, uint32_t rows) const;
    /// y = gated delta rule / sqrt(keys)
    void delta(gpu::Recorder &recorder, const DeltaInputs &in, const RecurrentState &state,
               const RowPart &y, uint32_t rows) const;
    /// y = RWKV-6 recurrence
    void wkv(gpu::Recorder &recorder, const WkvInputs &in, const RecurrentState &state,
             const RowPart &y, uint32_t rows) const;
    /// y [mixes, y.width / mixes] = mixes of each row with the one before
    void shift(gpu::Recorder &recorder, const ShiftInputs &in, const RecurrentState &state,
               const RowPart &y, uint32_t rows) const;
    /// y = tanh(x)
    void tanh(gpu::Recorder &recorder, const RowPart &x, const RowPart &y, uint32_t rows) const;
    /// y = exp(-exp(x + bias)), bias [channels]
    void decay(gpu::Recorder &recorder, const RowPart &x, const gpu::Buffer &bias, const RowPart &y,
               uint32_t rows) const;
    /// y = sigmoid(x) * y
    void sigmoidTimes(gpu::Recorder &recorder, const RowPart &x, const RowPart &y,
                      uint32_t rows) const;

    /// result [shape.decays()] = mean over rows of the logarithm of the decay, below 0 (half is
    /// forgotten after ln(0.5) / it tokens); delta_net: of `raw` as alpha lies there
    void meanLogDecay(gpu::Recorder &recorder, const DecayInputs &in, const gpu::Buffer &result,
                      uint32_t rows) const;

  private:
    gpu::Groups scanGroups(const RowPart &y) const;
    gpu::Cost scanCost(uint32_t rows, uint64_t inputs) const;
    void map(gpu::Recorder &recorder, const gpu::Pipeline &pipeline, const RowPart &x,
             const gpu::Buffer *bias, const RowPart &y, uint32_t columns, uint32_t rows) const;

    const RecurrentShape shape_;
    const Tiling tiling_;
    const ScanTile tile_;
    const gpu::Pipeline *conv_ = nullptr;
    const gpu::Pipeline *scan_ = nullptr, *scan_aligned_ = nullptr;
    const gpu::Pipeline *shift_[4] = {}; ///< by flags
    const gpu::Pipeline *tanh_ = nullptr, *decay_ = nullptr, *sigmoid_times_ = nullptr;
    const gpu::Pipeline *decay_mean_ = nullptr;
};

} // namespace longscope::engine
