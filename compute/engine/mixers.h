// The recurrent layers of a model in the forward pass: which projections feed which verb
// (recurrent.h) in which order. The states belong to the timeline (recurrent_memory.h).
#pragma once

#include "compute/engine/mixer_plan.h"
#include "compute/engine/recurrent.h"
#include "compute/engine/recurrent_memory.h"

namespace longscope::engine {

struct Step; // forward.h

class Mixers {
  public:
    /// `memory` must outlive this. Throws Error(model) for layers that no kernel runs.
    Mixers(gpu::Device &device, const Tiling &tiling, const model::Config &config,
           const RecurrentMemory &memory);

    /// out += the layer's mixer of in. Its rows go on from the layer's state, which ends behind the
    /// last of them. rwkv6: the time mix.
    void mix(const Step &step, const Activations &in, const Activations &out) const;
    /// rwkv6: out += the channel mix of in; where the model says so out is halved behind it.
    void mixChannels(const Step &step, const Activations &in, const Activations &out) const;

    /// result [shape().decays()] = mean over the chunk's rows of the logarithm of each decay (see
    /// Recurrent::meanLogDecay). Right behind `mix` of the same step, whose rows it reads.
    void meanLogDecay(const Step &step, const gpu::Buffer &result) const;

    const RecurrentShape &shape() const { return verbs_.shape(); }

  private:
    void convolve(const Step &step) const;
    void scanMamba1(const Step &step) const;
    void scanMamba2(const Step &step) const;
    void learnDeltas(const Step &step) const;
    uint32_t gateHeads() const;
    void mixTimes(const Step &step, const Activations &in) const; // mixers_rwkv6.cpp
    void project(const Step &step) const;
    void decay(const Step &step) const;

    const RecurrentState &stateOf(const Step &step) const;

    const model::Config &config_;
    const MixerWidths widths_;
    const Recurrent verbs_;
    const RecurrentMemory &memory_;
};

} // namespace longscope::engine
