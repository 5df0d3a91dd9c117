// The part of `Attention` where the data decide: patterns that choose keys from scores, eviction,
// pages. Scores come from a kernel, the choice is made on the host (compute/attention/choose.h).
#include "compute/attention/plan.h"
#include "compute/engine/attention_impl.h"
#include "compute/engine/kernels.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace longscope::engine {
namespace {

using attention::EvictionKind;
using attention::Interval;

const std::pair<const gpu::Kernel *, const gpu::Kernel *> kScores{&kAttentionScoresLanes,
                                                                  &kAttentionScoresSubgroup};

constexpr uint32_t kScoreRanges = 64; ///< of keys, side by side on a GPU

/// The keys of one query by kv head: intervals of slots.
class SlotIntervals : public attention::KeySource {
  public:
    SlotIntervals(std::vector<std::vector<Interval>> keys, uint32_t kv_heads)
        : keys_(std::move(keys)), kv_heads_(kv_heads) {}
    uint32_t headKinds() const override { return static_cast<uint32_t>(keys_.size()); }
    uint32_t headKind(uint32_t head, uint32_t heads) const override {
        return head / (heads / kv_heads_);
    }
    void appendKeys(unsigned, uint32_t kind, uint64_t, std::vector<Interval> &keys) const override {
        keys.insert(keys.end(), keys_[kind].begin(), keys_[kind].end());
    }

  private:
    std::vector<std::vector<Interval>> keys_;
    uint32_t kv_heads_;
};

/// Pages as intervals, neighbours joined, ending at `keys`.
std::vector<Interval> intervalsOf(const std::vector<uint32_t> &pages, uint64_t page,
                                  uint64_t keys) {
    std::vector<Interval> intervals;
    for (uint32_t number : pages) {
        Interval next{number * page, std::min<uint64_t>((number + 1) * page, keys)};
        if (!intervals.empty() && intervals.back().end == next.first)
            intervals.back().end = next.end;
        else
            intervals.push_back(next);
    }
    return intervals;
}

} // namespace

// ---- scores ------------------------------------------------------------------------------------

std::span<const float> Attention::scoresOf(gpu::Recorder &recorder, const Scratch &scratch,
                                           const KvCache &cache, uint32_t layer, const Flush &flush,
                                           const attention::WantedScores &wanted) {
    const CacheLayer &own = cacheOf(cache, layer);
    const model::LayerConfig &shape = layerOf(layer);
    uint64_t count = uint64_t{shape.heads} * wanted.row_groups * wanted.key_groups;
    if (!scores_ || scores_.bytes() < count * sizeof(float)) {
        flush(); // what is recorded may use the old one
        scores_ = gpu::Buffer();
        scores_ =
            gpu::Buffer(device_, "scratch", count * sizeof(float) * 5 / 4, gpu::Memory::readback);
    }
    AttentionTile tile = chooseScoreTile(tiling_, shape.heads, shape.kv_heads, widthOf(layer));
    auto ranges = static_cast<uint32_t>(
        tiling_.family == KernelFamily::lanes
            ? 1
            : std::min<uint64_t>(ceilDiv(wanted.key_groups, 32), kScoreRanges));
    params::AttentionScores params{.q = scratch.q.address(),
                                   .k = own.k_planes,
                                   .rotation = key_rotation_ ? key_rotation_.address() : 0,
                                   .scores = scores_.address(),
                                   .head_facts = headFacts(layer),
                                   .first_row = wanted.first_row,
                                   .row_groups = wanted.row_groups,
                                   .key_groups = wanted.key_groups,
                                   .group = wanted.group,
                                   .heads = shape.heads,
                                   .kv_heads = shape.kv_heads,
                                   .capacity = static_cast<uint32_t>(own.room.capacity),
                                   .rope_dims = rotatedDims(layer),
                                   .scale = config_.scoreScale(layer),
                                   .position = static_cast<uint32_t>(first_slot_)};
    uint32_t flags = scoreFlags(layer) & ~uint32_t{ATTENTION_FAR | ATTENTION_SINKS};
    recorder.dispatch(
        pipeline(kScores, tile, layer, flags), params, {&scratch.q.buffer, &own.k}, {&scores_},
        {static_cast<uint32_t>(ceilDiv(wanted.row_groups, tile.queries)), shape.heads / tile.heads,
         ranges},
        {.bytes = uint64_t{wanted.key_groups} * wanted.group * cache.tokenBytes(own) / 2,
         .flops = 2 * count * wanted.group * shape.head_dim});
    flush();
    auto bytes = scores_.mapped();
    return {reinterpret_cast<const float *>(bytes.data()), count};
}

