// Moves rows of the cache as they lie, whatever their type. No row is both a source and a target,
// so that the order does not matter.
// Groups: x = count, y = kv_heads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "cache.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const uint LOCAL_SIZE = 64;
layout(push_constant) uniform Push { CacheMove p; };

// Rows of 32 elements and more are whole fours of words.
uint foursOf(uint type) {
    uint bits = type == CACHE_F32 ? 32 : type == CACHE_Q8_0 ? 8 : type == CACHE_Q4_0 ? 4 : 16;
    return HEAD_DIM * bits / 128;
}

void moveRow(CachePlanes planes, uint type, uint from, uint to) {
    uint fours = foursOf(type), scale_words = CACHE_SCALE_WORDS(HEAD_DIM);
    for (uint i = gl_LocalInvocationID.x; i < fours; i += LOCAL_SIZE)
        Uvec4s(planes.data).v[to * fours + i] = Uvec4s(planes.data).v[from * fours + i];
    if (hasScales(type))
        for (uint i = gl_LocalInvocationID.x; i < scale_words; i += LOCAL_SIZE)
            planes.scales.v[to * scale_words + i] = planes.scales.v[from * scale_words + i];
}

void main() {
    uint move = gl_WorkGroupID.x, kv_head = gl_WorkGroupID.y;
    if (move >= p.count || kv_head >= p.kv_heads)
        return;
    uint at = 2 * (kv_head * p.count + move);
    uint from = p.moves.v[at], to = p.moves.v[at + 1];
    if (from == to)
        return;
    moveRow(p.k, TYPE_K, kv_head * p.capacity + from, kv_head * p.capacity + to);
    moveRow(p.v, TYPE_V, kv_head * p.capacity + from, kv_head * p.capacity + to);
}
