#version 450
// Attention of a chunk over a schedule for the software device. A workgroup is one subgroup of 8: a
// tile of 8 queries x HEADS query heads of one KV head. Scores have lane = query, the dims of a key
// handed round; the sum of values has lane = dims, the weights handed round. Everything stays in
// registers or on the stack; KEYS keys a step make the loop body fat without leaving the
// instruction cache (32 KB: with 28 KB all is well, with 32 KB a third is lost).
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "params.h"
#include "lanes_attention.glsl"

layout(local_size_x = 8) in;
layout(push_constant) uniform Push { AttentionPrefill p; };
#include "lanes_scores.glsl"

Tile tile;
float maxima[HEADS], totals[HEADS]; // lane = query
// lane = dims; [turn] belongs to query lane ^ turn
float sums[LANES][HEADS][DIMS];
float rescale[HEADS];

/// Word of `result` of two dims of this lane.
uint resultWord(uint query, uint head, uint dim) {
    return (rowOfQuery(tile, query) * p.out_stride + (first_head + head) * p.head_dim + dim) / 2;
}

uint stateWord(uint head) { return rowOfQuery(tile, lane) * p.heads + first_head + head; }

void startState() {
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        maxima[head] = HAS_SINKS ? p.head_facts.v[first_head + head].y : FIRST_MAXIMUM;
        totals[head] = HAS_SINKS ? 1 : 0;
        if ((FLAGS & ATTENTION_CONTINUE) != 0) {
            vec2 state = twoFloats(Words64(p.state).v[stateWord(head)]);
            totals[head] = state.y;
            maxima[head] = state.y > 0 ? state.x : FIRST_MAXIMUM;
        }
        [[unroll]] for (uint turn = 0; turn < LANES; ++turn) {
            float total = subgroupShuffleXor(totals[head], turn);
            [[unroll]] for (uint i = 0; i < DIMS; i += 2) {
                vec2 sum = vec2(0);
                uint dim = lane * DIMS + i;
                if ((FLAGS & ATTENTION_CONTINUE) != 0 && dim < p.head_dim)
                    sum = twoFloats(Words64(p.result).v[resultWord(lane ^ turn, head, dim)]);
                sums[turn][head][i] = sum.x * total;
                sums[turn][head][i + 1] = sum.y * total;
            }
        }
    }
}

/// Online softmax: scores become weights, `rescale` is what the sums so far are multiplied by. Key
/// j of the step is seen when after + j <= last_seen.
void weighKeys(uint after, uint last_seen) {
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        float maximum = maxima[head], total = 0;
        [[unroll]] for (uint j = 0; j < KEYS; ++j) {
            if (after + j > last_seen)
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

void addValues() {
    vec4 values[KEYS][FOURS];
    [[unroll]] for (uint j = 0; j < KEYS; ++j) {
        loadPart(p.v.data, CACHE_TYPE_V, rows[j], lane, values[j]);
        scalePart(p.v, CACHE_TYPE_V, rows[j], lane, values[j]);
    }
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

void attendRun(Run run) {
    Seen seen = readSeen(p.schedule, run);
    bool is_far = HAS_ZONES && run.zone != 0;
    Floats table = is_far ? p.rotation_far : p.rotation;
    if (HAS_ZONES)
        loadQueries(is_far ? p.q_far : p.q, rowOfQuery(tile, lane));
    uint row = cache_row + run.slot, to_position = rowToPosition(run), key = 0;
    // A loop that tests at its top would run its body once more, with all lanes off; an `if` around
    // it makes the body a tenth longer.
    do {
        findRows(p.schedule, run, key, row);
        scoreKeys(table, to_position);
        weighKeys(key - seen.first, seen.last);
        addValues();
        key += KEYS;
    } while (key < run.keys);
}

void attendTile() {
    if (!HAS_ZONES)
        loadQueries(p.q, rowOfQuery(tile, lane));
    uint i = tile.first_run;
    if (i < tile.end_run)
        do
            attendRun(readRun(p.schedule, i));
        while (++i < tile.end_run);
}

void storeResult() {
    Words64 words = Words64(p.result);
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        float inverse = totals[head] > 0 ? 1 / totals[head] : 0;
        if ((FLAGS & ATTENTION_STATE) != 0 && lane < tile.rows)
            Words64(p.state).v[stateWord(head)] =
                packUint2x32(floatBitsToUint(vec2(maxima[head], totals[head])));
        [[unroll]] for (uint turn = 0; turn < LANES; ++turn) {
            float factor = subgroupShuffleXor(inverse, turn);
            [[unroll]] for (uint i = 0; i < DIMS; i += 2) {
                uint dim = lane * DIMS + i; // pairs: head_dim is even
                vec2 two = vec2(sums[turn][head][i], sums[turn][head][i + 1]) * factor;
                uint64_t word = packUint2x32(floatBitsToUint(two));
                if ((lane ^ turn) < tile.rows && dim < p.head_dim)
                    words.v[resultWord(lane ^ turn, head, dim)] = word;
            }
        }
    }
}

// Grid: (most tiles of a head group, heads / HEADS).
void main() {
    lane = gl_SubgroupInvocationID;
    if (gl_WorkGroupID.x >= tilesOf(p.schedule, gl_WorkGroupID.y))
        return;
    tile = readTile(p.schedule, gl_WorkGroupID.y, gl_WorkGroupID.x);
    first_head = gl_WorkGroupID.y * HEADS;
    cache_row = first_head / (p.heads / p.kv_heads) * p.capacity;
    startState();
    attendTile();
    storeResult();
}
