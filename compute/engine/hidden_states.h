// The states of a text's tokens inside the model, as it is read: what a vector of a passage is made
// of.
#pragma once

#include "compute/engine/forward.h"

#include <functional>
#include <span>

namespace longscope::engine {

/// Which state of a token.
struct StateRequest {
    uint32_t layer =
        0; ///< what the layers before this one made; `layers` of the model: all of them
    bool normed = false; ///< behind the model's last norm; after all layers only
};

class HiddenStates : public Observer {
  public:
    /// `sink` gets [model_dim] of each token read, in order, on the reading's own thread. A layer
    /// that does not attend cannot be looked into. Throws Error(usage) for one there is not.
    using Sink = std::function<void(uint64_t position, std::span<const float> state)>;
    HiddenStates(gpu::Device &device, const model::Config &config, StateRequest request, Sink sink);
    bool wants(uint32_t layer, const Chunk &chunk) const override;
    void recorded(gpu::Recorder &recorder, const Pass &pass, uint32_t layer, const Chunk &chunk,
                  const Flush &flush) override;
    void finished(gpu::Recorder &recorder, const Pass &pass, const Chunk &chunk,
                  const Flush &flush) override;

  private:
    void handOut(const Pass &pass, const Activations &states, const Chunk &chunk);

    gpu::Device &device_;
    StateRequest request_;
    uint32_t layers_;
    Sink sink_;
    std::vector<float> rows_; ///< [rows, stride] of a chunk
};

} // namespace longscope::engine
