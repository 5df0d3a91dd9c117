// Which tokens a session still holds: what rings have written over and evictions thrown away is
// gone.
#include "compute/engine/attention_impl.h"

#include <algorithm>
#include <ranges>

namespace longscope::engine {
namespace {

/// A ring of the layer, of which all KV heads hold the same.
void addRing(const attention::Retention &kept, float share, std::vector<float> &held) {
    uint64_t tokens = held.size();
    uint64_t sinks = std::min(kept.sinks, tokens);
    uint64_t first = std::max(sinks, tokens - std::min(kept.window, tokens));
    for (uint64_t i = 0; i < sinks; ++i)
        held[i] += share;
    for (uint64_t i = first; i < tokens; ++i)
        held[i] += share;
}

template <class Position>
void addHeads(const std::vector<std::vector<Position>> &positions, uint64_t end, float share,
              std::vector<float> &held) {
    for (const std::vector<Position> &of_head : positions) {
        for (Position position : of_head)
            held[position] += share / static_cast<float>(positions.size());
        // Those that came after the choice are held by all.
        for (uint64_t i = end; i < held.size(); ++i)
            held[i] += share / static_cast<float>(positions.size());
    }
}

} // namespace

std::vector<float> Attention::heldShares(uint64_t tokens) const {
    std::vector<float> held(tokens, 0);
    auto caches = std::ranges::count_if(std::views::iota(0u, config_.layers),
                                        [&](uint32_t layer) { return hasCache(config_, layer); });
    float share = 1.0F / static_cast<float>(std::max<int64_t>(caches, 1));
    bool evicts = options_.eviction.whileReading();
    bool chose = evicting_ && !evicting_->chosen.empty();
    if (evicting_ && evicting_->has_evicted && !evicts && !chose)
        return {}; // came from a file, which does not say
    for (uint32_t layer = 0; layer < config_.layers; ++layer) {
        if (!hasCache(config_, layer))
            continue;
        auto kept = options_.patterns.of(layer).retention();
        if (evicts)
            addHeads(evicting_->layers[layer].positions(), tokens, share, held);
        else if (chose)
            addHeads(evicting_->chosen[layer], evicting_->chosen_end, share, held);
        else if (kept)
            addRing(*kept, share, held);
        else
            for (float &of_token : held)
                of_token += share;
    }
    return held;
}

} // namespace longscope::engine
