#include "compute/engine/recurrent_memory.h"

#include "compute/engine/mixer_plan.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace longscope::engine {

uint64_t planRecurrentMemory(const model::Config &config) {
    uint64_t bytes = 0;
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        bytes += planLayerState(config, layer);
    return bytes * (1 + kStateCopies);
}

RecurrentMemory::RecurrentMemory(gpu::Device &device, const model::Config &config)
    : device_(device), recorder_(device), unused_(kStateCopies) {
    const RecurrentShape shape = mixerShape(config);
    for (const model::LayerConfig &layer : config.layer)
        states_.push_back(layer.recurs() ? makeRecurrentState(device, shape) : RecurrentState{});
    for (Copy &copy : unused_)
        for (const RecurrentState &state : states_)
            copy.layers.push_back(
                state.bytes() == 0
                    ? gpu::Buffer()
                    : gpu::Buffer(device, "recurrent state", state.bytes(), gpu::Memory::readback));
}

/// visit(number, state) of the layers that recur.
template <class Visit> void RecurrentMemory::forEach(Visit visit) const {
    for (size_t layer = 0; layer < states_.size(); ++layer)
        if (states_[layer].bytes() > 0)
            visit(layer, states_[layer]);
}

/// One that is free, or the one that is missed least: whose neighbours are close to one another,
/// seen from the end.
RecurrentMemory::Copy RecurrentMemory::takeCopy() {
    if (unused_.empty()) {
        auto end = static_cast<double>(copies_.back().tokens);
        auto missed = [&](size_t i) {
            double before = i > 0 ? static_cast<double>(copies_[i - 1].tokens) : 0;
            double gap = static_cast<double>(copies_[i + 1].tokens) - before;
            return gap / (end - static_cast<double>(copies_[i].tokens));
        };
        size_t least = 0;
        for (size_t i = 1; i + 1 < copies_.size(); ++i)
            if (missed(i) < missed(least))
                least = i;
        unused_.push_back(std::move(copies_[least]));
        copies_.erase(copies_.begin() + static_cast<std::ptrdiff_t>(least));
    }
    Copy copy = std::move(unused_.back());
    unused_.pop_back();
    return copy;
}

void RecurrentMemory::keep(uint64_t tokens) {
    if (tokens == 0 || (!copies_.empty() && copies_.back().tokens == tokens))
        return;
    assert(copies_.empty() || copies_.back().tokens < tokens);
    Copy copy = takeCopy();
    copy.tokens = tokens;
    copy.logits.clear();
    forEach([&](size_t layer, const RecurrentState &state) {
        saveState(recorder_, state, copy.layers[layer], 0);
    });
    recorder_.run();
    copies_.push_back(std::move(copy));
}

void RecurrentMemory::keepLogits(uint64_t tokens, std::span<const float> logits) {
    if (auto found = std::ranges::find(copies_, tokens, &Copy::tokens); found != copies_.end())
        found->logits.assign(logits.begin(), logits.end());
}

std::span<const float> RecurrentMemory::logits(uint64_t tokens) const {
    auto found = std::ranges::find(copies_, tokens, &Copy::tokens);
    return found == copies_.end() ? std::span<const float>() : found->logits;
}

uint64_t RecurrentMemory::keepable(uint64_t count) const {
    uint64_t most = 0;
    for (const Copy &copy : copies_)
        if (copy.tokens <= count)
            most = copy.tokens;
    return most;
}

void RecurrentMemory::returnTo(uint64_t tokens, bool forget_later) {
    auto found = std::ranges::find(copies_, tokens, &Copy::tokens);
    assert(tokens == 0 || found != copies_.end());
    if (tokens == 0) {
        for (RecurrentState &state : states_)
            clearState(device_, state);
    } else {
        forEach([&](size_t layer, const RecurrentState &state) {
            restoreState(recorder_, state, found->layers[layer], 0);
        });
        recorder_.run();
    }
    while (forget_later && !copies_.empty() && copies_.back().tokens > tokens) {
        unused_.push_back(std::move(copies_.back()));
        copies_.pop_back();
    }
}

uint64_t RecurrentMemory::bytes() const {
    uint64_t sum = 0;
    forEach([&](size_t, const RecurrentState &state) { sum += state.bytes(); });
    return sum;
}

std::vector<std::byte> RecurrentMemory::download() const {
    std::vector<std::byte> all(bytes());
    std::span<std::byte> rest(all);
    forEach([&](size_t, const RecurrentState &state) {
        downloadState(device_, state, rest.first(state.bytes()));
        rest = rest.subspan(state.bytes());
    });
    return all;
}

void RecurrentMemory::upload(std::span<const std::byte> from, uint64_t tokens) {
    returnTo(0); // forgets the copies
    for (RecurrentState &state : states_) {
        uploadState(device_, state, from.first(state.bytes()));
        from = from.subspan(state.bytes());
    }
    keep(tokens);
}

} // namespace longscope::engine
