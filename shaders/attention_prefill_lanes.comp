#version 450
// Attention of a chunk over a schedule for the software device. A workgroup is one subgroup of 8: a
// tile of 8 x ROWS queries x HEADS query heads of one KV head. Scores have lane = query, the dims of
// a key handed round; the sum of values has lane = dims, the weights handed round. Everything stays
// in registers or on the stack; KEYS keys a step make the loop body fat without leaving the
// instruction cache (32 KB: with 28 KB all is well, with 32 KB a third is lost). Even there one
// order of the same instructions may be a sixth slower than another, and any change makes another:
// measure after each (kernel_bench prefill patterns).
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
float maxima[OWN], totals[OWN]; // lane = query
// lane = dims; [turn] belongs to query lane ^ turn
float sums[LANES][OWN][DIMS];
float rescale[OWN];
#include "lanes_results.glsl"

// Second passes are those of keys that are far apart.
const bool FAR_APART = (FLAGS & ATTENTION_CONTINUE) != 0;

/// Online softmax: scores become weights, `rescale` is what the sums so far are multiplied by. Key
/// `key + j` of the run is seen when key + j - seen.first <= seen.last.
void weighKeys(uint key, Seen seen[ROWS]) {
    [[unroll]] for (uint own = 0; own < OWN; ++own) {
        uint after = key - seen[own / HEADS].first, last_seen = seen[own / HEADS].last;
        float maximum = maxima[own], total = 0;
        [[unroll]] for (uint j = 0; j < KEYS; ++j) {
            if (after + j > last_seen)
                weights[own][j] = NEVER;
            maximum = max(maximum, weights[own][j]);
        }
        rescale[own] = exp2(maxima[own] - maximum);
        maxima[own] = maximum;
        [[unroll]] for (uint j = 0; j < KEYS; ++j) {
            weights[own][j] = keyWeight(weights[own][j], maximum);
            total += weights[own][j];
        }
        totals[own] = totals[own] * rescale[own] + total;
    }
}

void addValues() {
    vec4 values[KEYS][FOURS];
    [[unroll]] for (uint j = 0; j < KEYS; ++j) {
        loadPart(p.v.data, CACHE_TYPE_V, rows[j], lane, values[j]);
        scalePart(p.v, CACHE_TYPE_V, rows[j], lane, values[j]);
    }
    [[unroll]] for (uint turn = 0; turn < LANES; ++turn)
        [[unroll]] for (uint own = 0; own < OWN; ++own) {
            float weight[KEYS];
            [[unroll]] for (uint j = 0; j < KEYS; ++j)
                weight[j] = subgroupShuffleXor(weights[own][j], turn);
            float factor = subgroupShuffleXor(rescale[own], turn);
            [[unroll]] for (uint i = 0; i < DIMS; ++i) {
                float sum = sums[turn][own][i] * factor;
                [[unroll]] for (uint j = 0; j < KEYS; ++j)
                    sum += weight[j] * values[j][i / 4][i % 4];
                sums[turn][own][i] = sum;
            }
        }
}

/// Never happens, but the driver's compiler cannot know: there are always heads.
void pretendUse(uint words) {
    if (p.heads == 0)
        Uints(uint64_t(p.result)).v[0] = words;
}

/// Of K and V: keys of a run that are far apart in memory, 8 at once.
uint touchKeys(Run run) {
    uint words = 0;
    for (uint key = lane; key - lane < run.keys; key += LANES) {
        uint row = rowOfKey(p.schedule, run, key);
        words |= touchRow(p.k.data, CACHE_TYPE_K, row) | touchRow(p.v.data, CACHE_TYPE_V, row);
    }
    return words;
}

/// Of q and of the result.
uint touchQueries() {
    uint words = 0;
    [[unroll]] for (uint group = 0; group < ROWS; ++group) {
        uint row = (query_rows[group] * p.heads + first_head) * HEAD_DIM * 4;
        words |= touchLines(uint64_t(p.q) + uint64_t(row), HEADS * HEAD_DIM * 4 / LINE_BYTES);
        words |= touchLines(resultRow(0, group), HEADS * HEAD_DIM * 4 / LINE_BYTES);
    }
    return words;
}

void attendRun(Run run) {
    if (FAR_APART)
        pretendUse(touchKeys(run));
    Seen seen[ROWS];
    [[unroll]] for (uint i = 0; i < ROWS; ++i)
        seen[i] = readSeen(p.schedule, run, lane + LANES * i);
    bool is_far = HAS_ZONES && run.zone != 0;
    Floats table = is_far ? p.rotation_far : p.rotation;
    if (HAS_ZONES)
        loadQueries(is_far ? p.q_far : p.q);
    uint row = cache_row + run.slot, to_position = rowToPosition(run), key = 0;
    // A loop that tests at its top would run its body once more, with all lanes off; an `if` around
    // it makes the body a tenth longer.
    uint next_row = HAS_LISTS ? rowOfKey(p.schedule, run, lane) : 0; // read a step ahead
    do {
        if (HAS_LISTS) {
            shareRows(next_row);
            next_row = rowOfKey(p.schedule, run, key + KEYS + lane);
        } else
            findRows(p.schedule, run, key, row);
        scoreKeys(table, to_position);
        weighKeys(key, seen);
        addValues();
        key += KEYS;
    } while (key < run.keys);
}

void attendTile() {
    if (!HAS_ZONES)
        loadQueries(p.q);
    uint i = tile.first_run;
    if (i < tile.end_run)
        do
            attendRun(readRun(p.schedule, i));
        while (++i < tile.end_run);
}

// Grid: (most tiles of a head group, heads / HEADS).
void main() {
    lane = gl_SubgroupInvocationID;
    if (gl_WorkGroupID.x >= tilesOf(p.schedule, gl_WorkGroupID.y))
        return;
    tile = readTile(p.schedule, gl_WorkGroupID.y, gl_WorkGroupID.x);
    first_head = gl_WorkGroupID.y * HEADS;
    cache_row = first_head / (p.heads / p.kv_heads) * p.capacity;
    [[unroll]] for (uint i = 0; i < ROWS; ++i)
        query_rows[i] = rowOfQuery(tile, lane + LANES * i);
    placeTwos();
    pretendUse(touchQueries());
    if ((FLAGS & ATTENTION_CONTINUE) != 0)
        continueState();
    else
        startState();
    attendTile();
    if ((FLAGS & ATTENTION_STATE) != 0)
        storeState();
    storeResult();
}
