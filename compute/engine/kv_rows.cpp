#include "compute/engine/kv_rows.h"

#include "compute/engine/session_impl.h"

#include <algorithm>
#include <cassert>
#include <format>

namespace longscope::engine {
namespace {

using attention::EvictionKind;
using attention::SlotMap;

bool isRing(const LayerRoom &room) {
    return room.slots != SlotMap{};
}

/// Calls visit(layer, buffer, first_byte, row_bytes) for each run of rows: of each layer, K and V,
/// their data and their scales, and each KV head. Row 0 of the run is at `first_byte`.
template <class Visit> void forEachRun(const KvCache &cache, Visit visit) {
    for (const CacheLayer &layer : cache.layers) {
        if (layer.kv_heads == 0) // no cache of its own
            continue;
        auto plane = [&](const gpu::Buffer &buffer, uint64_t start, uint64_t row_bytes) {
            for (uint64_t kv_head = 0; row_bytes > 0 && kv_head < layer.kv_heads; ++kv_head)
                visit(layer, buffer, start + kv_head * layer.room.capacity * row_bytes, row_bytes);
        };
        auto planes = [&](const gpu::Buffer &buffer, const params::CachePlanes &of,
                          CacheType type) {
            plane(buffer, 0, attention::dataBytes(type, layer.head_dim));
            plane(buffer, of.scales - of.data, attention::scaleBytes(type, layer.head_dim));
        };
        planes(layer.k, layer.k_planes, cache.k_type);
        if (layer.v)
            planes(layer.v, layer.v_planes, cache.v_type);
    }
}

/// Calls visit(first position, slot, rows) for the pieces of first .. end - 1 that lie in one run
/// of slots.
template <class Visit>
void forEachSlotRun(const SlotMap &slots, uint64_t first, uint64_t end, Visit visit) {
    while (first < end) {
        uint64_t slot = slots.slotOf(first);
        uint64_t until = first < slots.sinks
                             ? slots.sinks
                             : first + slots.ring - (slot - slots.sinks); // the ring's end
        until = std::min(until, end);
        visit(first, slot, until - first);
        first = until;
    }
}

/// The first position, beyond the sinks, that a ring still has of a timeline that once was so long.
uint64_t oldestOf(const LayerRoom &room, uint64_t written) {
    return written > room.capacity ? written - room.slots.ring : 0;
}

} // namespace

std::string whyNotKept(const Session &session) {
    const SessionOptions &options = session.options();
    const attention::Eviction &eviction = options.eviction;
    if (eviction.kind != EvictionKind::none && eviction.kind != EvictionKind::quest)
        return std::format("--evict {} throws keys away: what was read cannot be kept in pieces",
                           eviction.spec);
    const model::Config &config = session.engine().config();
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        if (config.layer[layer].attends() && options.patterns.of(layer).spec().contains("blocks:"))
            return std::format("--attention {} takes its mask from a file, which may change: what "
                               "was read is not kept",
                               options.patterns.of(layer).spec());
    return "";
}

uint64_t rowBytes(const Session &session) {
    uint64_t bytes = 0;
    forEachRun(session.impl().cache, [&](const CacheLayer &, const gpu::Buffer &, uint64_t,
                                         uint64_t row_bytes) { bytes += row_bytes; });
    return bytes;
}

uint64_t stateBytes(const Session &session) {
    const auto &memory = session.impl().memory;
    return memory ? memory->bytes() : 0;
}

uint64_t tokensHeld(const Session &session) {
    const Session::Impl &self = session.impl();
    uint64_t held = UINT64_MAX;
    for (const CacheLayer &layer : self.cache.layers)
        if (layer.kv_heads > 0 && isRing(layer.room))
            held = std::min(held,
                            layer.room.slots.ring - std::min<uint64_t>(layer.room.slots.ring,
                                                                       self.tiling.chunk_tokens));
    return held;
}

bool holdsRows(const Session &session, uint64_t first, uint64_t end) {
    const Session::Impl &self = session.impl();
    uint64_t written = self.attention->saveState().written;
    return end <= self.tokens.size() &&
           std::ranges::all_of(self.cache.layers, [&](const CacheLayer &layer) {
               return layer.kv_heads == 0 || end <= layer.room.slots.sinks ||
                      std::max(first, layer.room.slots.sinks) >= oldestOf(layer.room, written);
           });
}

void downloadRows(const Session &session, uint64_t first, uint64_t end, std::span<std::byte> to) {
    assert(holdsRows(session, first, end));
    std::vector<gpu::Range> ranges;
    forEachRun(session.impl().cache, [&](const CacheLayer &layer, const gpu::Buffer &buffer,
                                         uint64_t start, uint64_t row_bytes) {
        forEachSlotRun(layer.room.slots, first, end, [&](uint64_t, uint64_t slot, uint64_t rows) {
            ranges.push_back({&buffer, start + slot * row_bytes, rows * row_bytes});
        });
    });
    gpu::downloadRanges(session.engine().device(), ranges, to);
}

void uploadRows(Session &session, uint64_t first, uint64_t tokens,
                std::span<const std::byte> from) {
    assert(session.tokens().empty() && tokens <= session.contextTokens());
    uint64_t rows = from.size() / rowBytes(session);
    uint64_t end = std::min(first + rows, tokens);
    std::vector<gpu::Range> ranges;
    std::vector<std::byte> wanted; // those of `from` that go somewhere, in the order of the ranges
    wanted.reserve(from.size());
    forEachRun(session.impl().cache, [&](const CacheLayer &layer, const gpu::Buffer &buffer,
                                         uint64_t start, uint64_t row_bytes) {
        std::span<const std::byte> run = from.first(rows * row_bytes);
        from = from.subspan(rows * row_bytes);
        auto put = [&](uint64_t position, uint64_t slot, uint64_t count) {
            auto piece = run.subspan((position - first) * row_bytes, count * row_bytes);
            ranges.push_back({&buffer, start + slot * row_bytes, piece.size()});
            wanted.insert(wanted.end(), piece.begin(), piece.end());
        };
        const SlotMap &slots = layer.room.slots;
        forEachSlotRun(slots, first, std::min(end, std::min(slots.sinks, tokens)), put);
        uint64_t oldest = std::max({first, slots.sinks, oldestOf(layer.room, tokens)});
        forEachSlotRun(slots, oldest, end, put);
    });
    gpu::uploadRanges(session.engine().device(), ranges, wanted);
}

std::vector<std::byte> downloadStates(const Session &session) {
    const auto &memory = session.impl().memory;
    return memory ? memory->download() : std::vector<std::byte>();
}

void adoptTokens(Session &session, std::vector<Token> tokens, std::span<const std::byte> states) {
    Session::Impl &self = session.impl();
    assert(self.tokens.empty() && !tokens.empty());
    bool evicts = self.options.eviction.kind != EvictionKind::none;
    if (self.memory)
        self.memory->upload(states, tokens.size());
    self.attention->restoreState({.written = tokens.size(),
                                  .filled = evicts ? tokens.size() : 0,
                                  .has_evicted = false,
                                  .evictors = {}},
                                 tokens.size());
    self.tokens = std::move(tokens);
}

} // namespace longscope::engine
