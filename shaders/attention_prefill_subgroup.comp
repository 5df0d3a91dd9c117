// Causal attention of many queries on GPUs (FlashAttention-2, Dao 2023, forward only).
// A workgroup has QUERIES queries of one head and goes through the keys in tiles of 32. Its
// invocations form a grid of 8 across and LOCAL_SIZE / 8 down; each owns 4 rows (2 of wide heads),
// of which 4 keys in the scores and 4 of every 32 dimensions in the output. q, k and v pass through
// shared memory 32 dimensions at a time.
// Groups: x = ceil(rows / QUERIES), y = heads. LOCAL_SIZE: a multiple of 8, at most 128.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "cache.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const uint LOCAL_SIZE = 128;
layout(push_constant) uniform Push { AttentionPrefill p; };

const uint KEYS = 32;
const uint QUADS = 8; // vec4 of a row of 32
const uint CHUNKS = HEAD_DIM / 32;
const uint ROW_STEP = LOCAL_SIZE / 8;
const uint OWN_ROWS = HEAD_DIM > 128 ? 2 : 4; // HEAD_DIM / 8 * OWN_ROWS output values in registers
const uint QUERIES = ROW_STEP * OWN_ROWS;

shared vec4 row_tile[QUERIES * QUADS]; // first of queries, then of scores, then of their weights
shared vec4 key_tile[KEYS * QUADS];   // first of keys, then of values
shared float row_factor[QUERIES];      // what the output so far is multiplied with; last: 1 / l

// Neighbouring rows are read at once: exchanging quads within a row keeps them on different banks.
uint tileAt(uint row, uint quad) { return row * QUADS + (quad ^ (row & 7u)); }

// Scores are in base 2: exp2 is what devices have.
void loadQueries(uint first_row, uint head, uint chunk) {
    float factor = p.scale * 1.44269504;
    for (uint at = gl_LocalInvocationID.x; at < QUERIES * QUADS; at += LOCAL_SIZE) {
        uint row = first_row + at / QUADS;
        uint from = (row * p.heads + head) * (HEAD_DIM / 4) + chunk * QUADS + at % QUADS;
        row_tile[tileAt(at / QUADS, at % QUADS)] =
            row < p.rows ? Vec4s(p.q).v[from] * factor : vec4(0);
    }
}

// Rows of the cache that no query of the tile sees are never read: they may hold anything.
void loadKeysOrValues(Uints cache, uint type, uint first_row, uint count, uint chunk) {
    for (uint at = gl_LocalInvocationID.x; at < KEYS * QUADS; at += LOCAL_SIZE) {
        uint key = at / QUADS;
        key_tile[tileAt(key, at % QUADS)] =
            key < count ? loadQuad(cache, type, first_row + key, chunk * QUADS + at % QUADS)
                        : vec4(0);
    }
}

// A chain of multiply-adds; dot() would cost one addition more.
float addProducts(float sum, vec4 a, vec4 b) {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

void addScores(uint across, uint down, inout vec4 scores[OWN_ROWS]) {
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

void storeScores(uint across, uint down, vec4 scores[OWN_ROWS]) {
    [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
        [[unroll]] for (uint j = 0; j < 4; ++j) {
            uint key = across + 8 * j;
            row_tile[tileAt(down + i * ROW_STEP, key / 4)][key % 4] = scores[i][j];
        }
}

// Online softmax (Milakov & Gimelshein 2018) of one row of scores, `visible` of which count.
void weighRow(uint row, uint visible, inout float m, inout float l) {
    float largest = m;
    for (uint quad = 0; quad < QUADS; ++quad) {
        vec4 s = row_tile[tileAt(row, quad)];
        [[unroll]] for (uint e = 0; e < 4; ++e)
            largest = 4 * quad + e < visible ? max(largest, s[e]) : largest;
    }
    float sum = 0;
    for (uint quad = 0; quad < QUADS; ++quad) {
        vec4 weight = exp2(min(row_tile[tileAt(row, quad)] - largest, 0.0));
        weight = mix(vec4(0), weight, lessThan(uvec4(0, 1, 2, 3) + 4 * quad, uvec4(visible)));
        row_tile[tileAt(row, quad)] = weight;
        sum += dot(weight, vec4(1));
    }
    float factor = exp2(m - largest);
    row_factor[row] = factor;
    l = l * factor + sum;
    m = largest;
}

void addValues(uint across, uint down, inout vec4 sums[OWN_ROWS]) {
    for (uint quad = 0; quad < QUADS; ++quad) {
        vec4 v[4];
        [[unroll]] for (uint j = 0; j < 4; ++j)
            v[j] = key_tile[tileAt(4 * quad + j, across)];
        [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i) {
            vec4 weight = row_tile[tileAt(down + i * ROW_STEP, quad)];
            [[unroll]] for (uint j = 0; j < 4; ++j)
                sums[i] = fma(vec4(weight[j]), v[j], sums[i]);
        }
    }
}

void storeOutput(uint row, uint head, uint dim, vec4 value) {
    [[unroll]] for (uint e = 0; e < 4; ++e)
        if (row < p.rows && dim + e < p.head_dim)
            p.result.v[row * p.out_stride + head * p.head_dim + dim + e] = value[e];
}

void main() {
    uint me = gl_LocalInvocationID.x;
    uint across = me % 8, down = me / 8;
    // The last tile has the most keys: it begins first.
    uint first_row = (gl_NumWorkGroups.x - 1 - gl_WorkGroupID.x) * QUERIES;
    uint head = gl_WorkGroupID.y;
    uint cache_row = head / (p.heads / p.kv_heads) * p.capacity;
    uint keys = p.position + min(first_row + QUERIES, p.rows); // that some query of the tile sees

    vec4 sums[CHUNKS][OWN_ROWS];
    [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk)
        [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
            sums[chunk][i] = vec4(0);
    float m = -1e30, l = 0; // of row `me`; finite, so that no difference of infinities can arise

    for (uint key = 0; key < keys; key += KEYS) {
        uint count = min(keys - key, KEYS);
        vec4 scores[OWN_ROWS];
        [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
            scores[i] = vec4(0);
        for (uint chunk = 0; chunk < CHUNKS; ++chunk) {
            barrier(); // the tiles before have been read
            loadQueries(first_row, head, chunk);
            loadKeysOrValues(p.k, TYPE_K, cache_row + key, count, chunk);
            barrier();
            addScores(across, down, scores);
        }
        barrier();
        storeScores(across, down, scores);
        barrier();
        if (me < QUERIES) {
            uint last = p.position + min(first_row + me, p.rows - 1);
            weighRow(me, last < key ? 0 : min(last - key + 1, KEYS), m, l);
        }
        [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk) {
            barrier();
            loadKeysOrValues(p.v, TYPE_V, cache_row + key, count, chunk);
            barrier();
            [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
                sums[chunk][i] *= row_factor[down + i * ROW_STEP];
            addValues(across, down, sums[chunk]);
        }
    }
    barrier();
    if (me < QUERIES)
        row_factor[me] = 1.0 / l;
    barrier();
    [[unroll]] for (uint chunk = 0; chunk < CHUNKS; ++chunk)
        [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i) {
            uint row = down + i * ROW_STEP;
            storeOutput(first_row + row, head, 32 * chunk + 4 * across,
                        sums[chunk][i] * row_factor[row]);
        }
}
