// The part of `Attention` that knows positions: rotations of queries and keys under the scheme that
// was chosen.
#include "compute/core/error.h"
#include "compute/engine/attention_impl.h"
#include "compute/engine/kernels.h"

#include <algorithm>
#include <cmath>

namespace longscope::engine {
namespace {

using attention::Pattern;

/// Frequencies that follow the length are made anew every so many tokens.
constexpr uint64_t kLengthStep = 256;

std::span<float> floatsOf(const gpu::Buffer &buffer, uint64_t first, uint64_t count) {
    auto bytes = buffer.mapped();
    return {reinterpret_cast<float *>(bytes.data()) + first, count};
}

/// Norms behind the rotation take its magnitude away again.
bool isNormedBehind(const model::Config &config) {
    return config.architecture->qk_norm.after_rope &&
           std::ranges::any_of(config.layer, [](const model::LayerConfig &layer) {
               return layer.normed_heads && layer.rope != model::kNoRope;
           });
}

/// The scheme is of the global rope; the local one stays as in the file.
attention::Rope ropeOf(const model::Config &config, const SessionOptions &options, uint32_t index,
                       uint64_t length) {
    const model::RopeConfig &own = config.ropes[index];
    if (own.dims == 0)
        return {};
    attention::Rope rope = attention::makeRope(
        ropeSettings(own),
        index == model::kGlobalRope ? options.ropeScheme() : attention::RopeScheme(),
        config.context_tokens, length);
    if (isNormedBehind(config))
        rope.magnitude = 1;
    return rope;
}

} // namespace

void Attention::makeRopes() {
    uint64_t length =
        options_.ropeScheme().followsLength()
            ? std::min(ceilDiv(chunk_.total, kLengthStep) * kLengthStep, options_.context_tokens)
            : options_.context_tokens;
    if (length == rope_length_)
        return;
    ropes_.clear();
    for (uint32_t index = 0; index < config_.ropes.size(); ++index)
        ropes_.push_back(ropeOf(config_, options_, index,
                                index == model::kGlobalRope ? length : options_.context_tokens));
    rope_length_ = length;
    rotated_keys_ = 0;
}

void Attention::fillRotations(const Scratch &scratch) {
    makeRopes();
    std::vector<double> positions;
    for (uint32_t row = 0; row < chunk_.rows; ++row)
        positions.push_back(static_cast<double>(chunk_.positionOf(row)));
    for (uint32_t index = 0; index < ropes_.size(); ++index)
        if (uint64_t floats = uint64_t{chunk_.rows} * config_.ropes[index].dims)
            attention::fillRotation(
                ropes_[index], positions,
                floatsOf(scratch.rotation,
                         uint64_t{tiling_.chunk_tokens} * rotations_.before[index], floats));
    fillTemperatures(scratch);
    fillFarRotations(scratch);
    if (key_rotation_)
        fillKeyRotations();
}

void Attention::fillTemperatures(const Scratch &scratch) {
    const model::TemperatureConfig &temperature = config_.temperature;
    if (temperature.scale == 0)
        return;
    for (size_t index = 0; index < rotations_.before.size(); ++index) {
        uint32_t dims = index < config_.ropes.size() ? config_.ropes[index].dims : 0;
        uint64_t first = uint64_t{tiling_.chunk_tokens} * rotations_.before[index];
        auto factors =
            floatsOf(scratch.rotation, first + uint64_t{chunk_.rows} * dims, chunk_.rows);
        for (uint32_t row = 0; row < chunk_.rows; ++row) {
            double at = static_cast<double>(chunk_.positionOf(row)) + temperature.offset;
            factors[row] = static_cast<float>(
                1 + temperature.scale * std::log(std::floor(at / temperature.length) + 1));
        }
    }
}

void Attention::fillFarRotations(const Scratch &scratch) {
    const attention::RopeScheme &scheme = options_.ropeScheme();
    std::vector<double> positions(chunk_.rows);
    auto fill = [&](uint32_t region, uint32_t rope, auto &&positionOf) {
        if (rope == model::kNoRope || config_.ropes[rope].dims == 0)
            return;
        for (uint32_t row = 0; row < chunk_.rows; ++row)
            positions[row] = positionOf(chunk_.position + row);
        uint64_t first = uint64_t{region} * tiling_.chunk_tokens * rotations_.most_dims;
        attention::fillRotation(
            ropes_[rope], positions,
            floatsOf(scratch.rotation_far, first, positions.size() * config_.ropes[rope].dims));
    };
    if (scheme.nearKeys() != UINT64_MAX)
        fill(0, model::kGlobalRope, [&](uint64_t query) { return scheme.farQuery(query); });
    uint32_t filled = 0; // regions are numbered in the order of their first layers
    for (uint32_t layer = 0; layer < config_.layers; ++layer) {
        const Pattern &pattern = options_.patterns.of(layer);
        if (!layerOf(layer).attends() || !pattern.relabelsSinks() || far_regions_[layer] < filled)
            continue;
        fill(filled++, layerOf(layer).rope,
             [&](uint64_t query) { return static_cast<double>(pattern.sinkQuery(query)); });
    }
}

attention::Rope Attention::keyRope() const {
    return ropeOf(config_, options_, model::kGlobalRope, options_.context_tokens);
}

void Attention::fillKeyRotations() {
    const attention::RopeScheme &scheme = options_.ropeScheme();
    const attention::Rope &rope = ropes_.front();
    uint64_t end = chunk_.position + chunk_.rows;
    if (rotated_keys_ >= end)
        return;
    uint64_t first = rotated_keys_, count = end - first, dims = config_.rope().dims;
    attention::fillRotation(rope, first, count,
                            floatsOf(key_rotation_, first * dims, count * dims));
    if (key_rotation_far_) {
        std::vector<double> positions;
        for (uint64_t key = first; key < end; ++key)
            positions.push_back(scheme.farKey(key));
        attention::fillRotation(rope, positions,
                                floatsOf(key_rotation_far_, first * dims, count * dims));
    }
    rotated_keys_ = end;
}

void Attention::refuseRawKeys() const {
    bool splits = config_.rope_layout == model::RopeLayout::neox && config_.rope().dims % 4 != 0;
    if (splits && tiling_.family == KernelFamily::lanes)
        fail(ErrorKind::usage,
             "--rope {} rotates keys when they are read; of this model {} dimensions of a head are "
             "rotated, and on this device that number must be a multiple of 4",
             options_.ropeScheme().spec, config_.rope().dims);
}

bool Attention::hasRawKeys(uint32_t layer) const {
    return options_.ropeScheme().needsRawKeys() && layerOf(layer).rope == model::kGlobalRope;
}

uint32_t Attention::rotatedDims(uint32_t layer) const {
    const model::LayerConfig &own = layerOf(layer);
    if (own.rope == model::kNoRope)
        return 0;
    uint32_t dims = config_.ropes[own.rope].dims;
    uint32_t first = config_.architecture->attention.latent ? own.head_dim - dims : 0;
    return dims | first << 16;
}

uint64_t Attention::rotationOf(const Scratch &scratch, uint32_t layer) const {
    if (!scratch.rotation)
        return 0;
    uint32_t rope = layerOf(layer).rope;
    size_t index = rope == model::kNoRope ? config_.ropes.size() : rope;
    return scratch.rotation.address() +
           uint64_t{tiling_.chunk_tokens} * rotations_.before[index] * sizeof(float);
}

void Attention::rotate(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                       uint32_t layer, const HeadNorms &norms) {
    const model::LayerConfig &shape = layerOf(layer);
    const CacheLayer &own = cacheOf(cache, layer);
    uint64_t far_floats =
        uint64_t{far_regions_[layer]} * tiling_.chunk_tokens * rotations_.most_dims;
    params::Rope params{
        .qkv = scratch.qkv.address(),
        .rotation = rotationOf(scratch, layer),
        .rotation_far =
            scratch.rotation_far ? scratch.rotation_far.address() + far_floats * sizeof(float) : 0,
        .q = scratch.q.address(),
        .q_far = scratch.q_far.address(),
        .k = own.k_planes,
        .v = own.v_planes,
        .q_norm = norms.q,
        .k_norm = norms.k,
        .position = static_cast<uint32_t>(first_slot_),
        .sinks = static_cast<uint32_t>(own.room.slots.sinks),
        .ring = static_cast<uint32_t>(std::min<uint64_t>(own.room.slots.ring, UINT32_MAX)),
        .head_counts = shape.heads | shape.kv_heads << 16,
        .head_dim = shape.head_dim,
        .rope_dims = rotatedDims(layer),
        .qkv_stride = scratch.qkv.stride,
        .k_offset = widths_.layer[layer].k_offset,
        .v_offset = widths_.layer[layer].v_offset,
        .capacity = static_cast<uint32_t>(own.room.capacity)};
    uint32_t flags = config_.rope_layout == model::RopeLayout::neox ? ROPE_NEOX : 0u;
    flags |= hasRawKeys(layer) ? ROPE_RAW_KEYS : 0u;
    flags |= zonesOf(config_, options_, layer).any() ? ROPE_FAR_QUERY : 0u;
    flags |= norms.q != 0 ? ROPE_NORM_AFTER : 0u;
    flags |= sharesValues(config_) ? ROPE_ONLY_KEYS : 0u;
    flags |= shape.tempered ? ROPE_TEMPERED : 0u;
    const gpu::Buffer &q_far = scratch.q_far.buffer ? scratch.q_far.buffer : scratch.q.buffer;
    const gpu::Buffer &rotation = scratch.rotation ? scratch.rotation : scratch.qkv.buffer;
    auto groups = [&](uint64_t heads) {
        return static_cast<uint32_t>(ceilDiv(heads * widthOf(layer) / 32, tiling_.shared_local));
    };
    bool stores = !looking_back_ && hasCache(config_, layer);
    uint32_t stored = stores ? groups((sharesValues(config_) ? 1 : 2) * shape.kv_heads) : 0;
    recorder.dispatch(sharedPipeline(kRope, layer, flags), params, {&scratch.qkv.buffer, &rotation},
                      {&scratch.q.buffer, &q_far, &own.k, &own.values()},
                      {groups(shape.heads) + stored, chunk_.rows},
                      {.bytes = 2 * chunk_.rows * scratch.qkv.stride * sizeof(float)});
}

} // namespace longscope::engine
