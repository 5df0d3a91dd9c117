// Rotary position embedding (Su et al. 2021) of q and k, and the split of [q | k | v] into q and
// the cache. Invocation = two neighbouring dimensions of one head, because an f16 cache keeps two
// halves in a word. Heads are numbered q, then k, then v.
// Groups: x = ceil((heads + 2 * kv_heads) * HEAD_DIM / 2 / LOCAL_SIZE), y = rows.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "cache.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(push_constant) uniform Push { Rope p; };

// One dimension of the head whose first column is `at`: x' = x cos - y sin, y' = y cos + x sin.
float rotated(uint row, uint at, uint dim) {
    float value = p.qkv.v[at + dim];
    if (dim >= p.rope_dims)
        return value;
    uint pairs = p.rope_dims / 2;
    bool is_neox = (FLAGS & ROPE_NEOX) != 0;
    bool is_first = is_neox ? dim < pairs : (dim & 1) == 0;
    uint pair = is_neox ? (is_first ? dim : dim - pairs) : dim / 2;
    uint partner = is_neox ? (is_first ? dim + pairs : dim - pairs) : dim ^ 1u;
    uint angle = 2 * (row * pairs + pair);
    float other = p.qkv.v[at + partner] * p.rotation.v[angle + 1];
    return value * p.rotation.v[angle] + (is_first ? -other : other);
}

vec2 rotatedPair(uint row, uint at, uint dim) {
    return vec2(rotated(row, at, dim), rotated(row, at, dim + 1));
}

void storeQuery(uint row, uint head, uint pair, vec2 value) {
    uint at = (row * p.heads + head) * HEAD_DIM + 2 * pair;
    p.q.v[at] = value.x;
    p.q.v[at + 1] = value.y;
}

void main() {
    uint row = gl_WorkGroupID.y;
    uint head = gl_GlobalInvocationID.x / (HEAD_DIM / 2);
    uint pair = gl_GlobalInvocationID.x % (HEAD_DIM / 2);
    if (head >= p.heads + 2 * p.kv_heads || row >= p.rows)
        return;
    bool inside = 2 * pair < p.head_dim; // the rest of a padded head is 0
    uint at = row * p.qkv_stride;
    uint slot = p.position + row;
    if (head < p.heads) {
        at += head * p.head_dim;
        storeQuery(row, head, pair, inside ? rotatedPair(row, at, 2 * pair) : vec2(0));
    } else if (head < p.heads + p.kv_heads) {
        uint kv_head = head - p.heads;
        at += p.k_offset + kv_head * p.head_dim;
        storePair(p.k, TYPE_K, kv_head * p.capacity + slot, pair,
                  inside ? rotatedPair(row, at, 2 * pair) : vec2(0));
    } else {
        uint kv_head = head - p.heads - p.kv_heads;
        at += p.v_offset + kv_head * p.head_dim + 2 * pair;
        storePair(p.v, TYPE_V, kv_head * p.capacity + slot, pair,
                  inside ? vec2(p.qkv.v[at], p.qkv.v[at + 1]) : vec2(0));
    }
}
