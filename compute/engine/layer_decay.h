// How fast recurrent layers forget, measured while a text is read: what a view of attention shows
// of layers that keep a state instead of keys. What the state is: recurrent_state.h.
#pragma once

#include "compute/engine/forward.h"

#include <vector>

namespace longscope::engine {

/// Give it to Session::read with an empty timeline, or to Session::lookAgain. A reading that was
/// stopped leaves figures that are good for nothing.
class DecayCollector : public Observer {
  public:
    DecayCollector(gpu::Device &device, const model::Config &config);

    bool wants(uint32_t, const Chunk &) const override { return false; }
    void recorded(gpu::Recorder &, const Pass &, uint32_t, const Chunk &, const Flush &) override {}
    bool wantsMixed(uint32_t layer, const Chunk &) const override { return !sums_[layer].empty(); }
    void mixed(gpu::Recorder &recorder, const Pass &pass, uint32_t layer, const Chunk &chunk,
               const Flush &flush) override;

    /// [RecurrentShape::decays()] the logarithm of the decay of each head (mamba-1, RWKV-6: of each
    /// channel), mean over the tokens that were seen: below 0, and exp(d * it) is what is left of a
    /// token d tokens later, as the geometric mean. Where a channel has several decays (mamba-1) it
    /// is their mean. Empty where nothing decays.
    std::vector<double> meanLog(uint32_t layer) const;
    uint32_t layers() const { return static_cast<uint32_t>(sums_.size()); }
    double seconds() const { return seconds_; } ///< beyond what the reading takes

  private:
    gpu::Buffer result_;                    ///< [decays], of one chunk and layer
    std::vector<std::vector<double>> sums_; ///< [layers][decays]
    std::vector<uint64_t> tokens_;          ///< of each layer
    double seconds_ = 0;
};

} // namespace longscope::engine
