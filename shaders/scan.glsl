// What the kernels of linear recurrences share: which value of which head an invocation has, its part
// of the state, the vectors over N that all invocations of a head read, sums over N, and the store.
// Time is a plain loop; the state stays in registers from the first row to the last.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "recurrent.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const uint LOCAL_SIZE = 64;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(constant_id = SPEC_SCAN_KEYS) const uint KEYS = 128;
layout(constant_id = SPEC_SCAN_SPLIT) const uint SPLIT = 1;
layout(constant_id = SPEC_SCAN_LANES) const uint LANES = 0;
layout(constant_id = SPEC_SCAN_WIDE) const uint WIDE = 1;

const uint VALUES = LOCAL_SIZE / SPLIT; // of a workgroup, WIDE times
const uint QUADS = (KEYS + 4 * SPLIT - 1) / (4 * SPLIT); // fours of N, of an invocation
const uint SPREAD = LANES > 0 ? LANES : 1;
const uint HELD = LANES > 0 ? (QUADS + SPREAD - 1) / SPREAD : 1; // of them, that a lane hands out

// Four i of this invocation is four part + SPLIT * i of N: neighbours read what lies side by side.
uint part() { return gl_LocalInvocationID.x % SPLIT; }
uint valueIndex(uint wide) {
    return (gl_WorkGroupID.x * WIDE + wide) * VALUES + gl_LocalInvocationID.x / SPLIT;
}
// Its channel, or, beyond the last value of the head, that of the last one: read, but never stored.
uint channelOf(uint value, uint head_dim) {
    return gl_WorkGroupID.y * head_dim + min(value, head_dim - 1);
}

// Four `four` of the N floats from `at` on; what lies beyond N counts as 0.
vec4 loadFour(Floats from, uint at, uint four) {
    if ((FLAGS & SCAN_ALIGNED) != 0) {
        vec4 value = Vec4s(from).v[at / 4 + min(four, KEYS / 4 - 1)];
        return four < KEYS / 4 ? value : vec4(0);
    }
    vec4 value;
    [[unroll]] for (uint e = 0; e < 4; ++e) {
        value[e] = from.v[at + min(4 * four + e, KEYS - 1)];
        value[e] = 4 * four + e < KEYS ? value[e] : 0;
    }
    return value;
}

void storeFour(Floats to, uint at, uint four, vec4 value) {
    if ((FLAGS & SCAN_ALIGNED) != 0) {
        if (four < KEYS / 4)
            Vec4s(to).v[at / 4 + four] = value;
        return;
    }
    [[unroll]] for (uint e = 0; e < 4; ++e)
        if (4 * four + e < KEYS)
            to.v[at + 4 * four + e] = value[e];
}

/// An invocation's part of N floats a channel: of the state, or of what is like it.
void loadOwn(Floats from, uint head_dim, out vec4 own[WIDE][QUADS]) {
    [[unroll]] for (uint w = 0; w < WIDE; ++w) {
        uint at = channelOf(valueIndex(w), head_dim) * KEYS;
        [[unroll]] for (uint i = 0; i < QUADS; ++i)
            own[w][i] = loadFour(from, at, part() + SPLIT * i);
    }
}

void storeOwn(Floats to, uint head_dim, vec4 own[WIDE][QUADS]) {
    [[unroll]] for (uint w = 0; w < WIDE; ++w)
        if (valueIndex(w) < head_dim) {
            uint at = channelOf(valueIndex(w), head_dim) * KEYS;
            [[unroll]] for (uint i = 0; i < QUADS; ++i)
                storeFour(to, at, part() + SPLIT * i, own[w][i]);
        }
}

/// What all invocations of a head read: four i of it is shared(held, from, at, i).
void hold(Floats from, uint at, out vec4 held[HELD]) {
    [[unroll]] for (uint i = 0; i < HELD; ++i)
        held[i] = LANES > 0 ? loadFour(from, at, i * LANES + gl_SubgroupInvocationID) : vec4(0);
}

vec4 heldFour(vec4 held[HELD], Floats from, uint at, uint i) {
    if (LANES > 0)
        return subgroupShuffle(held[i / SPREAD], i % SPREAD);
    return loadFour(from, at, part() + SPLIT * i);
}

shared float parts[2][LOCAL_SIZE];
uint side = 0;

/// The sum over N, in every invocation. Two sides, so that one barrier does: who writes a side again
/// has passed the barrier after which the other side was read.
float sumOverKeys(vec4 fours) {
    float sum = (fours.x + fours.y) + (fours.z + fours.w);
    if (SPLIT == 1)
        return sum;
    parts[side][gl_LocalInvocationID.x] = sum;
    barrier();
    uint first = gl_LocalInvocationID.x / SPLIT * SPLIT;
    sum = 0;
    [[unroll]] for (uint i = 0; i < SPLIT; ++i)
        sum += parts[side][first + i];
    side ^= 1;
    return sum;
}

/// y[head * head_dim + value], and zeros in the columns beyond the last head.
void storeValue(Floats y, uint row_at, uint wide, uint head_dim, uint columns, float result) {
    uint value = valueIndex(wide);
    uint column = gl_WorkGroupID.y * head_dim + value;
    bool last = gl_WorkGroupID.y + 1 == gl_NumWorkGroups.y;
    if (part() == 0 && (value < head_dim || last && column < columns))
        y.v[row_at + column] = value < head_dim ? result : 0;
}