// ---- patterns that choose ----------------------------------------------------------------------

void Attention::attendChosen(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                             uint32_t layer, const Flush &flush, bool keep_state) {
    const attention::Pattern &pattern = options_.patterns.of(layer);
    attention::WantedScores wanted;
    if (!readSingly())
        wanted = attention::wantedScores(pattern, chunk_.position, chunk_.rows);
    if (wanted.row_groups > 0) {
        attention::ChunkScores scores{.position = chunk_.position,
                                      .rows = chunk_.rows,
                                      .heads = layerOf(layer).heads,
                                      .first_row = wanted.first_row,
                                      .row_groups = wanted.row_groups,
                                      .key_groups = wanted.key_groups,
                                      .group = wanted.group,
                                      .scores = {},
                                      .scale = config_.scoreScale(layer)};
        scores.scores = scoresOf(recorder, scratch, cache, layer, flush, wanted);
        chosen_ = std::make_unique<attention::Choice>(attention::chooseKeys(pattern, scores));
    } else { // short enough to be read in full, or rows that were
        flush();
        chosen_ = std::make_unique<attention::Choice>(std::vector<attention::Choice::Head>(
            layerOf(layer).heads,
            {.blocks_of = {}, .columns = {}, .offsets = {}, .is_full = true}));
    }
    schedule_words_ = static_words_; // nothing recorded uses what lies beyond
    chosen_prepared_ = std::make_unique<Prepared>(prepare(*chosen_, layer, For::rows));
    runPrefill(recorder, scratch, cache, layer, *chosen_prepared_, keep_state);
}

// ---- eviction: all layers attend and are of one shape (checkOptions) ---------------------------

void Attention::makeEvicting() {
    EvictionKind kind = options_.eviction.kind;
    if (kind == EvictionKind::none)
        return;
    evicting_ = std::make_unique<Evicting>();
    move_ = &sharedPipeline(kCacheMove, 0, 0);
    page_bounds_ = &sharedPipeline(kPageBounds, 0, 0);
    page_scores_ = &sharedPipeline(kPageScores, 0, 0);
    if (kind == EvictionKind::quest) {
        uint64_t pages = ceilDiv(options_.context_tokens, options_.eviction.page);
        uint64_t page_bytes = uint64_t{config_.kv_heads} * 2 * widths_.head_dim * sizeof(float);
        for (uint32_t layer = 0; layer < config_.layers; ++layer)
            evicting_->pages.push_back(
                layer < attention::kQuestDenseLayers
                    ? gpu::Buffer()
                    : gpu::Buffer(device_, "scratch", pages * page_bytes, gpu::Memory::device));
        evicting_->page_scores = gpu::Buffer(
            device_, "scratch", pages * config_.heads * sizeof(float), gpu::Memory::readback);
        evicting_->paged_keys.assign(config_.layers, 0);
    }
    truncate(0);
}

uint64_t Attention::firstSlot(uint64_t position) const {
    bool moved = evicting_ && evicting_->has_evicted;
    return moved ? evicting_->filled + (position - evicting_->end_position) : position;
}

void Attention::evict(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                      uint32_t layer, const Flush &flush) {
    if (!evicting_)
        return;
    uint64_t keys = first_slot_ + chunk_.rows;
    if (options_.eviction.whileReading()) {
        attention::Evictor &evictor = evicting_->layers[layer];
        for (uint32_t row = 0; row < chunk_.rows; ++row)
            evictor.append(chunk_.position + row);
        bool last_only = options_.eviction.kind == EvictionKind::tova;
        for (uint32_t row = last_only ? chunk_.rows - 1 : 0; row < chunk_.rows;
             row += kObservedRows) {
            uint32_t rows = std::min(kObservedRows, chunk_.rows - row);
            std::span<const float> scores = scoresOf(recorder, scratch, cache, layer, flush,
                                                     {.first_row = row,
                                                      .row_groups = rows,
                                                      .key_groups = static_cast<uint32_t>(keys),
                                                      .group = 1});
            evictor.observe(
                attention::softmaxRows(scores, config_.heads, rows, keys, first_slot_ + row), rows,
                keys);
        }
        uint32_t count = 0;
        std::vector<uint32_t> moves = evictor.shrink(count);
        moveRows(recorder, cache, layer, moves, count, flush);
        return;
    }
    if (!keepsObserved())
        return;
    attention::Eviction eviction = options_.eviction;
    eviction.window = std::min(eviction.window, chunk_.rows);
    std::span<const float> scores = scoresOf(recorder, scratch, cache, layer, flush,
                                             {.first_row = chunk_.rows - eviction.window,
                                              .row_groups = eviction.window,
                                              .key_groups = static_cast<uint32_t>(keys),
                                              .group = 1});
    std::vector<float> seen = attention::softmaxRows(scores, config_.heads, eviction.window, keys,
                                                     keys - eviction.window);
    auto kept = attention::chooseSnapKv(eviction, seen, config_.heads, config_.kv_heads, keys);
    uint32_t count = 0;
    std::vector<uint32_t> moves = attention::makeMoves(kept, count);
    followChosen(layer, moves, count);
    moveRows(recorder, cache, layer, moves, count, flush);
}

