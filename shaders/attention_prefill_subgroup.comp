// Attention of many queries over a schedule on GPUs (FlashAttention-2, Dao 2023, forward only).
// A workgroup has a tile of QUERIES queries of one head and goes through the keys of its runs in
// tiles of 32 (subgroup_tiles.glsl). Of the output an invocation owns the rows that it has in the
// scores, and of them 4 of every 32 dims.
// Groups: x = most tiles of a head group, y = heads; head group of the schedule = head.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "subgroup_tiles.glsl"

layout(push_constant) uniform Push { AttentionPrefill p; };

shared float row_factor[QUERIES]; // what the output so far is multiplied with; last: 1 / l

uint me, across, down, head, cache_row;
Tile tile;
vec4 sums[CHUNKS][OWN_ROWS];
float m, l; // of query `me`

uint resultAt(uint row, uint dim) { return row * p.out_stride + head * p.head_dim + dim; }
uint stateAt(uint row) { return (row * p.heads + head) * 2; }

// Rows beyond tile.rows repeat the last one; they see no key and are not stored.
void start() {
    m = HAS_SINKS ? p.head_facts.v[head].y : LOWEST;
    l = HAS_SINKS ? 1 : 0;
    [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk)
        [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
            sums[chunk][i] = vec4(0);
    if ((FLAGS & ATTENTION_CONTINUE) == 0)
        return;
    if (me < tile.rows) {
        uint at = stateAt(rowOfQuery(tile, me));
        l = p.state.v[at + 1];
        m = l > 0 ? p.state.v[at] : LOWEST;
    }
    [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i) {
        uint query = down + i * ROW_STEP, row = rowOfQuery(tile, query);
        float total = query < tile.rows ? p.state.v[stateAt(row) + 1] : 0;
        [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk)
            [[unroll]] for (uint e = 0; e < 4; ++e) {
                uint dim = 32 * chunk + 4 * across + e;
                if (total > 0 && dim < p.head_dim)
                    sums[chunk][i][e] = total * p.result.v[resultAt(row, dim)];
            }
    }
}

// Online softmax (Milakov & Gimelshein 2018) of one row of scores, of which `count` from `first` on
// are seen.
void weighRow(uint first, uint count) {
    float largest = m;
    for (uint quad = 0; quad < QUADS; ++quad) {
        vec4 score = row_tile[tileAt(me, quad)];
        [[unroll]] for (uint e = 0; e < 4; ++e)
            largest = 4 * quad + e - first < count ? max(largest, score[e]) : largest;
    }
    float sum = 0;
    for (uint quad = 0; quad < QUADS; ++quad) {
        vec4 weight = exp2(min(row_tile[tileAt(me, quad)] - largest, 0.0));
        bvec4 seen = lessThan(uvec4(0, 1, 2, 3) + (4 * quad - first), uvec4(count));
        weight = mix(vec4(0), weight, seen);
        row_tile[tileAt(me, quad)] = weight;
        sum += dot(weight, vec4(1));
    }
    float factor = exp2(m - largest);
    row_factor[me] = factor;
    l = l * factor + sum;
    m = largest;
}

void loadValues(Run run, uint key, uint chunk) {
    for (uint at = me; at < KEYS * QUADS; at += LOCAL_SIZE) {
        vec4 value = vec4(0);
        uint mine = key + at / QUADS;
        if (mine < run.keys) {
            uint slot = slotAndPosition(p.schedule, run, mine, HAS_LISTS).x;
            value = loadQuad(p.v, TYPE_V, cache_row + slot, chunk * QUADS + at % QUADS);
        }
        key_tile[tileAt(at / QUADS, at % QUADS)] = value;
    }
}

void addValues(inout vec4 sum[OWN_ROWS]) {
    [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
        sum[i] *= row_factor[down + i * ROW_STEP];
    for (uint quad = 0; quad < QUADS; ++quad) {
        vec4 v[4];
        [[unroll]] for (uint j = 0; j < 4; ++j)
            v[j] = key_tile[tileAt(4 * quad + j, across)];
        [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i) {
            vec4 weight = row_tile[tileAt(down + i * ROW_STEP, quad)];
            [[unroll]] for (uint j = 0; j < 4; ++j)
                sum[i] = fma(vec4(weight[j]), v[j], sum[i]);
        }
    }
}

void attendRun(Run run) {
    uvec2 bounds = uvec2(0);
    if (me < tile.rows)
        bounds = readBounds(p.schedule, run, QUERIES, me);
    bool is_far = HAS_ZONES && run.zone != 0;
    QueryRows queries = QueryRows(is_far ? p.q_far : p.q, tile, p.heads, head, p.scale * LOG2_E,
                                  p.position, p.head_facts);
    KeyRows keys =
        KeyRows(p.k, is_far ? p.rotation_far : p.rotation, p.schedule, cache_row, p.rope_dims);
    for (uint key = 0; key < run.keys; key += KEYS) {
        scoreKeys(queries, keys, run, key);
        if (me < QUERIES) {
            uvec2 seen = seenOfTile(bounds, key);
            weighRow(seen.x, seen.y);
        }
        [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk) {
            barrier();
            loadValues(run, key, chunk);
            barrier();
            addValues(sums[chunk]);
        }
    }
}

void store() {
    barrier();
    if (me < QUERIES)
        row_factor[me] = l > 0 ? 1 / l : 0;
    if ((FLAGS & ATTENTION_STATE) != 0 && me < tile.rows) {
        uint at = stateAt(rowOfQuery(tile, me));
        p.state.v[at] = m;
        p.state.v[at + 1] = l;
    }
    barrier();
    [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk)
        [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i) {
            uint query = down + i * ROW_STEP, row = rowOfQuery(tile, query);
            vec4 value = sums[chunk][i] * row_factor[query];
            [[unroll]] for (uint e = 0; e < 4; ++e) {
                uint dim = 32 * chunk + 4 * across + e;
                if (query < tile.rows && dim < p.head_dim)
                    p.result.v[resultAt(row, dim)] = value[e];
            }
        }
}

void main() {
    me = gl_LocalInvocationID.x;
    across = me % 8;
    down = me / 8;
    head = gl_WorkGroupID.y;
    cache_row = head / (p.heads / p.kv_heads) * p.capacity;
    if (gl_WorkGroupID.x >= tilesOf(p.schedule, head))
        return;
    tile = readTile(p.schedule, head, gl_WorkGroupID.x);
    start();
    for (uint i = tile.first_run; i < tile.end_run; ++i)
        attendRun(readRun(p.schedule, i));
    store();
}
