// Product of rows and a matrix on GPUs: y = scale * x w^T (+ bias) (+ residual), f32 throughout. A
// workgroup computes TILE_A rows of x times TILE_B rows of w in steps of 32 along k. Both tiles lie
// in shared memory as vec4 along k, w dequantised once a tile; the next tiles are read from memory
// while the present ones are multiplied. An invocation owns TILE_A * TILE_B / LOCAL_SIZE / 4 rows
// times 4 columns.
// Wanted: LOCAL_SIZE a multiple of TILE_B / 4, TILE_A of LOCAL_SIZE / (TILE_B / 4), and (TILE_A +
// TILE_B) * 128 <= 16384 bytes.
//
// Who includes this has a Matmul p, and says of row 0 .. p.rows - 1 where it lies in x and in y
// (xAt, yAt) and what the product is scaled by (scaleOf).
#include "weights.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const uint LOCAL_SIZE = 128;
layout(constant_id = SPEC_TILE_A) const uint TILE_A = 64;
layout(constant_id = SPEC_TILE_B) const uint TILE_B = 64;

const uint QUADS = 8; // vec4 of a tile's row: 32 elements
const uint OWN_COLUMNS = 4;
const uint COLUMN_STEP = TILE_B / OWN_COLUMNS;      // invocations side by side
const uint ROW_STEP = LOCAL_SIZE / COLUMN_STEP;     // and one above the other
const uint OWN_ROWS = TILE_A / ROW_STEP;
const uint X_LOADS = (TILE_A * QUADS + LOCAL_SIZE - 1) / LOCAL_SIZE;
const uint W_LOADS = (TILE_B * QUADS / 2 + LOCAL_SIZE - 1) / LOCAL_SIZE;

shared vec4 x_tile[TILE_A * QUADS];
shared vec4 w_tile[TILE_B * QUADS];

// Neighbouring rows are read at once: exchanging quads within a row keeps them on different banks.
uint tileAt(uint row, uint quad) { return row * QUADS + (quad ^ (row & 7u)); }

const uint NOWHERE = 0xffffffffu;

uint x_quads[X_LOADS]; // where this invocation reads x, in vec4; NOWHERE beyond the last row

struct Loaded { // from memory, on the way to shared memory
    vec4 x[X_LOADS];
    Octet w[W_LOADS];
};

void findRows(uint first_row) {
    [[unroll]] for (uint i = 0; i < X_LOADS; ++i) {
        uint at = gl_LocalInvocationID.x + i * LOCAL_SIZE;
        uint row = first_row + at / QUADS;
        x_quads[i] = row < p.rows ? xAt(row) / 4 + at % QUADS : NOWHERE;
    }
}

void loadTiles(uint first_column, uint k, out Loaded next) {
    uint me = gl_LocalInvocationID.x;
    [[unroll]] for (uint i = 0; i < X_LOADS; ++i)
        next.x[i] = x_quads[i] != NOWHERE ? Vec4s(p.x).v[x_quads[i] + k / 4] : vec4(0);
    [[unroll]] for (uint i = 0; i < W_LOADS; ++i) {
        uint column = first_column + (me + i * LOCAL_SIZE) / 4;
        uint octet = k / 8 + (me + i * LOCAL_SIZE) % 4;
        next.w[i].first = uvec4(0);
        next.w[i].second = uvec4(0);
        if (column < p.n)
            next.w[i] = loadOctet(p.w, column, octet, p.k);
    }
}

void storeTiles(Loaded next) {
    uint me = gl_LocalInvocationID.x;
    [[unroll]] for (uint i = 0; i < X_LOADS; ++i) {
        uint at = me + i * LOCAL_SIZE;
        if (at < TILE_A * QUADS)
            x_tile[tileAt(at / QUADS, at % QUADS)] = next.x[i];
    }
    [[unroll]] for (uint i = 0; i < W_LOADS; ++i) {
        uint at = me + i * LOCAL_SIZE;
        if (at < TILE_B * QUADS / 2) {
            vec4 low, high;
            decodeOctet(next.w[i], low, high);
            w_tile[tileAt(at / 4, at % 4 * 2)] = low;
            w_tile[tileAt(at / 4, at % 4 * 2 + 1)] = high;
        }
    }
}

// A chain of multiply-adds; dot() would cost one addition more.
float addProducts(float sum, vec4 a, vec4 b) {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

void multiplyTiles(uint own_row, uint own_column, inout vec4 sums[OWN_ROWS]) {
    for (uint quad = 0; quad < QUADS; ++quad) {
        vec4 w[OWN_COLUMNS];
        [[unroll]] for (uint j = 0; j < OWN_COLUMNS; ++j)
            w[j] = w_tile[tileAt(own_column + j * COLUMN_STEP, quad)];
        [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i) {
            vec4 x = x_tile[tileAt(own_row + i * ROW_STEP, quad)];
            [[unroll]] for (uint j = 0; j < OWN_COLUMNS; ++j)
                sums[i][j] = addProducts(sums[i][j], x, w[j]);
        }
    }
}

void storeResult(uint row, uint column, float sum) {
    if (row >= p.rows || column >= p.n)
        return;
    uint at = yAt(row) + column;
    float result = sum * scaleOf(row);
    if ((FLAGS & MATMUL_BIAS) != 0)
        result += p.bias.v[column];
    if ((FLAGS & MATMUL_RESIDUAL) != 0)
        result += p.residual.v[at];
    p.y.v[at] = result;
}

/// The rows first_row .. first_row + TILE_A - 1 and TILE_B columns.
void multiplyTile(uint first_row, uint first_column) {
    uint own_row = gl_LocalInvocationID.x / COLUMN_STEP;
    uint own_column = gl_LocalInvocationID.x % COLUMN_STEP;
    vec4 sums[OWN_ROWS];
    [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
        sums[i] = vec4(0);

    Loaded next;
    findRows(first_row);
    loadTiles(first_column, 0, next);
    for (uint k = 0; k < p.k; k += 32) {
        barrier(); // the tiles before have been read
        storeTiles(next);
        barrier();
        if (k + 32 < p.k)
            loadTiles(first_column, k + 32, next);
        multiplyTiles(own_row, own_column, sums);
    }
    [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i)
        [[unroll]] for (uint j = 0; j < OWN_COLUMNS; ++j)
            storeResult(first_row + own_row + i * ROW_STEP,
                        first_column + own_column + j * COLUMN_STEP, sums[i][j]);
}
