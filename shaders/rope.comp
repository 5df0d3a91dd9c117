// Rotary position embedding (Su et al. 2021) of q and k, and the split of [q | k | v] into q and
// the cache. Invocation = one block of 32 dimensions of one head, so that who writes a quantised
// block has seen its largest element.
// Groups: x = ceil(heads * BLOCKS / LOCAL_SIZE) for q, and after them ceil(2 * kv_heads * BLOCKS /
// LOCAL_SIZE) for k and v; y = rows. A grid of the former only writes q and leaves the cache alone.
// Columns of qkv begin at even numbers.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "cache.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const uint LOCAL_SIZE = 64;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(push_constant) uniform Push { Rope p; };

layout(buffer_reference, std430, buffer_reference_align = 8) buffer Vec2s { vec2 v[]; };

const uint BLOCKS = HEAD_DIM / 32; // of a head
const uint TWOS = 16;              // pairs of neighbouring dimensions of a block
const bool RAW_KEYS = (FLAGS & ROPE_RAW_KEYS) != 0;
const bool TEMPERED = (FLAGS & ROPE_TEMPERED) != 0;
const bool NORM_AFTER = (FLAGS & ROPE_NORM_AFTER) != 0;
const uint STORED = (FLAGS & ROPE_ONLY_KEYS) != 0 ? 1 : 2; // parts that go to the cache

// One dimension of a head, counted from the first rotated one, which is column `at`; its partner is
// dims / 2 apart. Rotated are `dims`: x' = x cos - y sin, y' = y cos + x sin.
float rotatedNeox(Vec2s rotation, uint row, uint at, uint dim, uint dims) {
    float value = p.qkv.v[at + dim];
    if (dim >= dims)
        return value;
    uint pairs = dims / 2;
    bool is_first = dim < pairs;
    vec2 turn = rotation.v[row * pairs + (is_first ? dim : dim - pairs)];
    float other = p.qkv.v[at + (is_first ? dim + pairs : dim - pairs)] * turn.y;
    return value * turn.x + (is_first ? -other : other);
}

// Two neighbours of the head whose first column is `at`.
vec2 rotatedTwo(Vec2s rotation, uint row, uint at, uint dim, uint dims) {
    uint first = p.rope_dims >> 16;
    at += first;
    dim -= first; // before the first one: huge, and at + dim is right again
    if ((FLAGS & ROPE_NEOX) != 0)
        return vec2(rotatedNeox(rotation, row, at, dim, dims),
                    rotatedNeox(rotation, row, at, dim + 1, dims));
    vec2 value = Vec2s(p.qkv).v[(at + dim) / 2];
    if (dim >= dims)
        return value;
    vec2 turn = rotation.v[(row * dims + dim) / 2];
    return vec2(value.x * turn.x - value.y * turn.y, value.y * turn.x + value.x * turn.y);
}

vec2 twoOf(Floats weights, uint dim) { return vec2(weights.v[dim], weights.v[dim + 1]); }

// What q, or k, is multiplied by: see ROPE_NORM_AFTER.
vec2 normOf(bool is_query, uint dim) {
    if (!is_query)
        return twoOf(p.k_norm, dim);
    vec2 norm = twoOf(p.q_norm, dim);
    return RAW_KEYS ? norm * twoOf(p.k_norm, dim) : norm;
}

struct Head {
    uint row, at; // first column
    bool is_query, rotates;
};

// Beyond head_dim, where a head is padded, lie zeros.
void loadBlock(Floats rotation, Head head, uint block, out vec2 x[TWOS]) {
    uint dims = head.rotates ? p.rope_dims & 0xffffu : 0;
    float factor = 1;
    if (TEMPERED && head.is_query)
        factor = p.rotation.v[gl_NumWorkGroups.y * dims + head.row];
    [[unroll]] for (uint i = 0; i < TWOS; ++i) {
        uint dim = 32 * block + 2 * i;
        x[i] = vec2(0);
        if (dim < p.head_dim) {
            x[i] = rotatedTwo(Vec2s(rotation), head.row, head.at, dim, dims);
            if (NORM_AFTER && head.rotates)
                x[i] *= normOf(head.is_query, dim);
            if (TEMPERED)
                x[i] *= factor;
        }
    }
}

void storeFloats(Uints data, uint block, vec2 x[TWOS]) {
    [[unroll]] for (uint i = 0; i < TWOS; i += 2)
        Uvec4s(data).v[block * 8 + i / 2] = floatBitsToUint(vec4(x[i], x[i + 1]));
}

// bf16 is the upper half of f32, rounded to nearest, ties to even; NaN stays NaN.
uint packBrainFloats(vec2 x) {
    uvec2 bits = floatBitsToUint(x);
    uvec2 rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    rounded = mix(rounded, bits | 0x400000u, greaterThan(bits & 0x7fffffffu, uvec2(0x7f800000u)));
    return rounded.x >> 16 | (rounded.y & 0xffff0000u);
}

void storeHalves(Uints data, uint type, uint block, vec2 x[TWOS]) {
    uint words[TWOS];
    [[unroll]] for (uint i = 0; i < TWOS; ++i)
        words[i] = type == CACHE_F16 ? packHalf2x16(x[i]) : packBrainFloats(x[i]);
    [[unroll]] for (uint i = 0; i < TWOS; i += 4)
        Uvec4s(data).v[block * 4 + i / 4] =
            uvec4(words[i], words[i + 1], words[i + 2], words[i + 3]);
}

