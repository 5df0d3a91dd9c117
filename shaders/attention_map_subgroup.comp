// What attention looks at, on GPUs: a second pass over a schedule that sums up probabilities,
// either to a few numbers of a row and head or to cells of neighbouring keys. Scores as in prefill
// (subgroup_tiles.glsl); then each query has one invocation, which alone writes what is of it.
// Groups: x = most tiles of a head group, y = heads (cells: of those wanted). Head group of the
// schedule = head.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "subgroup_tiles.glsl"

layout(push_constant) uniform Push { AttentionMap p; };

const bool CELLS = (FLAGS & MAP_CELLS) != 0;
const uint KEPT = 5; // metrics that are not always 0
const float LN_2 = 0.693147181;

// Of query `me`: its row of q, its position, and m + log2(l), so that p = exp2(score - log_total).
uint me, row, position;
float log_total;
float metrics[KEPT];

void startQuery(Tile tile, uint head) {
    row = rowOfQuery(tile, me);
    position = p.position + row;
    uint at = (row * p.heads + head) * 2;
    float l = p.state.v[at + 1];
    log_total = l > 0 ? p.state.v[at] + log2(l) : -LOWEST; // without a key every p is 0
    [[unroll]] for (uint i = 0; i < KEPT; ++i)
        metrics[i] = 0;
}

uint cellAt(uint cell) {
    return ((row * gl_NumWorkGroups.y + gl_WorkGroupID.y) * p.cells + cell) * 2;
}

void clearCells() {
    for (uint at = cellAt(0); at < cellAt(p.cells); ++at)
        p.target.v[at] = 0;
}

uint cellOf(uint key_position) {
    return key_position < p.first_key ? SCHEDULE_NONE : (key_position - p.first_key) / p.cell_keys;
}

void addToCell(uint cell, float sum, float largest) {
    if (cell >= p.cells)
        return;
    p.target.v[cellAt(cell)] += sum;
    p.target.v[cellAt(cell) + 1] = max(p.target.v[cellAt(cell) + 1], largest);
}

/// log2 of the probability of a key of the tile.
float logOf(uint key) { return row_tile[tileAt(me, key / 4)][key % 4] - log_total; }

// seen: which keys of the tile that begins at `key` count, as seenOfTile.
void addCells(Run run, uint key, uvec2 seen) {
    uint cell = SCHEDULE_NONE;
    float sum = 0, largest = 0;
    for (uint i = seen.x; i < seen.x + seen.y; ++i) {
        uint own = cellOf(slotAndPosition(p.schedule, run, key + i, HAS_LISTS).y);
        if (own != cell) {
            addToCell(cell, sum, largest);
            cell = own;
            sum = largest = 0;
        }
        float probability = exp2(logOf(i));
        sum += probability;
        largest = max(largest, probability);
    }
    addToCell(cell, sum, largest);
}

void addMetrics(Run run, uint key, uvec2 seen) {
    float sums[KEPT] = float[KEPT](0, 0, 0, 0, 0); // of the tile: short sums keep their digits
    for (uint i = seen.x; i < seen.x + seen.y; ++i) {
        uint key_position = slotAndPosition(p.schedule, run, key + i, HAS_LISTS).y;
        int distance = int(position - key_position);
        float probability = exp2(logOf(i));
        sums[0] += probability;
        sums[1] -= probability * (logOf(i) * LN_2);
        sums[2] += probability * float(distance);
        sums[3] += key_position < p.sinks ? probability : 0;
        sums[4] += distance < int(p.recent) ? probability : 0;
    }
    [[unroll]] for (uint i = 0; i < KEPT; ++i)
        metrics[i] += sums[i];
}

void storeMetrics(uint head) {
    uint at = (row * p.heads + head) * MAP_METRIC_COUNT;
    [[unroll]] for (uint i = 0; i < MAP_METRIC_COUNT; ++i)
        p.target.v[at + i] = i < KEPT ? metrics[min(i, KEPT - 1)] : 0;
}

void lookAtRun(Run run, Tile tile, uint head) {
    bool is_far = HAS_ZONES && run.zone != 0;
    QueryRows queries = QueryRows(is_far ? p.q_far : p.q, tile, p.heads, head, p.scale * LOG2_E,
                                  p.position, p.head_facts);
    KeyRows keys = KeyRows(p.k, is_far ? p.rotation_far : p.rotation, p.schedule,
                           head / (p.heads / p.kv_heads) * p.capacity, p.rope_dims);
    uvec2 bounds = uvec2(0);
    if (me < tile.rows)
        bounds = readBounds(p.schedule, run, QUERIES, me);
    for (uint key = 0; key < run.keys; key += KEYS) {
        scoreKeys(queries, keys, run, key);
        uvec2 seen = seenOfTile(bounds, key);
        if (CELLS)
            addCells(run, key, seen);
        else
            addMetrics(run, key, seen);
    }
}

void main() {
    me = gl_LocalInvocationID.x;
    uint head = gl_WorkGroupID.y + (CELLS ? p.first_head : 0);
    if (gl_WorkGroupID.x >= tilesOf(p.schedule, head))
        return;
    Tile tile = readTile(p.schedule, head, gl_WorkGroupID.x);
    startQuery(tile, head);
    if (CELLS && me < tile.rows)
        clearCells();
    for (uint i = tile.first_run; i < tile.end_run; ++i)
        lookAtRun(readRun(p.schedule, i), tile, head);
    if (!CELLS && me < tile.rows)
        storeMetrics(head);
}
