#version 450
// Second pass over a schedule for the software device: what each query looked at, as a few numbers
// (metrics) or as a row of a picture (cells). A workgroup is a tile of 8 queries (lane = query) x
// HEADS heads of one KV head, usually 1: those of one head group of the schedule, which has groups
// for all heads, also where only some are in the picture.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "params.h"
#include "lanes_attention.glsl"

layout(local_size_x = 8) in;
layout(push_constant) uniform Push { AttentionMap p; };
#include "lanes_scores.glsl"

const bool CELLS = (FLAGS & MAP_CELLS) != 0;

Tile tile;
float normals[HEADS];   // p = exp2(score - normal): m + log2(l), huge for l = 0
float logs[HEADS][KEYS]; // log2 of p
float metrics[HEADS][5];
uint open_cell; // two neighbours are in the making, this one and the next: sums and maxima
vec2 cell[HEADS], next_cell[HEADS];

void startState() {
    open_cell = 0;
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        uint at = rowOfQuery(tile, lane) * p.heads + first_head + head;
        vec2 state = twoFloats(Words64(p.state).v[at]);
        normals[head] = state.y > 0 ? state.x + log2(state.y) : -FIRST_MAXIMUM;
        cell[head] = next_cell[head] = vec2(0);
        [[unroll]] for (uint i = 0; i < 5; ++i)
            metrics[head][i] = 0;
    }
}

/// Scores become probabilities; keys from `count` on and those that a query does not see get 0.
void findProbabilities(uint after, uint last_seen, uint count) {
    [[unroll]] for (uint head = 0; head < HEADS; ++head)
        [[unroll]] for (uint j = 0; j < KEYS; ++j) {
            bool is_seen = after + j <= last_seen && j < count;
            logs[head][j] = weights[head][j] - normals[head];
            float share = keyWeight(logs[head][j], 0);
            weights[head][j] = is_seen ? share : 0;
        }
}

/// The entropy is in base 2 until it is stored.
void addMetrics(uint to_position) {
    int query = int(p.position + rowOfQuery(tile, lane));
    [[unroll]] for (uint j = 0; j < KEYS; ++j) {
        uint position = rows[j] + to_position;
        int distance = query - int(position);
        [[unroll]] for (uint head = 0; head < HEADS; ++head) {
            float share = weights[head][j];
            metrics[head][0] += share;
            metrics[head][1] -= share * logs[head][j];
            metrics[head][2] += share * float(distance);
            metrics[head][3] += position < p.sinks ? share : 0;
            metrics[head][4] += distance < int(p.recent) ? share : 0;
        }
    }
}

// ---- cells -----------------------------------------------------------------------------------

/// Of a row's cell 0, in pairs; its heads' rows follow each other.
uint cellsOf(uint row, uint head) {
    return ((row * gl_NumWorkGroups.y + gl_WorkGroupID.y) * HEADS + head) * p.cells;
}

/// The lanes of this device go in step: no barrier is needed between this and flushCell.
void clearCells() {
    for (uint query = 0; query < tile.rows; ++query)
        [[unroll]] for (uint head = 0; head < HEADS; ++head) {
            uint at = cellsOf(rowOfQuery(tile, query), head);
            for (uint i = lane; i < p.cells; i += LANES)
                Words64(p.target).v[at + i] = 0;
        }
}

/// Adds what was collected to cell `number`, if there is such a cell (all lanes agree).
void flushCell(uint number, vec2 collected[HEADS], bool wanted) {
    if (!wanted || number >= p.cells || lane >= tile.rows)
        return;
    Words64 words = Words64(p.target);
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        uint at = cellsOf(rowOfQuery(tile, lane), head) + number;
        vec2 old = twoFloats(words.v[at]), own = collected[head];
        words.v[at] = packUint2x32(floatBitsToUint(vec2(old.x + own.x, max(old.y, own.y))));
    }
}

/// Makes the cell of a position the open one. Positions before the picture (of lists) are taken for
/// the last two cells before it, which are no cells: their numbers are huge.
void openCell(uint position) {
    uint number = position < p.first_key ? -2 : (position - p.first_key) / p.cell_keys;
    bool is_other = number != open_cell, is_next = number == open_cell + 1;
    flushCell(open_cell, cell, is_other);
    flushCell(open_cell + 1, next_cell, is_other && !is_next);
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        cell[head] = !is_other ? cell[head] : is_next ? next_cell[head] : vec2(0);
        next_cell[head] = is_other ? vec2(0) : next_cell[head];
    }
    open_cell = number;
}

