// What the recurrent layers of one timeline carry along, and copies of it as it was behind earlier
// tokens. A state cannot be cut back: who wants to return reads on from the last copy before.
// Copies lie where the host reads, not in the device's own memory, and are few.
#pragma once

#include "compute/engine/recurrent_state.h"
#include "compute/model/config.h"

#include <vector>

namespace longscope::engine {

constexpr uint32_t kStateCopies = 3;

/// Bytes that a RecurrentMemory books under "recurrent state": states and copies.
uint64_t planRecurrentMemory(const model::Config &config);

class RecurrentMemory {
  public:
    RecurrentMemory(gpu::Device &device, const model::Config &config);

    /// Of a layer that recurs.
    const RecurrentState &of(uint32_t layer) const { return states_[layer]; }

    /// Copies the states, which are those behind `tokens` tokens. Copies are kept close to one
    /// another near the end and further apart before; this one and the one before it always stay.
    void keep(uint64_t tokens);
    /// Logits of the last of these tokens stay with the copy behind them, if there is one: a text
    /// that is read again needs them, and the states are already beyond it.
    void keepLogits(uint64_t tokens, std::span<const float> logits);
    /// Empty when they are not known.
    std::span<const float> logits(uint64_t tokens) const;
    /// How many tokens, at most `count`, can be returned to; 0 always can.
    uint64_t keepable(uint64_t count) const;
    /// The states become those behind `tokens` tokens, of which there is a copy. Later copies are
    /// forgotten, if not said otherwise.
    void returnTo(uint64_t tokens, bool forget_later = true);

    /// Of all layers in order, for a saved session.
    uint64_t bytes() const;
    std::vector<std::byte> download() const;
    /// The states of another time; no copy of before counts any more.
    void upload(std::span<const std::byte> bytes, uint64_t tokens);

  private:
    struct Copy {
        uint64_t tokens = 0;
        std::vector<gpu::Buffer> layers; ///< as states_
        std::vector<float> logits;       ///< may be empty
    };
    template <class Visit> void forEach(Visit visit) const;
    Copy takeCopy();

    gpu::Device &device_;
    gpu::Recorder recorder_;
    std::vector<RecurrentState> states_; ///< [layers], empty where one does not recur
    std::vector<Copy> copies_;           ///< in order of their tokens
    std::vector<Copy> unused_;
};

} // namespace longscope::engine
