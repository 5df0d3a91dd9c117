// Product of rows and a matrix on the software device: lane = column of the result, everything in
// registers, no barrier. A workgroup is one subgroup of 8 and computes TILE_ROWS rows x TILE_GROUPS
// groups of 8 columns; each lane loads two activations a row and hands them out to the others.
//
// Values are handed out within a quad of lanes: that is one instruction, across quads it is two. So
// lanes 0..3 go through the first 8 columns of a half block while lanes 4..7 go through the last 8,
// and then both exchange.
//
// Who includes this has a Matmul p, and says of row 0 .. p.rows - 1 where it lies in x and in y
// (xAt, yAt) and what the product is scaled by (scaleOf).
#include "lanes_weights.glsl"

layout(local_size_x = 8) in;
layout(constant_id = SPEC_TILE_A) const uint TILE_ROWS = 16;
layout(constant_id = SPEC_TILE_B) const uint TILE_GROUPS = 4;

const uint QUAD = 4;
// Columns that are decoded at a time; all rows of the tile use them before the next. The sums stay
// on the stack between.
const uint DECODED = HALF / 2;

uint x_words[TILE_ROWS]; // where this lane reads each row of x, in units of two floats
uint groups[TILE_GROUPS];
float sums[TILE_ROWS][TILE_GROUPS];

void addHalfBlock(uint step, uint lane) {
    uint kb = step / 2, part = step % 2;
    bool upper = lane >= QUAD;
    vec2 x[2][TILE_ROWS]; // columns 2 lane and 2 lane + 1 of the half block, then those exchanged
    [[unroll]] for (uint row = 0; row < TILE_ROWS; ++row) {
        x[0][row] = uintBitsToFloat(unpackUint2x32(Words64(p.x).v[x_words[row] + step * LANES]));
        x[1][row] = subgroupShuffleXor(x[0][row], QUAD);
    }

    HalfBlock raw[TILE_GROUPS];
    Affine affine[TILE_GROUPS];
    [[unroll]] for (uint group = 0; group < TILE_GROUPS; ++group) {
        uint block = (groups[group] * (p.k / 32) + kb) * LANES + lane;
        raw[group] = loadHalfBlock(p.w, block, part, upper);
        affine[group] = loadAffine(p.w, groups[group], p.k, kb, part, lane);
    }
    [[unroll]] for (uint turn = 0; turn < 2; ++turn) {
        float w[DECODED][TILE_GROUPS];
        [[unroll]] for (uint i = 0; i < DECODED; ++i)
            [[unroll]] for (uint group = 0; group < TILE_GROUPS; ++group)
                w[i][group] = weightOf(raw[group], affine[group], turn * DECODED + i);
        [[unroll]] for (uint row = 0; row < TILE_ROWS; ++row)
            [[unroll]] for (uint i = 0; i < DECODED; ++i) {
                float value = subgroupShuffle(x[turn][row][i % 2], (lane & QUAD) + i / 2);
                [[unroll]] for (uint group = 0; group < TILE_GROUPS; ++group)
                    sums[row][group] += value * w[i][group];
            }
    }
}

void storeTile(uint first_row, uint first_group, uint lane) {
    uint first_column = first_group * LANES + lane;
    float bias[TILE_GROUPS];
    [[unroll]] for (uint group = 0; group < TILE_GROUPS; ++group)
        bias[group] = (FLAGS & MATMUL_BIAS) != 0 ? p.bias.v[groups[group] * LANES + lane] : 0.0;
    [[unroll]] for (uint row = 0; row < TILE_ROWS; ++row) {
        if (first_row + row >= p.rows)
            continue;
        uint first = yAt(first_row + row) + first_column;
        float scale = scaleOf(first_row + row);
        [[unroll]] for (uint group = 0; group < TILE_GROUPS; ++group) {
            if (first_column + group * LANES >= p.n)
                continue;
            uint at = first + group * LANES;
            float y = sums[row][group] * scale + bias[group];
            if ((FLAGS & MATMUL_RESIDUAL) != 0)
                y += p.residual.v[at];
            p.y.v[at] = y;
        }
    }
}

/// The rows first_row .. first_row + TILE_ROWS - 1 and TILE_GROUPS groups of columns.
void multiplyTile(uint first_row, uint first_group) {
    uint lane = gl_SubgroupInvocationID;

    // Rows and groups beyond the end repeat the last one; their results are not stored.
    [[unroll]] for (uint row = 0; row < TILE_ROWS; ++row)
        x_words[row] = xAt(min(first_row + row, p.rows - 1)) / 2 + lane;
    [[unroll]] for (uint group = 0; group < TILE_GROUPS; ++group)
        groups[group] = min(first_group + group, p.n / LANES - 1);
    [[unroll]] for (uint row = 0; row < TILE_ROWS; ++row)
        [[unroll]] for (uint group = 0; group < TILE_GROUPS; ++group)
            sums[row][group] = 0;

    for (uint step = 0; step < p.k / HALF; ++step)
        addHalfBlock(step, lane);
    storeTile(first_row, first_group, lane);
}
