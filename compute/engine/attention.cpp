#include "compute/engine/attention.h"

#include "compute/engine/attention_impl.h"
#include "compute/engine/kernels.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace longscope::engine {
namespace {

using attention::KeySource;
using attention::Pattern;
using attention::Schedule;

const std::pair<const gpu::Kernel *, const gpu::Kernel *> kPrefill{&kAttentionPrefillLanes,
                                                                   &kAttentionPrefillSubgroup},
    kDecode{&kAttentionDecodeLanes, &kAttentionDecodeSubgroup},
    kMap{&kAttentionMapLanes, &kAttentionMapSubgroup};

} // namespace

Attention::Attention(gpu::Device &device, const Tiling &tiling, const model::Config &config,
                     const WidthPlan &widths, const SessionOptions &options, const Sinks &sinks)
    : device_(device), tiling_(tiling), config_(config), widths_(widths), options_(options),
      rotations_(planRotations(config)) {
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        rooms_.push_back(planLayer(config, options, layer, tiling.chunk_tokens));
        far_regions_.push_back(farRegion(config, options, layer));
    }
    const attention::RopeScheme &scheme = options.ropeScheme();
    uint64_t rotations = options.context_tokens * config.rope().dims * sizeof(float);
    if (scheme.needsRawKeys() && rotations > 0) {
        refuseRawKeys();
        key_rotation_ = gpu::Buffer(device, "scratch", rotations, gpu::Memory::upload);
        if (scheme.nearKeys() != UINT64_MAX)
            key_rotation_far_ = gpu::Buffer(device, "scratch", rotations, gpu::Memory::upload);
    }
    makeHeadFacts(sinks);
    makeEvicting();
}

Attention::~Attention() = default;

// ---- schedules ---------------------------------------------------------------------------------

attention::Zones zonesOf(const model::Config &config, const SessionOptions &options,
                         uint32_t layer) {
    const Pattern &pattern = options.patterns.of(layer);
    if (pattern.relabelsSinks())
        return {.sinks = pattern.retention()->sinks};
    if (config.layer[layer].rope != model::kGlobalRope) // the scheme is of the others
        return {};
    return {.near_keys = options.ropeScheme().nearKeys()};
}

AttentionTile tileOfKinds(const KeySource &keys, uint32_t heads, const AttentionTile &tile,
                          const AttentionTile &single) {
    for (uint32_t head = 0; head < heads; ++head)
        if (keys.headKind(head, heads) != keys.headKind(head / tile.heads * tile.heads, heads))
            return single;
    return tile;
}

std::vector<uint32_t> kindsOf(const KeySource &keys, uint32_t heads, const AttentionTile &tile) {
    std::vector<uint32_t> kinds;
    for (uint32_t head = 0; head < heads; head += tile.heads)
        kinds.push_back(keys.headKind(head, heads));
    return kinds;
}

AttentionTile prefillTileFor(const KeySource &keys, const Tiling &tiling,
                             const model::LayerConfig &layer, uint32_t head_dim_padded) {
    bool has_classes = false; // a chunk has few queries of a class
    for (unsigned pass = 0; pass < keys.passes(); ++pass)
        has_classes = has_classes || keys.step(pass) > 1;
    auto choose = has_classes ? chooseScoreTile : choosePrefillTile;
    return tileOfKinds(keys, layer.heads,
                       choose(tiling, layer.heads, layer.kv_heads, head_dim_padded),
                       choose(tiling, 1, 1, head_dim_padded));
}

AttentionTile Attention::tileFor(const KeySource &keys, uint32_t layer, For what) const {
    const model::LayerConfig &own = layerOf(layer);
    const uint32_t width = widthOf(layer);
    if (what == For::looking)
        return chooseScoreTile(tiling_, 1, 1, width);
    if (what == For::rows)
        return prefillTileFor(keys, tiling_, own, width);
    return tileOfKinds(keys, own.heads, chooseDecodeTile(tiling_, own.heads, own.kv_heads, width),
                       chooseDecodeTile(tiling_, 1, 1, width));
}

attention::ScheduleInput Attention::scheduleInput(const KeySource &keys, uint32_t layer,
                                                  const AttentionTile &tile) const {
    attention::ScheduleInput input;
    input.position = first_slot_;
    input.rows = chunk_.rows;
    input.tile_rows = tile.queries;
    input.key_step = tile.keys;
    input.kinds = kindsOf(keys, layerOf(layer).heads, tile);
    input.slots = rooms_[layer].slots;
    input.zones = zonesOf(config_, options_, layer);
    return input;
}

