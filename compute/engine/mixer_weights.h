// The weights of recurrent layers by role. A role that a kind of layer does not have is empty.
#pragma once

#include "compute/engine/blocks.h"
#include "compute/engine/linear.h"
#include "compute/model/config.h"

#include <array>

namespace longscope::engine {

/// rwkv6: what its layers have instead.
struct Rwkv6Weights {
    // time mix
    gpu::Buffer lerp_x;                ///< [model_dim]
    LinearGroup mix_down;              ///< model_dim -> [5, rank]
    std::array<LinearGroup, 5> mix_up; ///< rank -> model_dim, each to its columns of five
    gpu::Buffer lerps;                 ///< [5, model_dim]: w, k, v, r, g
    LinearGroup decay_down, decay_up;
    gpu::Buffer decay;                        ///< [model_dim]
    LinearGroup receptance, key, value, gate; ///< each to its columns of r | k | v | g
    gpu::Buffer bonus;                        ///< [heads, head_dim]
    Norm norm;                                ///< of each head, with weights of its own
    // channel mix
    gpu::Buffer channel_lerps; ///< [2, model_dim]: k, r
    LinearGroup channel_key, channel_value, channel_receptance;
};

struct MixerWeights {
    LinearGroup inputs;    ///< model_dim -> what MixerWidths places
    gpu::Buffer conv;      ///< [channels, taps]
    gpu::Buffer conv_bias; ///< [channels]
    LinearGroup dt_b_c;    ///< mamba-1: inner -> dt | B | C
    Norm dt_norm, b_norm, c_norm;
    LinearGroup dt; ///< mamba-1: rank -> inner
    gpu::Buffer dt_bias, a, d;
    Norm qk_norm; ///< delta net: to length 1
    Norm norm;    ///< of the result: mamba-2 of groups, delta net of heads
    LinearGroup output;
    Rwkv6Weights rwkv6;
};

class WeightParts;
class WeightSink;
/// Of one layer. Throws Error(model) where no kernel runs it.
MixerWeights buildMixer(WeightParts &parts, const model::Config &config, WeightSink &sink,
                        uint32_t layer);

} // namespace longscope::engine