bool Attention::keepsObserved() const {
    return options_.eviction.kind == EvictionKind::snapkv && chunk_.rows > 1 &&
           chunk_.position + chunk_.rows == chunk_.total &&
           first_slot_ + chunk_.rows > options_.eviction.keep;
}

void Attention::moveRows(gpu::Recorder &recorder, const KvCache &cache, uint32_t layer,
                         const std::vector<uint32_t> &moves, uint32_t count, const Flush &flush) {
    if (count == 0)
        return;
    const CacheLayer &own = cacheOf(cache, layer);
    flush();
    if (!moves_ || moves_.bytes() < moves.size() * sizeof(uint32_t))
        moves_ = gpu::Buffer(device_, "scratch", moves.size() * sizeof(uint32_t) * 2,
                             gpu::Memory::upload);
    std::memcpy(moves_.mapped().data(), moves.data(), moves.size() * sizeof(uint32_t));
    params::CacheMove params{.k = own.k_planes,
                             .v = own.v_planes,
                             .moves = moves_.address(),
                             .count = count,
                             .kv_heads = config_.kv_heads,
                             .capacity = static_cast<uint32_t>(own.room.capacity),
                             .unused = 0};
    recorder.dispatch(*move_, params, {&moves_, &own.k, &own.values()}, {&own.k, &own.values()},
                      {count, config_.kv_heads}, {.bytes = 2 * count * cache.tokenBytes(own)});
    flush();
}

void Attention::end() {
    if (chunk_.rows == 1 && !chunk_.keys)
        noteSingle(chunk_.position);
    if (!evicting_)
        return;
    Evicting &own = *evicting_;
    uint64_t keys = first_slot_ + chunk_.rows, keep = options_.eviction.keep;
    bool observed = keepsObserved();
    own.end_position = chunk_.position + chunk_.rows;
    own.filled = keys;
    if (observed)
        own.chosen_end = own.end_position;
    if (observed || (options_.eviction.whileReading() && keys > keep)) {
        own.filled = keep;
        own.has_evicted = true;
    }
}

void Attention::truncate(uint64_t count) {
    cutSingles(count);
    if (count == 0)
        written_ = 0;
    if (!evicting_)
        return;
    Evicting &own = *evicting_;
    if (count > 0 && own.has_evicted) {
        assert(count == own.end_position); // keepable() says so
        return;
    }
    own.has_evicted = false;
    own.chosen.clear();
    own.chosen_end = 0;
    own.filled = own.end_position = count;
    for (uint64_t &keys : own.paged_keys)
        keys = std::min(keys, count / options_.eviction.page * options_.eviction.page);
    if (!options_.eviction.whileReading())
        return;
    // What was seen of the tokens so far cannot be taken apart again: only 0 is asked for then.
    own.layers.assign(config_.layers,
                      attention::Evictor(options_.eviction, config_.heads, config_.kv_heads));
}

AttentionState Attention::saveState() const {
    AttentionState state{.written = written_, .filled = 0, .has_evicted = false, .evictors = {}};
    if (evicting_) {
        state.filled = evicting_->filled;
        state.has_evicted = evicting_->has_evicted;
        state.evictors = evicting_->layers;
    }
    return state;
}

void Attention::restoreState(AttentionState state, uint64_t tokens) {
    truncate(0); // pages are made anew from the keys
    written_ = state.written;
    restored_ = tokens;
    if (!evicting_)
        return;
    evicting_->filled = state.filled;
    evicting_->has_evicted = state.has_evicted;
    evicting_->end_position = tokens;
    evicting_->layers = std::move(state.evictors);
}