uint64_t Attention::place(const Schedule &schedule) {
    uint64_t words = schedule.words();
    uint64_t first = ceilDiv(schedule_words_, 16) * 16;
    uint64_t needed = (first + words) * sizeof(uint32_t);
    if (!schedules_ || schedules_.bytes() < needed) {
        gpu::Buffer larger(device_, "scratch", needed * 3 / 2, gpu::Memory::upload);
        if (schedules_)
            std::ranges::copy(schedules_.mapped().first(schedule_words_ * 4),
                              larger.mapped().data());
        schedules_ = std::move(larger);
    }
    schedule.write({reinterpret_cast<uint32_t *>(schedules_.mapped().data()) + first, words});
    schedule_words_ = first + words;
    return first * sizeof(uint32_t);
}

/// Makes and places the schedules of all passes for the rows of the chunk, or that of its one row
/// for decode.
Attention::Prepared Attention::prepare(const KeySource &keys, uint32_t layer, For what) {
    Prepared prepared;
    prepared.tile = tileFor(keys, layer, what);
    attention::ScheduleInput input = scheduleInput(keys, layer, prepared.tile);
    auto add = [&](const Schedule &schedule) {
        prepared.parts.push_back({.offset_bytes = place(schedule),
                                  .tiles = schedule.mostTiles(),
                                  .groups = static_cast<uint32_t>(schedule.groups.size()),
                                  .has_lists = !schedule.lists.empty()});
        prepared.work.visible_pairs += schedule.visible_pairs * prepared.tile.heads;
        prepared.work.computed_pairs += schedule.computed_pairs * prepared.tile.heads;
    };
    if (what == For::decode) {
        add(makeDecodeSchedule(keys, input, prepared.most_keys));
        return prepared;
    }
    for (unsigned pass = 0; pass < keys.passes(); ++pass) {
        input.pass = pass;
        add(makeSchedule(keys, input));
    }
    return prepared;
}

/// The schedule of a layer's own pattern, or of the chunk's keys, made once for all layers that
/// share it.
const Attention::Prepared &Attention::preparedFor(uint32_t layer, For what) {
    const Pattern &pattern = options_.patterns.of(layer);
    const KeySource &keys = chunk_.keys ? *chunk_.keys : pattern;
    auto &found = prepared_[{.pattern = &keys,
                             .capacity = rooms_[layer].capacity,
                             .near_keys = zonesOf(config_, options_, layer).near_keys,
                             .heads = layerOf(layer).heads,
                             .kv_heads = layerOf(layer).kv_heads,
                             .width = widthOf(layer),
                             .what = what}];
    if (!found)
        found = std::make_unique<Prepared>(prepare(keys, layer, what));
    return *found;
}

void Attention::begin(Chunk chunk, const Scratch &scratch, bool looking_back, bool observed) {
    chunk_ = chunk;
    looking_back_ = looking_back;
    first_slot_ = firstSlot(chunk.position);
    if (!looking_back)
        written_ = std::max(written_, chunk.position + chunk.rows);
    prepared_.clear();
    chosen_prepared_.reset();
    schedule_words_ = 0;
    fillRotations(scratch);
    // All that can be made now is made now: the buffer must not move under recorded dispatches.
    for (uint32_t layer = 0; layer < config_.layers; ++layer) {
        if (!layerOf(layer).attends() ||
            (chunk.rows > 1 && options_.patterns.of(layer).isDynamic()))
            continue;
        if (chunk.rows == 1 && !looking_back)
            preparedFor(layer, For::decode);
        if (chunk.rows > 1 || looking_back || observed)
            preparedFor(layer, For::rows);
    }
    static_words_ = schedule_words_;
}

/// Keys that the rows of the chunk can see between them, for the bytes that must be read.
uint64_t Attention::keysVisited(uint32_t layer) const {
    return std::min(first_slot_ + chunk_.rows, rooms_[layer].capacity);
}

// ---- kernels -----------------------------------------------------------------------------------

const gpu::Pipeline &Attention::pipeline(const KernelPair &kernels, const AttentionTile &tile,
                                         uint32_t layer, uint32_t flags) {
    bool lanes = tiling_.family == KernelFamily::lanes;
    const gpu::Kernel *kernel = lanes ? kernels.first : kernels.second;
    const uint32_t tile_key = (tile.heads * 64 + tile.lane_queries) * 64 + tile.keys;
    auto &found = pipelines_[{kernel, widthOf(layer), tile_key, flags}];
    if (!found)
        found =
            &gpu::findPipeline(device_, *kernel,
                               {{SPEC_HEAD_DIM, widthOf(layer)},
                                {SPEC_CACHE_K, static_cast<uint32_t>(options_.k)},
                                {SPEC_CACHE_V, static_cast<uint32_t>(valueType(config_, options_))},
                                {SPEC_FLAGS, flags},
                                {SPEC_TILE_A, tile.heads},
                                {SPEC_TILE_B, tile.keys},
                                {SPEC_TILE_C, tile.lane_queries}},
                               {.local_size = tile.local, .subgroup_size = lanes ? 8u : 0u});
    return *found;
}