/// How many of the step's first keys lie in the open cell and the next; at least one.
uint keysInCells(uint to_position) {
    uint begin = p.first_key + open_cell * p.cell_keys, count = 0;
    [[unroll]] for (uint j = 0; j < KEYS; ++j)
        count += count == j && rows[j] + to_position - begin < 2 * p.cell_keys ? 1 : 0;
    return max(count, 1);
}

void addCells(uint to_position) {
    uint begin = p.first_key + open_cell * p.cell_keys;
    [[unroll]] for (uint j = 0; j < KEYS; ++j) {
        bool in_open = rows[j] + to_position - begin < p.cell_keys;
        [[unroll]] for (uint head = 0; head < HEADS; ++head) {
            float own = in_open ? weights[head][j] : 0, next = weights[head][j] - own;
            cell[head] = vec2(cell[head].x + own, max(cell[head].y, own));
            next_cell[head] = vec2(next_cell[head].x + next, max(next_cell[head].y, next));
        }
    }
}

/// Keys first .. end - 1 of a run, those whose positions are in the picture; a list: all.
uvec2 keysInPicture(Run run) {
    if (!CELLS || HAS_LISTS && run.list != SCHEDULE_NONE)
        return uvec2(0, run.keys);
    uint end_key = p.first_key + p.cells * p.cell_keys;
    uvec2 before = max(uvec2(p.first_key, end_key), run.position) - run.position;
    return min((before + run.step - 1) / run.step, run.keys);
}

void lookAtRun(Run run) {
    Seen seen = readSeen(p.schedule, run, lane);
    bool is_far = HAS_ZONES && run.zone != 0;
    Floats table = is_far ? p.rotation_far : p.rotation;
    if (HAS_ZONES)
        loadQueries(is_far ? p.q_far : p.q);
    uint to_position = rowToPosition(run);
    uvec2 keys = keysInPicture(run);
    uint key = keys.x;
    if (key < keys.y)
        do {
            uint row = cache_row + run.slot + key * run.step, count = KEYS;
            findRows(p.schedule, run, key, row);
            if (CELLS) {
                openCell(rows[0] + to_position);
                count = keysInCells(to_position);
            }
            count = min(count, keys.y - key);
            scoreKeys(table, to_position);
            do { // ends at once: see attention_scores_lanes.comp
                findProbabilities(key - seen.first, seen.last, count);
                if (CELLS)
                    addCells(to_position);
                else
                    addMetrics(to_position);
            } while (p.heads == 0);
            key += count;
        } while (key < keys.y);
}

void storeMetrics() {
    [[unroll]] for (uint head = 0; head < HEADS; ++head) {
        uint at = (rowOfQuery(tile, lane) * p.heads + first_head + head) * MAP_METRIC_COUNT;
        metrics[head][1] /= LOG2_E;
        [[unroll]] for (uint i = 0; i < MAP_METRIC_COUNT; ++i)
            if (lane < tile.rows)
                p.target.v[at + i] = i < 5 ? metrics[head][min(i, 4)] : 0;
    }
}

// Grid: (most tiles of a head group, head groups that are looked at). p.first_head begins one.
void main() {
    lane = gl_SubgroupInvocationID;
    first_head = (CELLS ? p.first_head : 0) + gl_WorkGroupID.y * HEADS;
    const uint group = first_head / HEADS;
    if (gl_WorkGroupID.x >= tilesOf(p.schedule, group))
        return;
    tile = readTile(p.schedule, group, gl_WorkGroupID.x);
    cache_row = first_head / (p.heads / p.kv_heads) * p.capacity;
    query_rows[0] = rowOfQuery(tile, lane);
    startState();
    if (CELLS)
        clearCells();
    if (!HAS_ZONES)
        loadQueries(p.q);
    uint i = tile.first_run;
    if (i < tile.end_run)
        do
            lookAtRun(readRun(p.schedule, i));
        while (++i < tile.end_run);
    if (CELLS) {
        flushCell(open_cell, cell, true);
        flushCell(open_cell + 1, next_cell, true);
    } else
        storeMetrics();
}
