// The part of `Attention` that knows positions: rotations of queries and keys under the scheme that
// was chosen.
#include "compute/engine/attention_impl.h"

#include <algorithm>

namespace longscope::engine {
namespace {

using attention::Pattern;

/// Frequencies that follow the length are made anew every so many tokens.
constexpr uint64_t kLengthStep = 256;

std::span<float> floatsOf(const gpu::Buffer &buffer, uint64_t first, uint64_t count) {
    auto bytes = buffer.mapped();
    return {reinterpret_cast<float *>(bytes.data()) + first, count};
}

} // namespace

void Attention::fillRotations(const Scratch &scratch) {
    const attention::RopeScheme &scheme = options_.ropeScheme();
    uint64_t length =
        scheme.followsLength()
            ? std::min(ceilDiv(chunk_.total, kLengthStep) * kLengthStep, options_.context_tokens)
            : options_.context_tokens;
    if (length != rope_length_) {
        rope_ = attention::makeRope(ropeSettings(config_.rope()), scheme, config_.context_tokens, length);
        rope_length_ = length;
        rotated_keys_ = 0;
    }
    uint64_t floats = uint64_t{chunk_.rows} * config_.rope().dims;
    attention::fillRotation(rope_, chunk_.position, chunk_.rows,
                            floatsOf(scratch.rotation, 0, floats));
    std::vector<double> positions(chunk_.rows);
    auto fillFar = [&](uint32_t region, auto &&positionOf) {
        for (uint32_t row = 0; row < chunk_.rows; ++row)
            positions[row] = positionOf(chunk_.position + row);
        uint64_t first = uint64_t{region} * tiling_.chunk_tokens * config_.rope().dims;
        attention::fillRotation(rope_, positions, floatsOf(scratch.rotation_far, first, floats));
    };
    if (scheme.nearKeys() != UINT64_MAX)
        fillFar(0, [&](uint64_t query) { return scheme.farQuery(query); });
    uint32_t filled = 0; // regions are numbered in the order of their first layers
    for (uint32_t layer = 0; layer < config_.layers; ++layer) {
        const Pattern &pattern = options_.patterns.of(layer);
        if (!pattern.relabelsSinks() || far_regions_[layer] < filled)
            continue;
        fillFar(filled++,
                [&](uint64_t query) { return static_cast<double>(pattern.sinkQuery(query)); });
    }
    if (scheme.needsRawKeys())
        fillKeyRotations();
}

attention::Rope Attention::keyRope() const {
    return attention::makeRope(ropeSettings(config_.rope()), options_.ropeScheme(), config_.context_tokens,
                               options_.context_tokens);
}

void Attention::fillKeyRotations() {
    const attention::RopeScheme &scheme = options_.ropeScheme();
    uint64_t end = chunk_.position + chunk_.rows;
    if (rotated_keys_ >= end)
        return;
    uint64_t first = rotated_keys_, count = end - first, dims = config_.rope().dims;
    attention::fillRotation(rope_, first, count,
                            floatsOf(key_rotation_, first * dims, count * dims));
    if (key_rotation_far_) {
        std::vector<double> positions;
        for (uint64_t key = first; key < end; ++key)
            positions.push_back(scheme.farKey(key));
        attention::fillRotation(rope_, positions,
                                floatsOf(key_rotation_far_, first * dims, count * dims));
    }
    rotated_keys_ = end;
}

uint32_t Attention::positionFlags(uint32_t layer) const {
    const attention::RopeScheme &scheme = options_.ropeScheme();
    uint32_t flags = 0;
    if (scheme.needsRawKeys())
        flags |= ATTENTION_RAW_KEYS;
    if (scheme.nearKeys() != UINT64_MAX || options_.patterns.of(layer).relabelsSinks())
        flags |= ATTENTION_FAR;
    if (scheme.needsRawKeys() && config_.rope_layout == model::RopeLayout::neox)
        flags |= ATTENTION_NEOX;
    return flags;
}

void Attention::rotate(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                       uint32_t layer) const {
    const CacheLayer &own = cache.layers[layer];
    uint64_t far_floats = uint64_t{far_regions_[layer]} * tiling_.chunk_tokens * config_.rope().dims;
    params::Rope params{
        .qkv = scratch.qkv.address(),
        .rotation = scratch.rotation.address(),
        .rotation_far =
            scratch.rotation_far ? scratch.rotation_far.address() + far_floats * sizeof(float) : 0,
        .q = scratch.q.address(),
        .q_far = scratch.q_far.buffer ? scratch.q_far.address() : 0,
        .k = own.k_planes,
        .v = own.v_planes,
        .q_norm = 0,
        .k_norm = 0,
        .position = static_cast<uint32_t>(first_slot_),
        .sinks = static_cast<uint32_t>(own.room.slots.sinks),
        .ring = static_cast<uint32_t>(std::min<uint64_t>(own.room.slots.ring, UINT32_MAX)),
        .head_counts = config_.heads | config_.kv_heads << 16,
        .head_dim = config_.head_dim,
        .rope_dims = config_.rope().dims,
        .qkv_stride = scratch.qkv.stride,
        .k_offset = widths_.layer[layer].k_offset,
        .v_offset = widths_.layer[layer].v_offset,
        .capacity = static_cast<uint32_t>(own.room.capacity)};
    const gpu::Buffer &q_far = scratch.q_far.buffer ? scratch.q_far.buffer : scratch.q.buffer;
    auto groups = [&](uint64_t heads) {
        return static_cast<uint32_t>(ceilDiv(heads * widths_.head_dim / 32, tiling_.shared_local));
    };
    uint32_t stored = looking_back_ ? 0 : groups(2 * config_.kv_heads);
    recorder.dispatch(*rope_pipeline_, params, {&scratch.qkv.buffer, &scratch.rotation},
                      {&scratch.q.buffer, &q_far, &own.k, &own.v},
                      {groups(config_.heads) + stored, chunk_.rows},
                      {.bytes = 2 * chunk_.rows * scratch.qkv.stride * sizeof(float)});
}

} // namespace longscope::engine