const gpu::Pipeline &Attention::sharedPipeline(const gpu::Kernel &kernel, uint32_t layer,
                                               uint32_t flags) {
    auto &found = pipelines_[{&kernel, widthOf(layer), 0, flags}];
    if (!found)
        found =
            &gpu::findPipeline(device_, kernel,
                               {{SPEC_HEAD_DIM, widthOf(layer)},
                                {SPEC_CACHE_K, static_cast<uint32_t>(options_.k)},
                                {SPEC_CACHE_V, static_cast<uint32_t>(valueType(config_, options_))},
                                {SPEC_FLAGS, flags}},
                               {.local_size = tiling_.shared_local});
    return *found;
}

void Attention::attend(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                       uint32_t layer, const Flush &flush, bool keep_state) {
    bool many = chunk_.rows > 1 || looking_back_ || keep_state;
    if (selectsPages(layer))
        attendPages(recorder, scratch, cache, layer, flush, keep_state);
    else if (many && options_.patterns.of(layer).isDynamic())
        attendChosen(recorder, scratch, cache, layer, flush, keep_state);
    else if (many)
        runPrefill(recorder, scratch, cache, layer, preparedFor(layer, For::rows), keep_state);
    else
        runDecode(recorder, scratch, cache, layer, preparedFor(layer, For::decode));
    if (!looking_back_)
        evict(recorder, scratch, cache, layer, flush);
}

void Attention::runPrefill(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                           uint32_t layer, const Prepared &prepared, bool keep_state) {
    const CacheLayer &own = cacheOf(cache, layer);
    const model::LayerConfig &shape = layerOf(layer);
    const Activations &out = scratch.attended;
    params::AttentionPrefill params{.q = scratch.q.address(),
                                    .q_far = scratch.q_far.buffer ? scratch.q_far.address() : 0,
                                    .k = own.k_planes,
                                    .v = own.v_planes,
                                    .result = out.address(),
                                    .state = scratch.state.address(),
                                    .rotation = key_rotation_ ? key_rotation_.address() : 0,
                                    .rotation_far =
                                        key_rotation_far_ ? key_rotation_far_.address() : 0,
                                    .schedule = 0,
                                    .head_facts = headFacts(layer),
                                    .heads = shape.heads,
                                    .kv_heads = shape.kv_heads,
                                    .head_dim = shape.head_dim,
                                    .capacity = static_cast<uint32_t>(own.room.capacity),
                                    .out_stride = out.stride,
                                    .rope_dims = rotatedDims(layer),
                                    .scale = config_.scoreScale(layer),
                                    .position = static_cast<uint32_t>(first_slot_)};
    uint64_t parts = prepared.parts.size();
    for (uint64_t part = 0; part < parts; ++part) {
        const Prepared::Part &schedule = prepared.parts[part];
        uint32_t flags = scoreFlags(layer);
        if (part > 0)
            flags |= ATTENTION_CONTINUE;
        if (keep_state || parts > 1)
            flags |= ATTENTION_STATE;
        if (schedule.has_lists)
            flags |= ATTENTION_LISTS;
        params.schedule = schedules_.address() + schedule.offset_bytes;
        recorder.dispatch(pipeline(kPrefill, prepared.tile, layer, flags), params,
                          {&scratch.q.buffer, &own.k, &own.values(), &out.buffer, &scratch.state},
                          {&out.buffer, &scratch.state}, {schedule.tiles, schedule.groups},
                          {.bytes = keysVisited(layer) * cache.tokenBytes(own),
                           .flops = 4 * prepared.work.computed_pairs * shape.head_dim / parts});
    }
    work_.visible_pairs += prepared.work.visible_pairs;
    work_.computed_pairs += prepared.work.computed_pairs;
}

