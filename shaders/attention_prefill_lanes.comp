#version 450
// Causal attention of a chunk for the software device. A workgroup is one subgroup of 8: 8 queries
// x HEADS query heads of one KV head. Scores have lane = query, the dims of a key handed round; the
// sum of values has lane = dims, the weights handed round. Everything stays in registers or on the
// stack; KEYS keys a step make the loop body fat without leaving the instruction cache.
//
// Handing round: in turn t, lane l takes the value of lane l ^ t. That is one instruction (none for
// t = 0); handing the value of one lane to all is two.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "params.h"
#include "lanes_attention.glsl"

layout(local_size_x = 8) in;
layout(constant_id = SPEC_TILE_A) const uint HEADS = 3; // divides heads / kv_heads
layout(constant_id = SPEC_TILE_B) const uint KEYS = 3;

layout(push_constant) uniform Push { AttentionPrefill p; };

const uint QUERIES = 8;

uint lane, first_row, first_head, cache_row; // cache_row: of key 0 of this KV head
uint last_key;                               // of the last query
// lane = query, times scale * log2(e); [turn] holds the dims of lane ^ turn
float queries[HEADS][LANES][DIMS];
float maxima[HEADS], totals[HEADS]; // lane = query
// lane = dims; [turn] belongs to query lane ^ turn
float sums[LANES][HEADS][DIMS];
float weights[HEADS][KEYS];                  // lane = query: scores, then their exp2
float rescale[HEADS];

void loadQueries() {
    Words64 words = Words64(p.q);
    uint row = min(first_row + lane, p.rows - 1); // repeats are not stored
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        uint at = (row * p.heads + first_head + head) * (HEAD_DIM / 2);
        [[unroll]] for (uint turn = 0; turn < LANES; ++turn)
            [[unroll]] for (uint i = 0; i < DIMS; i += 2) {
                uint64_t word = words.v[at + ((lane ^ turn) * DIMS + i) / 2];
                vec2 pair = uintBitsToFloat(unpackUint2x32(word)) * (p.scale * LOG2_E);
                queries[head][turn][i] = pair.x;
                queries[head][turn][i + 1] = pair.y;
            }
    }
}

void startState() {
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        maxima[head] = NEVER;
        totals[head] = 0;
        [[unroll]] for (uint turn = 0; turn < LANES; ++turn)
            [[unroll]] for (uint i = 0; i < DIMS; ++i)
                sums[turn][head][i] = 0;
    }
}

/// Row of the cache, never one beyond the last key: what lies there may be NaN, and 0 * NaN is NaN.
uint rowOf(uint key) { return cache_row + min(key, last_key); }

void scoreKeys(uint first_key) {
    vec4 keys[KEYS][DIMS / 4];
    [[unroll]] for (uint j = 0; j < KEYS; ++j)
        [[unroll]] for (uint i = 0; i < DIMS / 4; ++i)
            keys[j][i] = loadFour(Words64(p.k), CACHE_TYPE_K,
                                  (rowOf(first_key + j) * LANES + lane) * (DIMS / 4) + i);
    [[unroll]] for (uint i = 0; i < DIMS; ++i)
        [[unroll]] for (uint turn = 0; turn < LANES; ++turn)
            [[unroll]] for (uint j = 0; j < KEYS; ++j) {
                float value = subgroupShuffleXor(keys[j][i / 4][i % 4], turn);
                [[unroll]] for (uint head = 0; head < HEADS; ++head) {
                    float product = queries[head][turn][i] * value;
                    weights[head][j] = i + turn == 0 ? product : weights[head][j] + product;
                }
            }
}

/// Online softmax: scores become weights, `rescale` is what the sums so far are multiplied by.
void weighKeys(uint first_key) {
    uint own_key = p.position + first_row + lane;
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        float maximum = maxima[head], total = 0;
        [[unroll]] for (uint j = 0; j < KEYS; ++j) {
            if (first_key + j > own_key)
                weights[head][j] = NEVER;
            maximum = max(maximum, weights[head][j]);
        }
        rescale[head] = exp2(maxima[head] - maximum);
        maxima[head] = maximum;
        [[unroll]] for (uint j = 0; j < KEYS; ++j) {
            weights[head][j] = keyWeight(weights[head][j], maximum);
            total += weights[head][j];
        }
        totals[head] = totals[head] * rescale[head] + total;
    }
}

void addValues(uint first_key) {
    vec4 values[KEYS][DIMS / 4];
    [[unroll]] for (uint j = 0; j < KEYS; ++j)
        [[unroll]] for (uint i = 0; i < DIMS / 4; ++i)
            values[j][i] = loadFour(Words64(p.v), CACHE_TYPE_V,
                                    (rowOf(first_key + j) * LANES + lane) * (DIMS / 4) + i);
    [[unroll]] for (uint turn = 0; turn < LANES; ++turn)
        [[unroll]] for (uint head = 0; head < HEADS; ++head) {
            float weight[KEYS];
            [[unroll]] for (uint j = 0; j < KEYS; ++j)
                weight[j] = subgroupShuffleXor(weights[head][j], turn);
            float factor = subgroupShuffleXor(rescale[head], turn);
            [[unroll]] for (uint i = 0; i < DIMS; ++i) {
                float sum = sums[turn][head][i] * factor;
                [[unroll]] for (uint j = 0; j < KEYS; ++j)
                    sum += weight[j] * values[j][i / 4][i % 4];
                sums[turn][head][i] = sum;
            }
        }
}

/// Keys first..end-1 for all queries of the workgroup.
void attendRun(uint first, uint end) {
    for (uint key = first; key < end; key += KEYS) {
        scoreKeys(key);
        weighKeys(key);
        addValues(key);
    }
}

void storeResult() {
    Words64 words = Words64(p.result);
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        float inverse = 1 / totals[head];
        [[unroll]] for (uint turn = 0; turn < LANES; ++turn) {
            float factor = subgroupShuffleXor(inverse, turn);
            uint row = first_row + (lane ^ turn);
            uint at = row * p.out_stride + (first_head + head) * p.head_dim;
            [[unroll]] for (uint i = 0; i < DIMS; i += 2) {
                uint dim = lane * DIMS + i; // pairs: head_dim is even
                if (row < p.rows && dim < p.head_dim)
                    words.v[(at + dim) / 2] = packUint2x32(floatBitsToUint(
                        vec2(sums[turn][head][i], sums[turn][head][i + 1]) * factor));
            }
        }
    }
}

// Grid: (ceil(rows / 8), heads / HEADS).
void main() {
    lane = gl_SubgroupInvocationID;
    // The driver gives each thread one contiguous range of workgroups: pair light rows with heavy.
    uint x = gl_WorkGroupID.x;
    uint tile = x % 2 == 1 ? gl_NumWorkGroups.x - 1 - x / 2 : x / 2;
    first_row = tile * QUERIES;
    first_head = gl_WorkGroupID.y * HEADS;
    cache_row = first_head / (p.heads / p.kv_heads) * p.capacity;
    last_key = p.position + min(first_row + QUERIES, p.rows) - 1;

    loadQueries();
    startState();
    attendRun(0, last_key + 1);
    storeResult();
}
