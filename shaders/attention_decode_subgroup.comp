// Attention of one query on GPUs (flash-decoding): bound by the bytes of k and v, which are read
// once for TILE_A query heads of the same kv head. A workgroup goes through its range of the keys
// in segments of LOCAL_SIZE keys: where they lie, scores, their weights, then the sum of values. In
// the scores and the sum an invocation owns 8 dimensions (16 bytes of f16) of every SLOTS-th key;
// otherwise one key.
// Groups: x = splits, y = heads / TILE_A = head groups of the schedule. TILE_A <= 8 divides heads /
// kv_heads; HEAD_DIM / 8 <= LOCAL_SIZE <= 128.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "params.h"
#include "subgroup_segments.glsl"

layout(constant_id = SPEC_TILE_A) const uint TILE_A = 1;
layout(push_constant) uniform Push { AttentionDecode p; };

const uint PIECES = HEAD_DIM / 8;
const uint SLOTS = LOCAL_SIZE / PIECES;
const uint BATCH = TILE_A > 4 ? 1 : 8 / TILE_A; // loads in flight of one invocation

shared float scores[TILE_A][LOCAL_SIZE]; // of the keys of a segment; later weights
// Sums of one batch by piece (one word of padding keeps rows on different banks); later the results
// of subgroups, and at the end the outputs of slots.
const uint BATCH_SUMS = SLOTS * BATCH * TILE_A * (PIECES + 1);
const uint SCRATCH = BATCH_SUMS > LOCAL_SIZE * 8 ? BATCH_SUMS : LOCAL_SIZE * 8;
shared float scratch[SCRATCH];

uint me, piece, slot, first_head, cache_row;
vec4 sums[TILE_A][2];
float m[TILE_A], l[TILE_A]; // every invocation keeps the same

void loadQuery(Floats from, uint head, out vec4 q[2]) {
    uint at = head * (HEAD_DIM / 4) + 2 * piece;
    float factor = p.scale * LOG2_E;
    q[0] = Vec4s(from).v[at] * factor;
    q[1] = Vec4s(from).v[at + 1] * factor;
}

/// 8 dims of a key of the segment.
void loadKey(KeyRows keys, uint key, out vec4 low, out vec4 high) {
    if (RAW_KEYS) {
        low = loadKeyQuad(keys, key_slots[key], key_positions[key], 2 * piece);
        high = loadKeyQuad(keys, key_slots[key], key_positions[key], 2 * piece + 1);
    } else {
        loadPiece(keys.planes, TYPE_K, cache_row + key_slots[key], piece, low, high);
    }
}

// scores[h][0 .. count) of a segment.
void scoreSegment(uint count, uint zone) {
    bool is_far = HAS_ZONES && zone != 0;
    KeyRows keys =
        KeyRows(p.k, is_far ? p.rotation_far : p.rotation, p.schedule, cache_row, p.rope_dims);
    vec4 q[TILE_A][2];
    [[unroll]] for (uint h = 0; h < TILE_A; ++h)
        loadQuery(is_far ? p.q_far : p.q, first_head + h, q[h]);
    for (uint key = 0; key < count; key += SLOTS * BATCH) {
        vec4 k[BATCH][2];
        [[unroll]] for (uint b = 0; b < BATCH; ++b) {
            uint mine = key + b * SLOTS + slot;
            k[b][0] = k[b][1] = vec4(0);
            if (slot < SLOTS && mine < count)
                loadKey(keys, mine, k[b][0], k[b][1]);
        }
        if (slot < SLOTS)
            [[unroll]] for (uint b = 0; b < BATCH; ++b)
                [[unroll]] for (uint h = 0; h < TILE_A; ++h)
                    scratch[((b * SLOTS + slot) * TILE_A + h) * (PIECES + 1) + piece] =
                        dot(k[b][0], q[h][0]) + dot(k[b][1], q[h][1]);
        barrier();
        for (uint at = me; at < SLOTS * BATCH * TILE_A; at += LOCAL_SIZE) {
            float sum = 0;
            for (uint i = 0; i < PIECES; ++i)
                sum += scratch[at * (PIECES + 1) + i];
            uint mine = key + at / TILE_A;
            if (HAS_RULES && mine < count)
                sum = ruledScore(sum, p.head_facts.v[first_head + at % TILE_A],
                                 int(p.position - key_positions[HAS_POSITIONS ? mine : 0]));
            if (mine < count)
                scores[at % TILE_A][mine] = sum;
        }
        barrier();
    }
}

// Turns the scores into weights relative to the new largest score, and returns what earlier sums
// must be multiplied with.
void weighSegment(uint count, out float factor[TILE_A]) {
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

void addValues(uint count, float factor[TILE_A]) {
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
                loadPiece(p.v, TYPE_V, cache_row + key_slots[key + b * SLOTS], piece, v[b][0],
                          v[b][1]);
        }
        [[unroll]] for (uint b = 0; b < LOADS; ++b)
            [[unroll]] for (uint h = 0; h < TILE_A; ++h) {
                float weight = key + b * SLOTS < count ? scores[h][key + b * SLOTS] : 0.0;
                sums[h][0] += weight * v[b][0];
                sums[h][1] += weight * v[b][1];
            }
    }
}

// Adds the sums of all slots and writes the normalised output, m and l of head h of the group.
void storeHead(uint h) {
    barrier();
    if (slot < SLOTS)
        [[unroll]] for (uint e = 0; e < 8; ++e)
            scratch[slot * HEAD_DIM + piece * 8 + e] = sums[h][e / 4][e % 4];
    barrier();
    uint at = (gl_WorkGroupID.x * p.heads + first_head + h) * (HEAD_DIM + 2);
    for (uint c = me; c < HEAD_DIM; c += LOCAL_SIZE) {
        float sum = 0;
        for (uint s = 0; s < SLOTS; ++s)
            sum += scratch[s * HEAD_DIM + c];
        p.partial.v[at + c] = l[h] > 0 ? sum / l[h] : 0.0;
    }
    if (me == 0) {
        p.partial.v[at + HEAD_DIM] = m[h];
        p.partial.v[at + HEAD_DIM + 1] = l[h];
    }
}

void main() {
    me = gl_LocalInvocationID.x;
    piece = me % PIECES;
    slot = me / PIECES;
    first_head = gl_WorkGroupID.y * TILE_A;
    cache_row = first_head / (p.heads / p.kv_heads) * p.capacity;
    Tile tile = readTile(p.schedule, gl_WorkGroupID.y, 0);
    Cursor cursor = cursorAt(p.schedule, tile, gl_WorkGroupID.x * p.keys_per_split);

    [[unroll]] for (uint h = 0; h < TILE_A; ++h) {
        sums[h][0] = sums[h][1] = vec4(0);
        m[h] = LOWEST;
        l[h] = 0;
    }
    uint left = p.keys_per_split, zone;
    while (left > 0 && cursor.at_run < cursor.end_run) {
        barrier(); // the slots and weights before have been read
        uint count = takeSegment(p.schedule, min(left, LOCAL_SIZE), cursor, zone);
        left -= count;
        barrier();
        float factor[TILE_A];
        scoreSegment(count, zone);
        weighSegment(count, factor);
        addValues(count, factor);
    }
    [[unroll]] for (uint h = 0; h < TILE_A; ++h)
        storeHead(h);
}
