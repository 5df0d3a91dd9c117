// What the files of `Attention` share and nobody else sees.
#pragma once

#include "compute/engine/attention.h"

namespace longscope::engine {

constexpr uint64_t ceilDiv(uint64_t a, uint64_t b) {
    return (a + b - 1) / b;
}

constexpr uint32_t kObservedRows = 64; ///< eviction: scores of so many queries are held at once

/// Which keys of a layer count as far.
attention::Zones zonesOf(const model::Config &config, const SessionOptions &options,
                         uint32_t layer);
/// What a head needs to be told of it; 0 where nothing (params.h, head_facts).
uint64_t headFactsBytes(const model::Config &config);
/// `tile` when its heads are of one kind in every workgroup, else `single`: one head a workgroup.
AttentionTile tileOfKinds(const attention::KeySource &keys, uint32_t heads,
                          const AttentionTile &tile, const AttentionTile &single);
/// Of attention over these keys.
AttentionTile prefillTileFor(const attention::KeySource &keys, const Tiling &tiling,
                             const model::LayerConfig &layer, uint32_t head_dim_padded);
/// The kinds of a grid's head groups.
std::vector<uint32_t> kindsOf(const attention::KeySource &keys, uint32_t heads,
                              const AttentionTile &tile);

/// Schedules on the device: one for each pass.
struct Attention::Prepared {
    struct Part {
        uint64_t offset_bytes = 0; ///< in the buffer of schedules
        uint32_t tiles = 0, groups = 0;
        bool has_lists = false;
    };
    AttentionTile tile;
    std::vector<Part> parts;
    AttentionWork work;     ///< of all passes and heads
    uint64_t most_keys = 0; ///< decode: of one group
};

/// What eviction and the selection of pages keep between chunks.
struct Attention::Evicting {
    std::vector<attention::Evictor> layers; ///< h2o and tova
    uint64_t filled = 0;                    ///< slots in use, before this chunk
    bool has_evicted = false;
    uint64_t end_position = 0; ///< of the tokens that are in the slots
    // snapkv: the positions that were kept, [layer][kv_head][slot], of those before `chosen_end`;
    // the slots behind them hold those from there on. Empty: all, or unknown where some were
    // evicted (a session file does not say).
    std::vector<std::vector<std::vector<uint64_t>>> chosen;
    uint64_t chosen_end = 0;
    // quest
    std::vector<gpu::Buffer> pages; ///< of each layer
    gpu::Buffer page_scores;
    std::vector<uint64_t> paged_keys; ///< of each layer: slots that its pages know
};

} // namespace longscope::engine
