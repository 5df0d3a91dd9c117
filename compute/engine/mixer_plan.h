// Sizes of recurrent layers, all from the config: the shape for the verbs, where the parts of
// joined rows lie, the rows that the layers share, and the bytes of what they carry along.
#pragma once

#include "compute/engine/activations.h"
#include "compute/engine/recurrent_state.h"
#include "compute/engine/tiling.h"
#include "compute/model/config.h"

#include <string>
#include <string_view>

namespace longscope::engine {

/// Whether any layer recurs.
bool recurs(const model::Config &config);
/// Of all recurrent layers of the model. Throws Error(model) where no kernel runs it.
RecurrentShape mixerShape(const model::Config &config);

/// Columns of joined rows; each part begins at a multiple of 32.
struct MixerWidths {
    // what the first matmul makes: u is convolved
    uint32_t u = 0;
    uint32_t gate_in = 0; ///< lfm2: multiplies u before the convolution
    uint32_t z = 0;       ///< gates the result; lfm2: multiplies what is convolved
    uint32_t rates = 0;   ///< mamba-2: dt; delta net: beta and alpha
    uint32_t alpha = 0;   ///< delta net: of the first head
    uint32_t inputs = 0;  ///< whole rows, as the following ones
    uint32_t convolved = 0;
    uint32_t b = 0, c = 0, dt_b_c = 0; ///< mamba-1: dt | B | C of u
    uint32_t result = 0;
    // rwkv6
    uint32_t mix_rank = 0, decay_rank = 0, channel_mix = 0;
};
MixerWidths mixerWidths(const model::Config &config);

/// Rows of a recurrent layer on their way, f32 as all activations.
struct MixerScratch {
    Activations inputs, convolved;
    Activations dt_b_c, dt; ///< mamba-1
    Activations result;
    // rwkv6
    Activations shifted;   ///< x mixed with the row before by lerp_x
    Activations low;       ///< [5, rank] of what shifts x
    Activations shares;    ///< [5, model_dim] how far each x moves
    Activations mixes;     ///< [5, model_dim] x for w, k, v, r, g; or [2, ..] for k, r
    Activations projected; ///< r | k | v | g; of the channel mix value | receptance
    Activations decay_low, raw_decay, decay;
    Activations hidden; ///< of the channel mix
};
uint64_t planMixerScratch(const model::Config &config, const Tiling &tiling);
MixerScratch makeMixerScratch(gpu::Device &device, const model::Config &config,
                              const Tiling &tiling);

/// What the recurrent layers are and what each keeps instead of keys, in one sentence; "" when
/// there are none.
std::string describeRecurrence(const model::Config &config);
std::string_view recurrenceName(model::Recurrence kind);

/// Of one layer; 0 where it does not recur.
uint64_t planLayerState(const model::Config &config, uint32_t layer);

} // namespace longscope::engine
