// Reads packed weights (struct Matrix of params.h) eight at a time: an octet is one 32-bit word of
// codes, a quarter of a block. Loading and decoding are two steps, so that a kernel can have
// several loads in flight. Serves every format and interleave; the format is chosen by
// specialization constants, so that a pipeline holds one path only.
#ifndef LONGSCOPE_WEIGHTS_GLSL
#define LONGSCOPE_WEIGHTS_GLSL

layout(constant_id = SPEC_CODE_BITS) const uint CODE_BITS = 32;
layout(constant_id = SPEC_SCALE_KIND) const uint SCALE_KIND = SCALE_NONE;
layout(constant_id = SPEC_GROUP) const uint GROUP = 32;
layout(constant_id = SPEC_OFFSET) const uint OFFSET = 0;
layout(constant_id = SPEC_INTERLEAVE) const uint INTERLEAVE = 1;

// Eight neighbouring weights of a row as they lie in memory.
//     f32:       first, second are the weights
//     f16, bf16: first is the weights, two a word
//     codes:     first = (low 4 bits of the codes, bits above 4 from bit 0 on, scale, super scale)
struct Octet {
    uvec4 first;
    uvec4 second;
};

// Number of a block when a row is cut into `blocks` blocks.
uint blockNumber(uint row, uint block, uint blocks) {
    return ((row / INTERLEAVE) * blocks + block) * INTERLEAVE + row % INTERLEAVE;
}

uvec2 loadScales(Matrix w, uint row, uint octet, uint columns, uint n) {
    uint kb = octet / 4;
    if (SCALE_KIND == SCALE_PAIR_F16)
        return uvec2(w.scales.v[n], 0);
    if (SCALE_KIND == SCALE_GROUPS_F16) // a word has two groups, each of two octets
        return uvec2(bitfieldExtract(w.scales.v[n], 16 * int(octet / 2 % 2), 16), 0);
    if (SCALE_KIND == SCALE_PAIR_F32)
        return uvec2(w.scales.v[2 * n], w.scales.v[2 * n + 1]);
    uint super_scale = w.supers.v[blockNumber(row, kb / 8, columns / 256)];
    if (GROUP == 16) // a word has two groups, each of two octets
        return uvec2(w.scales.v[n] >> (16 * (octet / 2 % 2)), super_scale);
    uint pair = w.scales.v[blockNumber(row, kb / 2, columns / 64)];
    return uvec2(pair >> (16 * (kb % 2)), super_scale);
}

uint loadHighBits(Matrix w, uint n, uint part) {
    if (CODE_BITS == 8)
        return w.high.v[4 * n + part];
    if (CODE_BITS == 6)
        return w.high.v[2 * n + part / 2] >> (16 * (part % 2));
    if (CODE_BITS == 5)
        return w.high.v[n] >> (8 * part);
    return 0;
}

// Weights 8 * octet .. 8 * octet + 7 of a row of a matrix with so many columns.
Octet loadOctet(Matrix w, uint row, uint octet, uint columns) {
    Octet raw;
    raw.second = uvec4(0);
    uint part = octet % 4;
    uint n = blockNumber(row, octet / 4, columns / 32);
    if (CODE_BITS == 32) {
        raw.first = Uvec4s(w.codes).v[8 * n + 2 * part];
        raw.second = Uvec4s(w.codes).v[8 * n + 2 * part + 1];
    } else if (SCALE_KIND == SCALE_NONE) {
        raw.first = Uvec4s(w.codes).v[4 * n + part];
    } else {
        raw.first = uvec4(w.codes.v[4 * n + part], loadHighBits(w, n, part),
                          loadScales(w, row, octet, columns, n));
    }
    return raw;
}

// (a, b) with weight = a * code + b. Exact for all formats but the widest: codes and scales have so
// few bits that the products fit a float.
vec2 affineOf(Octet raw) {
    vec2 d = SCALE_KIND == SCALE_PAIR_F32 ? uintBitsToFloat(raw.first.zw)
                                          : unpackHalf2x16(raw.first.z);
    if (SCALE_KIND == SCALE_TWO_LEVEL || SCALE_KIND == SCALE_TWO_LEVEL_F32) {
        float group_scale = float(bitfieldExtract(int(raw.first.z), 0, 8));
        float group_minimum = float(bitfieldExtract(raw.first.z, 8, 8));
        vec2 super_scale = SCALE_KIND == SCALE_TWO_LEVEL ? unpackHalf2x16(raw.first.w)
                                                         : vec2(uintBitsToFloat(raw.first.w));
        d = super_scale * vec2(group_scale, group_minimum);
    }
    return vec2(d.x, -d.x * float(OFFSET) - d.y);
}

// The codes themselves, 0 .. 2^CODE_BITS - 1, of quantized formats.
void codesOf(Octet raw, out vec4 low, out vec4 high) {
    uvec4 nibble = uvec4(0, 4, 8, 12);
    uvec4 a = (uvec4(raw.first.x) >> nibble) & 15u;
    uvec4 b = (uvec4(raw.first.x) >> (nibble + 16u)) & 15u;
    if (CODE_BITS > 4) {
        uint bits = CODE_BITS - 4;
        uint mask = (1u << bits) - 1u;
        uvec4 element = uvec4(0, 1, 2, 3) * bits;
        a |= ((uvec4(raw.first.y) >> element) & mask) << 4;
        b |= ((uvec4(raw.first.y) >> (element + 4 * bits)) & mask) << 4;
    }
    low = vec4(a);
    high = vec4(b);
}

// The eight weights as floats.
void decodeOctet(Octet raw, out vec4 low, out vec4 high) {
    if (CODE_BITS == 32) {
        low = uintBitsToFloat(raw.first);
        high = uintBitsToFloat(raw.second);
    } else if (CODE_BITS == 17) {
        low = uintBitsToFloat(uvec4(raw.first.x << 16, raw.first.x & 0xffff0000u,
                                    raw.first.y << 16, raw.first.y & 0xffff0000u));
        high = uintBitsToFloat(uvec4(raw.first.z << 16, raw.first.z & 0xffff0000u,
                                     raw.first.w << 16, raw.first.w & 0xffff0000u));
    } else if (CODE_BITS == 16) {
        low = vec4(unpackHalf2x16(raw.first.x), unpackHalf2x16(raw.first.y));
        high = vec4(unpackHalf2x16(raw.first.z), unpackHalf2x16(raw.first.w));
    } else {
        vec2 affine = affineOf(raw);
        codesOf(raw, low, high);
        low = low * affine.x + affine.y;
        high = high * affine.x + affine.y;
    }
}
#endif
