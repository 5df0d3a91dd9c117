// What a recurrent layer carries from token to token, on the device: f32, zero at the start, of a
// size that does not grow with the text. Unlike a KV cache it cannot be cut back to an earlier
// token: whoever wants to return keeps a copy.
#pragma once

#include "compute/gpu/recorder.h"

#include <cstdint>
#include <span>

namespace longscope::engine {

enum class Mixer {
    short_conv, ///< lfm2
    mamba1,
    mamba2,
    delta_net, ///< qwen3next, qwen35
    rwkv6,
};

struct RecurrentShape {
    Mixer mixer = Mixer::short_conv;
    uint32_t channels = 0; ///< of the convolution; rwkv6: of a row, shifted by one token
    uint32_t taps = 0;     ///< of the convolution, 2..8
    bool conv_bias = false;
    uint32_t heads = 0;        ///< mamba-1: 1; delta_net: of the values
    uint32_t groups = 1;       ///< of B and C; delta_net: heads of q and k
    uint32_t head_dim = 0;     ///< values of a head
    uint32_t keys = 0;         ///< numbers that the state keeps of every value
    bool modulo_heads = false; ///< delta_net: head h reads q and k of h % groups (qwen35)

    uint32_t inner() const { return heads * head_dim; }
    /// How many rates of forgetting a layer has: one for each head, in mamba-1 and rwkv6 one for
    /// each channel, without a state none.
    uint32_t decays() const;
    /// Of one token and one number of the state: its update, and its share of the result.
    uint32_t stateFlops() const;
    /// Of one token in one layer, convolution and state.
    double tokenFlops() const;
    /// [channels, taps - 1], oldest first; rwkv6 [2, channels]: last inputs of time and channel mix
    uint64_t historyFloats() const;
    /// [heads, head_dim, keys]
    uint64_t stateFloats() const { return uint64_t{inner()} * keys; }
    uint64_t bytes() const { return (historyFloats() + stateFloats()) * sizeof(float); }
};

/// Throws Error(model), with the numbers, where the kernels cannot run such a layer: sizes come
/// from a file.
void checkRecurrentShape(const RecurrentShape &shape);

/// Of one layer. Bytes as a whole: the history, then the state.
struct RecurrentState {
    gpu::Buffer history, state; ///< empty where the mixer has none
    uint64_t bytes() const { return history.bytes() + state.bytes(); }
};

/// Zeros, booked under "recurrent state": shape.bytes().
RecurrentState makeRecurrentState(gpu::Device &device, const RecurrentShape &shape);
/// Back to zeros, as before the first token.
void clearState(gpu::Device &device, RecurrentState &state);

/// Copies of bytes() to and from an offset of a buffer on the device: checkpoints.
void saveState(gpu::Recorder &recorder, const RecurrentState &state, const gpu::Buffer &to,
               uint64_t offset_bytes);
void restoreState(gpu::Recorder &recorder, const RecurrentState &state, const gpu::Buffer &from,
                  uint64_t offset_bytes);
/// The same to and from bytes() of the host, which waits: saved sessions.
void downloadState(gpu::Device &device, const RecurrentState &state, std::span<std::byte> to);
void uploadState(gpu::Device &device, RecurrentState &state, std::span<const std::byte> from);

} // namespace longscope::engine