// Half away from zero; round() leaves it to the device.
ivec2 roundedAway(vec2 x) {
    vec2 whole = trunc(x);
    return ivec2(whole + mix(vec2(0), sign(x), greaterThanEqual(abs(x - whole), vec2(0.5))));
}

uint packBytes(vec2 low, vec2 high) {
    uvec4 codes = uvec4(roundedAway(low), roundedAway(high)) & 0xffu;
    return codes.x | codes.y << 8 | codes.z << 16 | codes.w << 24;
}

void storeBytes(Uints data, uint block, vec2 x[TWOS], float inverse) {
    uint words[TWOS / 2];
    [[unroll]] for (uint i = 0; i < TWOS; i += 2)
        words[i / 2] = packBytes(x[i] * inverse, x[i + 1] * inverse);
    [[unroll]] for (uint i = 0; i < 2; ++i)
        Uvec4s(data).v[block * 2 + i] =
            uvec4(words[4 * i], words[4 * i + 1], words[4 * i + 2], words[4 * i + 3]);
}

void storeNibbles(Uints data, uint block, vec2 x[TWOS], float inverse) {
    uvec4 words = uvec4(0);
    [[unroll]] for (uint i = 0; i < TWOS; ++i) {
        uvec2 codes = min(uvec2(x[i] * inverse + 8.5), uvec2(15));
        words[i / 4] |= (codes.x | codes.y << 4) << 8 * (i % 4);
    }
    Uvec4s(data).v[block] = words;
}

// Two blocks share a word, and each sets its own half only. The half without a block is 0.
void storeScale(Uints scales, uint row, uint block, float scale) {
    uint at = row * CACHE_SCALE_WORDS(HEAD_DIM) + block / 2;
    uint half_word = packHalf2x16(vec2(scale, 0)), shift = 16 * (block % 2);
    if (block % 2 == 0 && block + 1 == BLOCKS) {
        scales.v[at] = half_word;
    } else {
        atomicAnd(scales.v[at], 0xffff0000u >> shift);
        atomicOr(scales.v[at], half_word << shift);
    }
}

// The element of the largest magnitude, the first of several, with its sign.
float extremeOf(vec2 x[TWOS]) {
    float extreme = 0;
    [[unroll]] for (uint i = 0; i < TWOS; ++i) {
        extreme = abs(x[i].x) > abs(extreme) ? x[i].x : extreme;
        extreme = abs(x[i].y) > abs(extreme) ? x[i].y : extreme;
    }
    return extreme;
}

// As ggml quantises: codes are made with the scale before it is rounded to f16.
void storeBlock(CachePlanes planes, uint type, uint row, uint block, vec2 x[TWOS]) {
    uint at = row * BLOCKS + block;
    if (type == CACHE_F32) {
        storeFloats(planes.data, at, x);
    } else if (!hasScales(type)) {
        storeHalves(planes.data, type, at, x);
    } else {
        float extreme = extremeOf(x);
        float scale = type == CACHE_Q8_0 ? abs(extreme) / 127 : extreme / -8;
        // A scale this small becomes 0 as f16, and its inverse could be infinite.
        float inverse = abs(scale) > 1e-30 ? 1 / scale : 0;
        if (type == CACHE_Q8_0)
            storeBytes(planes.data, at, x, inverse);
        else
            storeNibbles(planes.data, at, x, inverse);
        storeScale(planes.scales, row, block, scale);
    }
}

void storeKeyOrValue(uint row, uint kv_head, uint block, bool is_key, vec2 x[TWOS]) {
    uint slot = p.position + row;
    slot = slot < p.sinks ? slot : p.sinks + (slot - p.sinks) % p.ring;
    uint cache_row = kv_head * p.capacity + slot;
    if (TYPE_K == TYPE_V) { // half the code to compile
        CachePlanes planes = CachePlanes(is_key ? p.k.data : p.v.data,
                                         is_key ? p.k.scales : p.v.scales);
        storeBlock(planes, TYPE_K, cache_row, block, x);
    } else if (is_key) {
        storeBlock(p.k, TYPE_K, cache_row, block, x);
    } else {
        storeBlock(p.v, TYPE_V, cache_row, block, x);
    }
}

void main() {
    uint row = gl_WorkGroupID.y, index = gl_GlobalInvocationID.x;
    uint heads = p.head_counts & 0xffffu, kv_heads = p.head_counts >> 16;
    uint query_groups = (heads * BLOCKS + LOCAL_SIZE - 1) / LOCAL_SIZE;
    bool is_query = gl_WorkGroupID.x < query_groups;
    index -= is_query ? 0 : query_groups * LOCAL_SIZE;
    uint head = index / BLOCKS, block = index % BLOCKS; // heads of q, or of k and then of v
    if (head >= (is_query ? heads : STORED * kv_heads))
        return;
    bool is_key = !is_query && head < kv_heads;
    uint kv_head = is_key ? head : head - kv_heads;
    uint column = is_query ? head * p.head_dim
                           : (is_key ? p.k_offset : p.v_offset) + kv_head * p.head_dim;
    Head own = Head(row, row * p.qkv_stride + column, is_query, is_query || (is_key && !RAW_KEYS));
    vec2 x[TWOS];
    loadBlock(p.rotation, own, block, x);
    if (!is_query) {
        storeKeyOrValue(row, kv_head, block, is_key, x);
        return;
    }
    uint to = (row * heads + head) * BLOCKS + block;
    storeFloats(Uints(p.q), to, x);
    if ((FLAGS & ROPE_FAR_QUERY) != 0) {
        loadBlock(p.rotation_far, own, block, x);
        storeFloats(Uints(p.q_far), to, x);
    }
}
