// What all attention kernels of the `subgroup` family share: their flags, and reading a key, which
// is rotated on the way when the cache holds raw keys.
#ifndef LONGSCOPE_SUBGROUP_ATTENTION_GLSL
#define LONGSCOPE_SUBGROUP_ATTENTION_GLSL
#include "cache.glsl"
#include "schedule.glsl"

layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
const bool HAS_LISTS = (FLAGS & ATTENTION_LISTS) != 0;
const bool HAS_ZONES = (FLAGS & ATTENTION_FAR) != 0;
const bool RAW_KEYS = (FLAGS & ATTENTION_RAW_KEYS) != 0;
const bool NEOX = (FLAGS & ATTENTION_NEOX) != 0;
#include "score_rules.glsl"

layout(buffer_reference, std430, buffer_reference_align = 8) buffer Vec2s { vec2 v[]; };

const float LOWEST = -1e30;      // finite: a difference of infinities would be NaN
const float LOG2_E = 1.44269504; // scores are in base 2: exp2 is what devices have

/// The keys of one KV head: the cache, its row of slot 0, the rotation of the zone that is read,
/// and the schedule, where lists of slots are.
struct KeyRows {
    CachePlanes planes;
    Floats rotation;
    Uints schedule;
    uint first_row;
    uint rope_dims; // as in the parameters: the first one in the high half
};

/// For dims 4 * quad .. of a NEOX key: the other dim of each one's pair. Beyond the rotated dims:
/// anything.
vec4 loadPartners(KeyRows keys, uint row, uint quad) {
    uint pairs = keys.rope_dims / 2;
    if (pairs % 4 == 0)
        return loadQuad(keys.planes, TYPE_K, row,
                        4 * quad < pairs ? quad + pairs / 4 : quad - pairs / 4);
    vec4 partners;
    [[unroll]] for (uint e = 0; e < 4; ++e) {
        uint dim = 4 * quad + e;
        uint partner = dim < pairs ? dim + pairs : dim - pairs;
        partners[e] = loadQuad(keys.planes, TYPE_K, row, partner / 4)[partner % 4];
    }
    return partners;
}

/// Pair `pair` of neighbours, rotated.
vec2 rotatedPair(KeyRows keys, uint position, uint pair, vec2 old) {
    uint pairs = (keys.rope_dims & 0xffffu) / 2;
    pair -= keys.rope_dims >> 17; // before the first one: huge
    if (pair >= pairs)
        return old;
    vec2 turn = Vec2s(keys.rotation).v[position * pairs + pair];
    return vec2(old.x * turn.x - old.y * turn.y, old.x * turn.y + old.y * turn.x);
}

/// Dims 4 * quad .. 4 * quad + 3 of the key in a slot.
vec4 loadKeyQuad(KeyRows keys, uint slot, uint position, uint quad) {
    uint row = keys.first_row + slot;
    vec4 key = loadQuad(keys.planes, TYPE_K, row, quad);
    if (!RAW_KEYS)
        return key;
    if (!NEOX)
        return vec4(rotatedPair(keys, position, 2 * quad, key.xy),
                    rotatedPair(keys, position, 2 * quad + 1, key.zw));
    if (4 * quad >= keys.rope_dims)
        return key;
    vec4 partners = loadPartners(keys, row, quad);
    uint pairs = keys.rope_dims / 2;
    [[unroll]] for (uint e = 0; e < 4; ++e) {
        uint dim = 4 * quad + e;
        bool is_first = dim < pairs; // of its pair
        uint pair = is_first ? dim : dim - pairs;
        vec2 turn = vec2(1, 0);
        if (dim < keys.rope_dims)
            turn = Vec2s(keys.rotation).v[position * pairs + pair];
        key[e] = key[e] * turn.x + (is_first ? -partners[e] : partners[e]) * turn.y;
    }
    return key;
}
#endif
