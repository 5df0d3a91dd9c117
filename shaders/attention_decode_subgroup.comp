// Attention of one query on GPUs (flash-decoding): bound by the bytes of k and v, which are read
// once for TILE_A query heads of the same kv head. A workgroup goes through its range of keys in
// segments of LOCAL_SIZE keys: scores, their weights, then the sum of values. In the first and the
// last step an invocation owns 8 dimensions (16 bytes of f16) of every SLOTS-th key; in the middle,
// one key.
// Groups: x = splits, y = kv_heads. Wanted: TILE_A <= 8, best a divisor of heads / kv_heads;
// HEAD_DIM / 8 <= LOCAL_SIZE <= 128.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "params.h"
#include "cache.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const uint LOCAL_SIZE = 128;
layout(constant_id = SPEC_TILE_A) const uint TILE_A = 1;
layout(push_constant) uniform Push { AttentionDecode p; };

const uint PIECES = HEAD_DIM / 8;
const uint SLOTS = LOCAL_SIZE / PIECES;
const uint BATCH = TILE_A > 4 ? 1 : 8 / TILE_A; // loads in flight of one invocation
const float LOWEST = -1e30; // finite: a difference of infinities would be NaN

shared float scores[TILE_A][LOCAL_SIZE];
// Sums of one batch by piece (one word of padding keeps rows on different banks); later the results
// of subgroups, and at the end the outputs of slots.
const uint BATCH_SUMS = SLOTS * BATCH * TILE_A * (PIECES + 1);
const uint SCRATCH = BATCH_SUMS > LOCAL_SIZE * 8 ? BATCH_SUMS : LOCAL_SIZE * 8;
shared float scratch[SCRATCH];

void loadQuery(uint head, uint piece, out vec4 q[2]) {
    uint at = head * (HEAD_DIM / 4) + 2 * piece;
    float factor = p.scale * 1.44269504; // base 2
    q[0] = Vec4s(p.q).v[at] * factor;
    q[1] = Vec4s(p.q).v[at + 1] * factor;
}

// scores[h][0 .. count) of the keys from cache row `first` on.
void scoreSegment(uint first, uint count, uint head, uint stop, uint piece, uint slot) {
    vec4 q[TILE_A][2];
    [[unroll]] for (uint h = 0; h < TILE_A; ++h)
        loadQuery(min(head + h, stop - 1), piece, q[h]);
    for (uint key = 0; key < count; key += SLOTS * BATCH) {
        vec4 k[BATCH][2];
        [[unroll]] for (uint b = 0; b < BATCH; ++b) {
            uint mine = key + b * SLOTS + slot;
            k[b][0] = k[b][1] = vec4(0);
            if (slot < SLOTS && mine < count)
                loadPiece(p.k, TYPE_K, first + mine, piece, k[b][0], k[b][1]);
        }
        if (slot < SLOTS)
            [[unroll]] for (uint b = 0; b < BATCH; ++b)
                [[unroll]] for (uint h = 0; h < TILE_A; ++h)
                    scratch[((b * SLOTS + slot) * TILE_A + h) * (PIECES + 1) + piece] =
                        dot(k[b][0], q[h][0]) + dot(k[b][1], q[h][1]);
        barrier();
        for (uint at = gl_LocalInvocationID.x; at < SLOTS * BATCH * TILE_A; at += LOCAL_SIZE) {
            float sum = 0;
            for (uint i = 0; i < PIECES; ++i)
                sum += scratch[at * (PIECES + 1) + i];
            if (key + at / TILE_A < count)
                scores[at % TILE_A][key + at / TILE_A] = sum;
        }
        barrier();
    }
}

// Turns the scores into weights relative to the new largest score, and returns what earlier sums
// must be multiplied with. Every invocation keeps the same m and l.
void weighSegment(uint count, inout float m[TILE_A], inout float l[TILE_A],
                  out float factor[TILE_A]) {
    uint me = gl_LocalInvocationID.x;
    [[unroll]] for (uint h = 0; h < TILE_A; ++h) {
        float largest = subgroupMax(me < count ? scores[h][me] : LOWEST);
        if (subgroupElect())
            scratch[gl_SubgroupID * TILE_A + h] = largest;
    }
    barrier();
    [[unroll]] for (uint h = 0; h < TILE_A; ++h) {
        float largest = m[h];
        for (uint s = 0; s < gl_NumSubgroups; ++s)
            largest = max(largest, scratch[s * TILE_A + h]);
        factor[h] = exp2(m[h] - largest);
        m[h] = largest;
    }
    barrier();
    [[unroll]] for (uint h = 0; h < TILE_A; ++h) {
        float weight = me < count ? exp2(scores[h][me] - m[h]) : 0.0;
        scores[h][me] = weight;
        float sum = subgroupAdd(weight);
        if (subgroupElect())
            scratch[gl_SubgroupID * TILE_A + h] = sum;
    }
    barrier();
    [[unroll]] for (uint h = 0; h < TILE_A; ++h) {
        l[h] *= factor[h];
        for (uint s = 0; s < gl_NumSubgroups; ++s)
            l[h] += scratch[s * TILE_A + h];
    }
}