uint64_t Attention::keepable(uint64_t tokens, uint64_t count) const {
    if (count >= tokens)
        return tokens;
    if (evicting_ && (evicting_->has_evicted || options_.eviction.whileReading()))
        return 0;
    for (uint32_t layer = 0; layer < config_.layers; ++layer) {
        const LayerRoom &room = rooms_[layer];
        auto kept = options_.patterns.of(layer).retention();
        if (!layerOf(layer).attends() || !kept || written_ <= room.capacity)
            continue;
        // A ring still has the last `ring` positions; the next query sees `window` back.
        uint64_t oldest = written_ - room.slots.ring;
        if (count + 1 < oldest + kept->window)
            return 0;
    }
    return count;
}

// ---- pages (Quest) -----------------------------------------------------------------------------

bool Attention::selectsPages(uint32_t layer) const {
    return options_.eviction.kind == EvictionKind::quest && layer >= attention::kQuestDenseLayers &&
           chunk_.rows == 1 && readSingly() && first_slot_ + 1 > options_.eviction.keep;
}

void Attention::attendPages(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                            uint32_t layer, const Flush &flush, bool keep_state) {
    const CacheLayer &own = cacheOf(cache, layer);
    const gpu::Buffer &pages = evicting_->pages[layer];
    uint32_t page = options_.eviction.page;
    auto keys = static_cast<uint32_t>(first_slot_ + 1);
    auto count = static_cast<uint32_t>(ceilDiv(keys, page));
    auto capacity = static_cast<uint32_t>(ceilDiv(options_.context_tokens, page));
    // Looking back, the last page may know of later keys.
    auto first =
        static_cast<uint32_t>(std::min<uint64_t>(evicting_->paged_keys[layer] / page, count - 1));
    params::PageBounds bounds{.k = own.k_planes,
                              .pages = pages.address(),
                              .first_page = first,
                              .count = count - first,
                              .page_keys = page,
                              .page_capacity = capacity,
                              .keys = keys,
                              .kv_heads = config_.kv_heads,
                              .capacity = static_cast<uint32_t>(own.room.capacity),
                              .unused = 0};
    recorder.dispatch(*page_bounds_, bounds, {&own.k}, {&pages},
                      {static_cast<uint32_t>(ceilDiv(uint64_t{count - first} * widths_.head_dim / 4,
                                                     tiling_.shared_local)),
                       config_.kv_heads});
    evicting_->paged_keys[layer] = keys / page * page; // the last page is not whole
    const gpu::Buffer &result = evicting_->page_scores;
    params::PageScores scores{.q = scratch.q.address(),
                              .pages = pages.address(),
                              .scores = result.address(),
                              .count = count,
                              .page_capacity = capacity,
                              .heads = config_.heads,
                              .kv_heads = config_.kv_heads,
                              .scale = config_.scoreScale(layer),
                              .unused = 0};
    recorder.dispatch(*page_scores_, scores, {&scratch.q.buffer, &pages}, {&result},
                      {static_cast<uint32_t>(ceilDiv(count, tiling_.shared_local)), config_.heads});
    flush();

    auto *values = reinterpret_cast<const float *>(result.mapped().data());
    uint32_t group = config_.heads / config_.kv_heads;
    std::vector<std::vector<Interval>> chosen;
    for (uint32_t kv_head = 0; kv_head < config_.kv_heads; ++kv_head) {
        std::vector<float> own_bounds;
        for (uint32_t head = kv_head * group; head < (kv_head + 1) * group; ++head)
            own_bounds.insert(own_bounds.end(), values + uint64_t{head} * capacity,
                              values + uint64_t{head} * capacity + count);
        chosen.push_back(intervalsOf(
            attention::chooseQuestPages(options_.eviction, own_bounds, group, count), page, keys));
    }
    schedule_words_ = static_words_;
    chosen_ = std::make_unique<SlotIntervals>(std::move(chosen), config_.kv_heads);
    bool looks = keep_state || looking_back_;
    Prepared prepared = prepare(*chosen_, layer, looks ? For::rows : For::decode);
    if (looks)
        runPrefill(recorder, scratch, cache, layer, prepared, keep_state);
    else
        runDecode(recorder, scratch, cache, layer, prepared);
}

} // namespace longscope::engine