void Attention::runDecode(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                          uint32_t layer, const Prepared &prepared) {
    const CacheLayer &own = cacheOf(cache, layer);
    const model::LayerConfig &shape = layerOf(layer);
    const Prepared::Part &schedule = prepared.parts.front();
    uint64_t keys = prepared.most_keys;
    uint32_t splits = decodeSplits(tiling_, keys);
    params::AttentionDecode params{.q = scratch.q.address(),
                                   .q_far = scratch.q_far.buffer ? scratch.q_far.address() : 0,
                                   .k = own.k_planes,
                                   .v = own.v_planes,
                                   .partial = scratch.partial.address(),
                                   .rotation = key_rotation_ ? key_rotation_.address() : 0,
                                   .rotation_far =
                                       key_rotation_far_ ? key_rotation_far_.address() : 0,
                                   .schedule = schedules_.address() + schedule.offset_bytes,
                                   .head_facts = headFacts(layer),
                                   .splits = splits,
                                   .keys_per_split = static_cast<uint32_t>(ceilDiv(keys, splits)),
                                   .heads = shape.heads,
                                   .kv_heads = shape.kv_heads,
                                   .capacity = static_cast<uint32_t>(own.room.capacity),
                                   .rope_dims = rotatedDims(layer),
                                   .scale = config_.scoreScale(layer),
                                   .position = static_cast<uint32_t>(first_slot_)};
    uint32_t flags = scoreFlags(layer) | (schedule.has_lists ? ATTENTION_LISTS : 0u);
    recorder.dispatch(pipeline(kDecode, prepared.tile, layer, flags & ~uint32_t{ATTENTION_SINKS}),
                      params, {&scratch.q.buffer, &own.k, &own.values()}, {&scratch.partial},
                      {splits, schedule.groups},
                      {.bytes = keys * cache.tokenBytes(own),
                       .flops = 4 * prepared.work.visible_pairs * shape.head_dim});
    params::AttentionMerge merge{.partial = scratch.partial.address(),
                                 .result = scratch.attended.address(),
                                 .head_facts = headFacts(layer),
                                 .splits = splits,
                                 .heads = shape.heads,
                                 .head_dim = shape.head_dim,
                                 .unused = 0};
    uint64_t partial_bytes = uint64_t{splits} * shape.heads * (widthOf(layer) + 2) * sizeof(float);
    recorder.dispatch(sharedPipeline(kAttentionMerge, layer, flags & ATTENTION_SINKS), merge,
                      {&scratch.partial}, {&scratch.attended.buffer}, {shape.heads},
                      {.bytes = partial_bytes});
    work_.visible_pairs += prepared.work.visible_pairs;
    work_.computed_pairs += prepared.work.visible_pairs;
}

// ---- looking -----------------------------------------------------------------------------------

unsigned Attention::passes(uint32_t layer, const KeySource *other) const {
    return other ? other->passes() : options_.patterns.of(layer).passes();
}

void Attention::mapPass(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                        uint32_t layer, const Flush &flush, const MapTarget &target,
                        const KeySource *other) {
    assert(chunk_.rows > 0 && target.buffer);
    if (!other && (options_.patterns.of(layer).isDynamic() || selectsPages(layer)))
        other = chosen_.get();
    flush(); // placing a schedule may move those that recorded dispatches use
    if (other)
        schedule_words_ = static_words_;
    Prepared made = other ? prepare(*other, layer, For::looking) : Prepared();
    const Prepared &prepared = other ? made : preparedFor(layer, For::looking);
    if (!other)
        static_words_ = schedule_words_;
    const CacheLayer &own = cacheOf(cache, layer);
    const model::LayerConfig &shape = layerOf(layer);
    bool cells = target.cells > 0;
    params::AttentionMap params{.q = scratch.q.address(),
                                .q_far = scratch.q_far.buffer ? scratch.q_far.address() : 0,
                                .k = own.k_planes,
                                .state = scratch.state.address(),
                                .rotation = key_rotation_ ? key_rotation_.address() : 0,
                                .rotation_far = key_rotation_far_ ? key_rotation_far_.address() : 0,
                                .schedule = 0,
                                .target = 0,
                                .head_facts = headFacts(layer),
                                .position = static_cast<uint32_t>(first_slot_),
                                .heads = shape.heads,
                                .kv_heads = shape.kv_heads,
                                .capacity = static_cast<uint32_t>(own.room.capacity),
                                .rope_dims = rotatedDims(layer),
                                .scale = config_.scoreScale(layer),
                                .first_head = target.first_head,
                                .first_key = target.first_key,
                                .cell_keys = target.cell_keys,
                                .cells = target.cells,
                                .sinks = target.sinks,
                                .recent = target.recent};
    for (size_t part = 0; part < prepared.parts.size(); ++part) {
        const Prepared::Part &schedule = prepared.parts[part];
        uint32_t flags = scoreFlags(layer) | (cells ? MAP_CELLS : MAP_METRICS) |
                         (schedule.has_lists ? ATTENTION_LISTS : 0u);
        params.schedule = schedules_.address() + schedule.offset_bytes;
        params.target = target.buffer->address() + target.offset_bytes + part * target.pass_bytes;
        recorder.dispatch(pipeline(kMap, prepared.tile, layer, flags & ~uint32_t{ATTENTION_SINKS}),
                          params, {&scratch.q.buffer, &own.k, &scratch.state}, {target.buffer},
                          {schedule.tiles, cells ? target.heads : shape.heads},
                          {.flops = 2 * prepared.work.computed_pairs * shape.head_dim});
    }
}

} // namespace longscope::engine
