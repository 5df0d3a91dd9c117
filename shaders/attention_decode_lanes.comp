#version 450
// Attention of one query for the software device (flash-decoding): a range of the keys for HEADS
// query heads of one KV head. Scores have lane = key, each lane reading a row of its own; the sum
// of values has lane = dims. attention_merge.comp joins the ranges.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "params.h"
#include "lanes_attention.glsl"

layout(local_size_x = 8) in;
layout(constant_id = SPEC_TILE_A) const uint HEADS = 3; // divides heads / kv_heads
layout(constant_id = SPEC_TILE_B) const uint KEY_GROUPS = 1; // of 8 keys, a step

layout(push_constant) uniform Push { AttentionDecode p; };

uint lane, first_head, cache_row; // cache_row: of key 0 of this KV head
uint end_key;                     // of the range
float queries[HEADS][HEAD_DIM];   // the same in every lane, times scale * log2(e)
float maxima[HEADS];              // the same in every lane
float totals[HEADS];              // of the keys that this lane scored
float sums[HEADS][DIMS];          // lane = dims
float weights[HEADS][KEY_GROUPS]; // lane = key: scores, then their exp2

void loadQueries() {
    [[unroll]] for (uint head = 0; head < HEADS; ++head)
        [[unroll]] for (uint i = 0; i < DIMS; ++i) {
            float own = p.q.v[(first_head + head) * HEAD_DIM + lane * DIMS + i];
            [[unroll]] for (uint e = 0; e < LANES; ++e)
                queries[head][e * DIMS + i] = subgroupBroadcast(own, e) * (p.scale * LOG2_E);
        }
}

void startState() {
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        maxima[head] = NEVER;
        totals[head] = 0;
        [[unroll]] for (uint i = 0; i < DIMS; ++i)
            sums[head][i] = 0;
    }
}

/// Row of the cache, never one beyond the range: what lies there may be NaN, and 0 * NaN is NaN.
uint rowOf(uint key) { return cache_row + min(key, end_key - 1); }

void scoreKeys(uint first_key) {
    [[unroll]] for (uint group = 0; group < KEY_GROUPS; ++group) {
        uint key = first_key + group * LANES + lane;
        uint at = rowOf(key) * (HEAD_DIM / 4);
        [[unroll]] for (uint head = 0; head < HEADS; ++head)
            weights[head][group] = 0;
        [[unroll]] for (uint i = 0; i < HEAD_DIM / 4; ++i) {
            vec4 dims = loadFour(Words64(p.k), CACHE_TYPE_K, at + i);
            [[unroll]] for (uint j = 0; j < 4; ++j)
                [[unroll]] for (uint head = 0; head < HEADS; ++head)
                    weights[head][group] += queries[head][4 * i + j] * dims[j];
        }
        [[unroll]] for (uint head = 0; head < HEADS; ++head)
            if (key >= end_key)
                weights[head][group] = NEVER;
    }
}

void weighKeys() {
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        float own = weights[head][0], maximum = maxima[head];
        [[unroll]] for (uint group = 1; group < KEY_GROUPS; ++group)
            own = max(own, weights[head][group]);
        [[unroll]] for (uint e = 0; e < LANES; ++e) // a reduction would be a branchy loop here
            maximum = max(maximum, subgroupBroadcast(own, e));
        float rescale = exp2(maxima[head] - maximum);
        maxima[head] = maximum;
        totals[head] *= rescale;
        [[unroll]] for (uint group = 0; group < KEY_GROUPS; ++group) {
            weights[head][group] = keyWeight(weights[head][group], maximum);
            totals[head] += weights[head][group];
        }
        [[unroll]] for (uint i = 0; i < DIMS; ++i)
            sums[head][i] *= rescale;
    }
}

void addValues(uint first_key) {
    [[unroll]] for (uint group = 0; group < KEY_GROUPS; ++group)
        [[unroll]] for (uint e = 0; e < LANES; ++e) {
            uint at = (rowOf(first_key + group * LANES + e) * LANES + lane) * (DIMS / 4);
            vec4 values[DIMS / 4];
            [[unroll]] for (uint i = 0; i < DIMS / 4; ++i)
                values[i] = loadFour(Words64(p.v), CACHE_TYPE_V, at + i);
            [[unroll]] for (uint head = 0; head < HEADS; ++head) {
                float weight = subgroupBroadcast(weights[head][group], e);
                [[unroll]] for (uint i = 0; i < DIMS; ++i)
                    sums[head][i] += weight * values[i / 4][i % 4];
            }
        }
}

void storePartial(uint range) {
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        float total = 0;
        [[unroll]] for (uint e = 0; e < LANES; ++e)
            total += subgroupBroadcast(totals[head], e);
        float factor = total > 0 ? 1 / total : 0;
        uint at = (range * p.heads + first_head + head) * (HEAD_DIM + 2);
        [[unroll]] for (uint i = 0; i < DIMS; ++i)
            p.partial.v[at + lane * DIMS + i] = sums[head][i] * factor;
        if (lane == 0) {
            p.partial.v[at + HEAD_DIM] = maxima[head];
            p.partial.v[at + HEAD_DIM + 1] = total;
        }
    }
}

// Grid: (splits, heads / HEADS).
void main() {
    lane = gl_SubgroupInvocationID;
    uint range = gl_WorkGroupID.x;
    first_head = gl_WorkGroupID.y * HEADS;
    cache_row = first_head / (p.heads / p.kv_heads) * p.capacity;
    uint first_key = range * p.keys_per_split;
    end_key = min(first_key + p.keys_per_split, p.keys);

    loadQueries();
    startState();
    for (uint key = first_key; key < end_key; key += KEY_GROUPS * LANES) {
        scoreKeys(key);
        weighKeys();
        addValues(key);
    }
    storePartial(range);
}
