// Product of one row and a matrix on the software device: lane = row of w. A workgroup is one
// subgroup of 8 and computes TILE_W_ROWS results of one row of x. Codes are summed as integers
// turned float, and scale and shift are applied once a scale group: sum (c s + t) x = s sum c x + t
// sum x.
//
// Who includes this has a Matmul p, and says of a row where it lies in x and in y (xAt, yAt)
// and what the product is scaled by (scaleOf).
#include "lanes_weights.glsl"

layout(local_size_x = 8) in;
layout(constant_id = SPEC_TILE_A) const uint TILE_W_ROWS = 32; // multiple of 8

const uint GROUPS = TILE_W_ROWS / LANES;

uint groups[GROUPS];
float sums[GROUPS];

HalfBlock raw[GROUPS];
Affine affine[GROUPS];
float code_sums[GROUPS];

void loadAffines(uint kb, uint part, uint lane) {
    [[unroll]] for (uint group = 0; group < GROUPS; ++group) {
        affine[group] = loadAffine(p.w, groups[group], p.k, kb, part, lane);
        code_sums[group] = 0;
    }
}

/// `x` and `placed` (x / 2^placeOf): columns 4 lane .. 4 lane + 3 of the block.
void addBlock(uint kb, vec4 x, vec4 placed, uint lane) {
    float own_sum = x.x + x.y + x.z + x.w, x_sum = 0;
    [[unroll]] for (uint part = 0; part < 2; ++part) {
        if (part == 0 || GROUP == 16)
            loadAffines(kb, part, lane);
        [[unroll]] for (uint group = 0; group < GROUPS; ++group) {
            uint block = (groups[group] * (p.k / 32) + kb) * LANES + lane;
            raw[group] = loadHalfBlock(p.w, block, part, false);
        }
        [[unroll]] for (uint i = 0; i < 4; ++i)
            x_sum += subgroupBroadcast(own_sum, 4 * part + i);
        [[unroll]] for (uint e = 0; e < HALF; ++e) {
            float value = subgroupBroadcast(placed[e % 4], 4 * part + e / 4);
            [[unroll]] for (uint group = 0; group < GROUPS; ++group)
                code_sums[group] += value * (CODE_BITS >= 16 ? denseOf(raw[group], e)
                                                             : placedCodeOf(raw[group], e));
        }
        if (part == 1 || GROUP == 16) {
            [[unroll]] for (uint group = 0; group < GROUPS; ++group)
                sums[group] += code_sums[group] * affine[group].scale + x_sum * affine[group].shift;
            x_sum = 0;
        }
    }
}

/// The results of the workgroup in one row.
void multiplyRow(uint row) {
    uint lane = gl_SubgroupInvocationID;
    uint first_group = gl_WorkGroupID.x * GROUPS;
    [[unroll]] for (uint group = 0; group < GROUPS; ++group) {
        groups[group] = min(first_group + group, p.n / LANES - 1); // repeats are not stored
        sums[group] = 0;
    }
    vec4 place_scale;
    [[unroll]] for (uint i = 0; i < 4; ++i)
        place_scale[i] = lane % 2 == 0 ? exp2(-float(placeOf(i))) : exp2(-float(placeOf(4 + i)));
    Words64 x_words = Words64(p.x);
    uint first_word = xAt(row) / 2 + 2 * lane;
    for (uint kb = 0; kb < p.k / 32; ++kb) {
        uint at = first_word + kb * 16;
        vec4 x = uintBitsToFloat(
            uvec4(unpackUint2x32(x_words.v[at]), unpackUint2x32(x_words.v[at + 1])));
        addBlock(kb, x, x * place_scale, lane);
    }
    [[unroll]] for (uint group = 0; group < GROUPS; ++group) {
        uint column = (first_group + group) * LANES + lane;
        if (column >= p.n)
            continue;
        uint at = yAt(row) + column;
        float y = sums[group] * scaleOf(row);
        if ((FLAGS & MATMUL_BIAS) != 0)
            y += p.bias.v[column];
        if ((FLAGS & MATMUL_RESIDUAL) != 0)
            y += p.residual.v[at];
        p.y.v[at] = y;
    }
}
