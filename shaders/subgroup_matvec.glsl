// Product of one to four rows and a matrix on GPUs: bound by the bytes of w, which are read once. A
// workgroup computes TILE_A rows of w; its invocations lie along k, an octet of weights each, so
// that every load of the workgroup is contiguous and x is read once for TILE_A rows. The codes are
// multiplied as integers and scaled once an octet: sum w x = a * sum code x + b * sum x.
//
// Who includes this has a Matmul p, and says of row 0 .. p.rows - 1 where it lies in x and in y
// (xAt, yAt) and what the product is scaled by (scaleOf).
#include "weights.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_LOCAL_SIZE) const uint LOCAL_SIZE = 32;
layout(constant_id = SPEC_TILE_A) const uint TILE_A = 4;

// One set a subgroup; subgroups may be as small as one invocation. TILE_A <= 7 keeps 16 KiB.
shared vec4 partial_sums[LOCAL_SIZE * TILE_A];

float dotEight(vec4 a0, vec4 a1, vec4 b0, vec4 b1) { return dot(a0, b0) + dot(a1, b1); }

// The contribution of one octet of one row of w to up to four results.
vec4 multiplyOctet(Octet raw, vec4 x[8], vec4 x_sums) {
    vec4 low, high;
    vec2 affine = vec2(1, 0);
    if (SCALE_KIND == SCALE_NONE) {
        decodeOctet(raw, low, high);
    } else {
        codesOf(raw, low, high);
        affine = affineOf(raw);
    }
    vec4 products = vec4(0);
    [[unroll]] for (uint i = 0; i < 4; ++i)
        if (i < p.rows)
            products[i] = dotEight(low, high, x[2 * i], x[2 * i + 1]);
    return SCALE_KIND == SCALE_NONE ? products : affine.x * products + affine.y * x_sums;
}

void addOctet(uint first, uint octet, inout vec4 sums[TILE_A]) {
    Octet raw[TILE_A];
    [[unroll]] for (uint r = 0; r < TILE_A; ++r)
        raw[r] = loadOctet(p.w, min(first + r, p.n - 1), octet, p.k);
    vec4 x[8];
    vec4 x_sums = vec4(0);
    [[unroll]] for (uint i = 0; i < 4; ++i) {
        x[2 * i] = vec4(0);
        x[2 * i + 1] = vec4(0);
        if (i < p.rows) {
            uint at = xAt(i) / 4 + 2 * octet;
            x[2 * i] = Vec4s(p.x).v[at];
            x[2 * i + 1] = Vec4s(p.x).v[at + 1];
            x_sums[i] = dotEight(x[2 * i], x[2 * i + 1], vec4(1), vec4(1));
        }
    }
    [[unroll]] for (uint r = 0; r < TILE_A; ++r)
        sums[r] += multiplyOctet(raw[r], x, x_sums);
}

void storeResult(uint i, uint row, float sum) {
    if (i >= p.rows || row >= p.n)
        return;
    uint at = yAt(i) + row;
    float result = sum * scaleOf(i);
    if ((FLAGS & MATMUL_BIAS) != 0)
        result += p.bias.v[row];
    if ((FLAGS & MATMUL_RESIDUAL) != 0)
        result += p.residual.v[at];
    p.y.v[at] = result;
}

/// The results of the workgroup in all rows.
void multiplyRows() {
    uint first = gl_WorkGroupID.x * TILE_A;
    uint me = gl_LocalInvocationID.x;
    vec4 sums[TILE_A];
    [[unroll]] for (uint r = 0; r < TILE_A; ++r)
        sums[r] = vec4(0);
    for (uint octet = me; octet < p.k / 8; octet += LOCAL_SIZE)
        addOctet(first, octet, sums);

    [[unroll]] for (uint r = 0; r < TILE_A; ++r) {
        vec4 sum = subgroupAdd(sums[r]);
        if (subgroupElect())
            partial_sums[gl_SubgroupID * TILE_A + r] = sum;
    }
    barrier();
    for (uint at = me; at < TILE_A * 4; at += LOCAL_SIZE) {
        float sum = 0;
        for (uint s = 0; s < gl_NumSubgroups; ++s)
            sum += partial_sums[s * TILE_A + at / 4][at % 4];
        storeResult(at % 4, first + at / 4, sum);
    }
}
