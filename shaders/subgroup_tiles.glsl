// Scores of a tile of queries and 32 keys by a workgroup: what prefill, map and scores of the
// `subgroup` family share. The invocations form a grid of 8 across and LOCAL_SIZE / 8 down; each
// owns 4 rows (2 or 1 of wide heads), of which 4 keys. q and k pass through shared memory 32 dims at a
// time. LOCAL_SIZE: a multiple of 8, at most 128.
#include "subgroup_attention.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const uint LOCAL_SIZE = 128;

const uint KEYS = 32;
const uint QUADS = 8; // vec4 of a row of 32
const uint CHUNKS = HEAD_DIM / 32;
const uint ROW_STEP = LOCAL_SIZE / 8;
// HEAD_DIM / 8 * OWN_ROWS output values in registers; as choosePrefillTile says.
const uint OWN_ROWS = HEAD_DIM > 256 ? 1 : HEAD_DIM > 128 ? 2 : 4;
const uint QUERIES = ROW_STEP * OWN_ROWS;

shared vec4 row_tile[QUERIES * QUADS]; // first of queries, then of scores
shared vec4 key_tile[KEYS * QUADS];

// Neighbouring rows are read at once: exchanging quads within a row keeps them on different banks.
uint tileAt(uint row, uint quad) { return row * QUADS + (quad ^ (row & 7u)); }

/// The queries of a tile, of one head; `factor` is that of their scores.
struct QueryRows {
    Floats q; // [rows, heads, HEAD_DIM]
    Tile tile;
    uint heads, head;
    float factor;
    uint position;    // of row 0
    Vec4s head_facts; // rules
};

/// 32 dims of the queries.
void loadQueries(QueryRows queries, uint chunk) {
    for (uint at = gl_LocalInvocationID.x; at < QUERIES * QUADS; at += LOCAL_SIZE) {
        uint row = rowOfQuery(queries.tile, at / QUADS) * queries.heads + queries.head;
        row_tile[tileAt(at / QUADS, at % QUADS)] =
            Vec4s(queries.q).v[row * (HEAD_DIM / 4) + chunk * QUADS + at % QUADS] * queries.factor;
    }
}

/// 32 dims of the keys key .. key + 31 of a run. Slots beyond it are never read: they may hold
/// anything.
void loadKeys(KeyRows keys, Run run, uint key, uint chunk) {
    for (uint at = gl_LocalInvocationID.x; at < KEYS * QUADS; at += LOCAL_SIZE) {
        vec4 value = vec4(0);
        uint mine = key + at / QUADS;
        if (mine < run.keys) {
            uvec2 place = slotAndPosition(keys.schedule, run, mine, HAS_LISTS);
            value = loadKeyQuad(keys, place.x, place.y, chunk * QUADS + at % QUADS);
        }
        key_tile[tileAt(at / QUADS, at % QUADS)] = value;
    }
}

// A chain of multiply-adds; dot() would cost one addition more.
float addProducts(float sum, vec4 a, vec4 b) {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

/// Adds the products of row_tile and key_tile to the scores of an invocation.
void addChunk(uint across, uint down, inout vec4 scores[OWN_ROWS]) {
    for (uint quad = 0; quad < QUADS; ++quad) {
        vec4 k[4];
        [[unroll]] for (uint j = 0; j < 4; ++j)
            k[j] = key_tile[tileAt(across + 8 * j, quad)];
        [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i) {
            vec4 q = row_tile[tileAt(down + i * ROW_STEP, quad)];
            [[unroll]] for (uint j = 0; j < 4; ++j)
                scores[i][j] = addProducts(scores[i][j], q, k[j]);
        }
    }
}

/// Adds q . k of the keys key .. key + 31 of a run: scores[i][j] is of query down + i * ROW_STEP
/// and key across + 8 * j. Keys beyond the run: 0.
void addScores(QueryRows queries, KeyRows keys, Run run, uint key, inout vec4 scores[OWN_ROWS]) {
    uint across = gl_LocalInvocationID.x % 8, down = gl_LocalInvocationID.x / 8;
    for (uint chunk = 0; chunk < CHUNKS; ++chunk) {
        barrier(); // the tiles before have been read
        loadQueries(queries, chunk);
        loadKeys(keys, run, key, chunk);
        barrier();
        addChunk(across, down, scores);
    }
}

/// Applies the model's rules to scores of an invocation, as addScores leaves them.
void applyRules(QueryRows queries, KeyRows keys, Run run, uint key, inout vec4 scores[OWN_ROWS]) {
    uint across = gl_LocalInvocationID.x % 8, down = gl_LocalInvocationID.x / 8;
    vec4 facts = queries.head_facts.v[queries.head];
    [[unroll]] for (uint j = 0; j < 4; ++j) {
        uint key_position = 0;
        if (HAS_SLOPES)
            key_position = slotAndPosition(keys.schedule, run,
                                           min(key + across + 8 * j, run.keys - 1), HAS_LISTS).y;
        [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i) {
            uint row = rowOfQuery(queries.tile, down + i * ROW_STEP);
            scores[i][j] =
                ruledScore(scores[i][j], facts, int(queries.position + row - key_position));
        }
    }
}

/// Leaves the scores of the keys key .. key + 31 of a run in row_tile, for all to read.
void scoreKeys(QueryRows queries, KeyRows keys, Run run, uint key) {
    uint across = gl_LocalInvocationID.x % 8, down = gl_LocalInvocationID.x / 8;
    vec4 scores[OWN_ROWS];
    [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
        scores[i] = vec4(0);
    addScores(queries, keys, run, key, scores);
    if (HAS_RULES)
        applyRules(queries, keys, run, key, scores);
    barrier();
    [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
        [[unroll]] for (uint j = 0; j < 4; ++j) {
            uint column = across + 8 * j;
            row_tile[tileAt(down + i * ROW_STEP, column / 4)][column % 4] = scores[i][j];
        }
    barrier();
}

/// The part of the keys first .. end - 1 of a run that lies in key .. key + 31: how far from `key`
/// it begins, and its length.
uvec2 seenOfTile(uvec2 bounds, uint key) {
    uint first = clamp(bounds.x, key, key + KEYS), end = clamp(bounds.y, key, key + KEYS);
    return uvec2(first - key, end > first ? end - first : 0);
}