void addValues(uint first, uint count, uint piece, uint slot, float factor[TILE_A],
               inout vec4 sums[TILE_A][2]) {
    [[unroll]] for (uint h = 0; h < TILE_A; ++h)
        [[unroll]] for (uint i = 0; i < 2; ++i)
            sums[h][i] *= factor[h];
    if (slot >= SLOTS)
        return;
    const uint LOADS = 4;
    for (uint key = slot; key < count; key += SLOTS * LOADS) {
        vec4 v[LOADS][2];
        [[unroll]] for (uint b = 0; b < LOADS; ++b) {
            v[b][0] = v[b][1] = vec4(0);
            if (key + b * SLOTS < count)
                loadPiece(p.v, TYPE_V, first + key + b * SLOTS, piece, v[b][0], v[b][1]);
        }
        [[unroll]] for (uint b = 0; b < LOADS; ++b)
            [[unroll]] for (uint h = 0; h < TILE_A; ++h) {
                float weight = key + b * SLOTS < count ? scores[h][key + b * SLOTS] : 0.0;
                sums[h][0] += weight * v[b][0];
                sums[h][1] += weight * v[b][1];
            }
    }
}

// Adds the sums of all slots and writes the normalised output, m and l of one head.
void storeHead(uint head, uint piece, uint slot, vec4 sums[2], float m, float l) {
    barrier();
    if (slot < SLOTS)
        [[unroll]] for (uint e = 0; e < 8; ++e)
            scratch[slot * HEAD_DIM + piece * 8 + e] = sums[e / 4][e % 4];
    barrier();
    uint me = gl_LocalInvocationID.x;
    uint at = (gl_WorkGroupID.x * p.heads + head) * (HEAD_DIM + 2);
    for (uint c = me; c < HEAD_DIM; c += LOCAL_SIZE) {
        float sum = 0;
        for (uint s = 0; s < SLOTS; ++s)
            sum += scratch[s * HEAD_DIM + c];
        p.partial.v[at + c] = l > 0 ? sum / l : 0.0;
    }
    if (me == 0) {
        p.partial.v[at + HEAD_DIM] = m;
        p.partial.v[at + HEAD_DIM + 1] = l;
    }
}

// Query heads first .. first + TILE_A, of which those from `stop` on do not exist (the last ones of
// a group that TILE_A does not divide); they repeat the last one and are not stored.
void attendHeads(uint first, uint stop) {
    uint piece = gl_LocalInvocationID.x % PIECES, slot = gl_LocalInvocationID.x / PIECES;
    uint cache_row = gl_WorkGroupID.y * p.capacity;
    uint begin = min(gl_WorkGroupID.x * p.keys_per_split, p.keys);
    uint end = min(begin + p.keys_per_split, p.keys);

    vec4 sums[TILE_A][2];
    float m[TILE_A], l[TILE_A], factor[TILE_A];
    [[unroll]] for (uint h = 0; h < TILE_A; ++h) {
        sums[h][0] = sums[h][1] = vec4(0);
        m[h] = LOWEST;
        l[h] = 0;
    }
    for (uint key = begin; key < end; key += LOCAL_SIZE) {
        uint count = min(end - key, LOCAL_SIZE);
        barrier(); // the weights before have been read
        scoreSegment(cache_row + key, count, first, stop, piece, slot);
        weighSegment(count, m, l, factor);
        addValues(cache_row + key, count, piece, slot, factor, sums);
    }
    [[unroll]] for (uint h = 0; h < TILE_A; ++h)
        if (first + h < stop)
            storeHead(first + h, piece, slot, sums[h], m[h], l[h]);
}

void main() {
    uint group = p.heads / p.kv_heads;
    uint head = gl_WorkGroupID.y * group;
    for (uint first = 0; first < group; first += TILE_A)
        attendHeads(head + first, head + group);
}
