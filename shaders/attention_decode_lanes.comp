#version 450
// Attention of one query for the software device (flash-decoding): a range of the keys of a
// schedule for HEADS query heads of one KV head. Scores have lane = key, each lane reading a row of
// its own; the sum of values has lane = dims. attention_merge.comp joins the ranges.
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

uint lane, first_head, cache_row; // cache_row: of slot 0 of this KV head
float queries[HEADS][HEAD_DIM];   // the same in every lane, times scale * log2(e)
float maxima[HEADS];              // the same in every lane
float totals[HEADS];              // of the keys that this lane scored
float sums[HEADS][DIMS];          // lane = dims
float weights[HEADS][KEY_GROUPS]; // lane = key: scores, then their exp2
uint rows[KEY_GROUPS];            // lane = key: of the cache

void loadQueries(uint zone) {
    Floats q = HAS_ZONES && zone != 0 ? p.q_far : p.q;
    [[unroll]] for (uint head = 0; head < HEADS; ++head)
        [[unroll]] for (uint i = 0; i < FOURS; ++i) {
            vec4 own = loadQueryFour(q, first_head + head, lane * FOURS + i, p.rope_dims);
            own *= p.scale * LOG2_E;
            [[unroll]] for (uint e = 0; e < LANES; ++e)
                [[unroll]] for (uint j = 0; j < 4; ++j)
                    queries[head][e * DIMS + 4 * i + j] = subgroupBroadcast(own[j], e);
        }
}

void startState() {
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        maxima[head] = FIRST_MAXIMUM;
        totals[head] = 0;
        [[unroll]] for (uint i = 0; i < DIMS; ++i)
            sums[head][i] = 0;
    }
}

/// Rows of a lane's keys, none beyond the range: what lies there may be NaN, and 0 * NaN is NaN.
void findRows(Run run, uint first_key, uint end_key) {
    [[unroll]] for (uint group = 0; group < KEY_GROUPS; ++group) {
        uint key = min(first_key + group * LANES + lane, end_key - 1);
        rows[group] = cache_row + slotAndPosition(p.schedule, run, key, HAS_LISTS).x;
    }
}

/// Scores of this lane's keys; scales of whole blocks are multiplied once a block.
void scoreRow(uint group, Floats table, uint position) {
    bool block_sums = hasScales(CACHE_TYPE_K) && 32 % DIMS == 0 && !SPLIT_PAIRS;
    float block[HEADS];
    [[unroll]] for (uint head = 0; head < HEADS; ++head)
        block[head] = weights[head][group] = 0;
    [[unroll]] for (uint part = 0; part < LANES; ++part) {
        vec4 dims[FOURS];
        loadKeyPart(p.k, rows[group], part, table, position, p.rope_dims, dims);
        if (!block_sums)
            scaleKeyPart(p.k, rows[group], part, dims);
        [[unroll]] for (uint i = 0; i < DIMS; ++i)
            [[unroll]] for (uint head = 0; head < HEADS; ++head)
                block[head] += queries[head][part * DIMS + i] * dims[i / 4][i % 4];
        if (block_sums && (part + 1) * DIMS % 32 != 0)
            continue;
        float scale = 1;
        if (block_sums)
            scale = scaleOf(p.k, CACHE_TYPE_K, rows[group], part * DIMS / 32);
        [[unroll]] for (uint head = 0; head < HEADS; ++head) {
            weights[head][group] += block[head] * scale;
            block[head] = 0;
        }
    }
}

void scoreKeys(Run run, uint first_key, uint end_key) {
    Floats table = HAS_ZONES && run.zone != 0 ? p.rotation_far : p.rotation;
    [[unroll]] for (uint group = 0; group < KEY_GROUPS; ++group) {
        uint key = first_key + group * LANES + lane, position = 0;
        if (RAW_KEYS || HAS_SLOPES)
            position = slotAndPosition(p.schedule, run, min(key, end_key - 1), HAS_LISTS).y;
        scoreRow(group, table, position);
        [[unroll]] for (uint head = 0; head < HEADS; ++head) {
            if (HAS_RULES)
                weights[head][group] =
                    ruledScore(weights[head][group], p.head_facts.v[first_head + head],
                               int(p.position - position));
            if (key >= end_key)
                weights[head][group] = NEVER;
        }
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

void addValues() {
    [[unroll]] for (uint group = 0; group < KEY_GROUPS; ++group)
        [[unroll]] for (uint e = 0; e < LANES; ++e) {
            uint row = subgroupBroadcast(rows[group], e);
            vec4 values[FOURS];
            loadPart(p.v.data, CACHE_TYPE_V, row, lane, values);
            scalePart(p.v, CACHE_TYPE_V, row, lane, values);
            [[unroll]] for (uint head = 0; head < HEADS; ++head) {
                float weight = subgroupBroadcast(weights[head][group], e);
                [[unroll]] for (uint i = 0; i < DIMS; ++i)
                    sums[head][i] += weight * values[i / 4][i % 4];
            }
        }
}

/// Keys first .. end - 1 of a run.
void attendRun(Run run, uint first, uint end) {
    if (HAS_ZONES)
        loadQueries(run.zone);
    if (first < end)
        do {
            findRows(run, first, end);
            scoreKeys(run, first, end);
            weighKeys();
            addValues();
            first += KEY_GROUPS * LANES;
        } while (first < end);
}

/// Keys begin .. begin + left - 1 of all keys of the tile's runs.
void attendRange(Tile tile, uint begin, uint left) {
    uint i = tile.first_run;
    while (i < tile.end_run && begin >= readRun(p.schedule, i).keys)
        begin -= readRun(p.schedule, i++).keys;
    // The loops of attention test at their end: see attention_prefill_lanes.comp.
    if (i < tile.end_run && left > 0)
        do {
            Run run = readRun(p.schedule, i++);
            uint end = min(run.keys, begin + left);
            attendRun(run, begin, end);
            left -= end - begin;
            begin = 0;
        } while (i < tile.end_run && left > 0);
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
    first_head = gl_WorkGroupID.y * HEADS;
    cache_row = first_head / (p.heads / p.kv_heads) * p.capacity;
    startState();
    if (!HAS_ZONES)
        loadQueries(0);
    attendRange(readTile(p.schedule, gl_WorkGroupID.y, 0), gl_WorkGroupID.x * p.keys_per_split,
                p.keys_per_split);
    storePartial(gl_WorkGroupID.x);
}
