// Which tokens the next one can still see: what its layers' patterns have left behind and what
// evictions have thrown away is gone.
#include "compute/engine/attention_impl.h"

#include <algorithm>
#include <ranges>

namespace longscope::engine {
namespace {

using attention::Interval;

/// The keys that `query` and those after it do not see, whatever the head; none where the pattern
/// remembers everything.
Interval leftBehind(const attention::Pattern &pattern, uint64_t query) {
    auto kept = pattern.retention();
    if (!kept)
        return {};
    uint64_t first_seen = query;
    std::vector<Interval> keys;
    for (uint32_t kind = 0; kind < pattern.headKinds(); ++kind)
        pattern.appendKeys(0, kind, query, keys);
    const uint64_t step = pattern.step(0), remainder = query % step;
    for (const Interval &units : keys) { // never empty
        uint64_t first = remainder + step * units.first;
        if (remainder + step * (units.end - 1) >= kept->sinks)
            first_seen = std::min(first_seen, std::max(first, kept->sinks));
    }
    return first_seen > kept->sinks ? Interval{kept->sinks, first_seen} : Interval{};
}

/// Of a layer of which all KV heads see the same.
void addAllBut(Interval gone, float share, std::vector<float> &held) {
    for (uint64_t i = 0; i < held.size(); ++i)
        if (i < gone.first || i >= gone.end)
            held[i] += share;
}

void addHeads(const std::vector<std::vector<uint64_t>> &positions, float share,
              std::vector<float> &held) {
    for (const std::vector<uint64_t> &of_head : positions)
        for (uint64_t position : of_head)
            held[position] += share / static_cast<float>(positions.size());
}

} // namespace

Interval Attention::forgotten(uint64_t tokens) const {
    Interval all{0, UINT64_MAX};
    for (uint32_t layer = 0; layer < config_.layers; ++layer) {
        if (!layerOf(layer).attends())
            continue;
        Interval own = leftBehind(options_.patterns.of(layer), tokens);
        all = {std::max(all.first, own.first), std::min(all.end, own.end)};
    }
    return all.first < all.end && all.end <= tokens ? all : Interval{};
}

/// SnapKV: which positions the slots have after these moves.
void Attention::followChosen(uint32_t layer, std::span<const uint32_t> moves, uint32_t count) {
    Evicting &own = *evicting_;
    if (own.has_evicted && own.chosen.empty())
        return;
    own.chosen.resize(config_.layers);
    own.chosen[layer].resize(config_.kv_heads);
    for (uint32_t kv_head = 0; kv_head < config_.kv_heads; ++kv_head) {
        std::vector<uint64_t> &positions = own.chosen[layer][kv_head];
        uint64_t slots = first_slot_ + chunk_.rows;
        for (uint64_t next = own.chosen_end; positions.size() < slots; ++next)
            positions.push_back(next);
        attention::followMoves(moves, count, kv_head, options_.eviction.keep, positions);
    }
}

std::vector<std::vector<uint64_t>> Attention::keptPositions(uint32_t layer, uint64_t tokens) const {
    if (!evicting_)
        return {};
    if (options_.eviction.whileReading())
        return evicting_->layers[layer].positions();
    if (evicting_->chosen.empty())
        return {};
    std::vector<std::vector<uint64_t>> kept = evicting_->chosen[layer];
    for (std::vector<uint64_t> &of_head : kept) // those that came after the choice
        for (uint64_t position = evicting_->chosen_end; position < tokens; ++position)
            of_head.push_back(position);
    return kept;
}

std::vector<float> Attention::heldShares(uint64_t tokens) const {
    std::vector<float> held(tokens, 0);
    auto caches = std::ranges::count_if(std::views::iota(0u, config_.layers),
                                        [&](uint32_t layer) { return hasCache(config_, layer); });
    float share = 1.0F / static_cast<float>(std::max<int64_t>(caches, 1));
    if (evicting_ && evicting_->has_evicted && keptPositions(0, tokens).empty())
        return {}; // came from a file, which does not say
    for (uint32_t layer = 0; layer < config_.layers; ++layer) {
        if (!hasCache(config_, layer))
            continue;
        if (auto kept = keptPositions(layer, tokens); !kept.empty())
            addHeads(kept, share, held);
        else
            addAllBut(leftBehind(options_.patterns.of(layer), tokens), share, held);
    }
    return held;
}

} // namespace longscope::engine
