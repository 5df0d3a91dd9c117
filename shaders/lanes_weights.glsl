// Weights as the `lanes` kernels read them: lane = row of the matrix, planes interleaved by 8 (see
// struct Matrix in params.h), half a block of 32 columns at a time. Loads are 64 bits wide where
// the plane allows: on the software device a load costs by the element, not by the byte.

layout(constant_id = SPEC_CODE_BITS) const uint CODE_BITS = 4;
layout(constant_id = SPEC_SCALE_KIND) const uint SCALE_KIND = SCALE_PAIR_F16;
layout(constant_id = SPEC_GROUP) const uint GROUP = 32;
layout(constant_id = SPEC_OFFSET) const uint OFFSET = 0;

layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer Words64 {
    uint64_t v[];
};

const uint LANES = 8;
const uint HALF = 16; // columns of half a block
const uint CODE_WORDS = CODE_BITS == 32 ? 16 : CODE_BITS >= 16 ? 8 : 2; // of a half block

struct HalfBlock {
    uint codes[16]; // CODE_WORDS are used; a struct cannot be sized by a specialization constant
    uint high[2]; // the bits above the low 4
};

/// Weight = code * scale + shift, for 16 columns.
struct Affine {
    float scale;
    float shift;
};

/// `block` as numbered in params.h; `part` 0 or 1. `exchanged`: columns 8..15 come first.
HalfBlock loadHalfBlock(Matrix w, uint block, uint part, bool exchanged) {
    HalfBlock raw;
    Words64 codes = Words64(w.codes);
    [[unroll]] for (uint i = 0; i < CODE_WORDS / 2; ++i) {
        uint at = exchanged ? i ^ (CODE_WORDS / 4) : i;
        uvec2 pair = unpackUint2x32(codes.v[(2 * block + part) * (CODE_WORDS / 2) + at]);
        bool reversed = exchanged && CODE_WORDS == 2;
        raw.codes[2 * i] = reversed ? pair.y : pair.x;
        raw.codes[2 * i + 1] = reversed ? pair.x : pair.y;
    }
    raw.high[0] = raw.high[1] = 0;
    if (CODE_BITS == 5) {
        uint bits = w.high.v[block] >> (HALF * part);
        raw.high[0] = exchanged ? (bits >> 8 & 255) | bits << 8 : bits;
    } else if (CODE_BITS == 6) {
        uint bits = w.high.v[2 * block + part];
        raw.high[0] = exchanged ? bits >> 16 | bits << 16 : bits;
    } else if (CODE_BITS == 8) {
        uvec2 pair = unpackUint2x32(Words64(w.high).v[2 * block + part]);
        raw.high[0] = exchanged ? pair.y : pair.x;
        raw.high[1] = exchanged ? pair.x : pair.y;
    }
    return raw;
}

/// `row_group` = row / 8, `columns` of the matrix, block (kb, part) of the row of this lane.
Affine loadAffine(Matrix w, uint row_group, uint columns, uint kb, uint part, uint lane) {
    if (SCALE_KIND == SCALE_NONE)
        return Affine(1, 0);
    uint block = (row_group * (columns / 32) + kb) * LANES + lane;
    vec2 factors = vec2(0); // of code - OFFSET, and what is subtracted
    if (SCALE_KIND == SCALE_PAIR_F16) {
        factors = unpackHalf2x16(w.scales.v[block]);
    } else if (SCALE_KIND == SCALE_GROUPS_F16) {
        factors = unpackHalf2x16(bitfieldExtract(w.scales.v[block], 16 * int(part), 16));
    } else if (SCALE_KIND == SCALE_PAIR_F32) {
        factors = uintBitsToFloat(unpackUint2x32(Words64(w.scales).v[block]));
    } else {
        uint bytes = GROUP == 16
                         ? w.scales.v[block] >> (16 * part)
                         : w.scales.v[(row_group * (columns / 64) + kb / 2) * LANES + lane] >>
                               (16 * (kb & 1));
        uint super = w.supers.v[(row_group * (columns / 256) + kb / 8) * LANES + lane];
        factors = (SCALE_KIND == SCALE_TWO_LEVEL ? unpackHalf2x16(super)
                                                 : vec2(uintBitsToFloat(super))) *
                  vec2(bitfieldExtract(int(bytes), 0, 8), bitfieldExtract(bytes, 8, 8));
    }
    return Affine(factors.x, -factors.x * float(OFFSET) - factors.y);
}

/// 8-bit codes of the even or the odd columns of the word that holds column `e`, one a byte.
uint bytesOf(HalfBlock raw, uint e) {
    uint low = raw.codes[e / 8], high = raw.high[e / 8];
    return e % 2 == 0 ? (low & 0x0f0f0f0fu) | (high & 0x0f0f0f0fu) << 4
                      : (low >> 4 & 0x0f0f0f0fu) | (high & 0xf0f0f0f0u);
}

/// The integer code of column `e` (a constant after unrolling) of the half block.
float codeOf(HalfBlock raw, uint e) {
    uint code = raw.codes[e / 8] >> (4 * (e % 8)) & 15;
    if (CODE_BITS == 5)
        code |= (raw.high[0] >> e & 1) << 4;
    else if (CODE_BITS == 6)
        code |= (raw.high[0] >> (2 * e) & 3) << 4;
    else if (CODE_BITS == 8)
        code = bytesOf(raw, e) >> (8 * (e % 8 / 2)) & 255;
    return float(int(code));
}

/// Codes can stay where they are in their word if x is scaled by 2^-bit instead: one shift less a
/// weight. placeOf is that bit; the topmost code of a word is moved down, its sign would show.
uint placeOf(uint e) {
    if (CODE_BITS <= 6)
        return e % 8 == 7 ? 0 : 4 * (e % 8);
    return CODE_BITS == 8 && e % 8 < 6 ? 8 * (e % 8 / 2) : 0;
}

/// The bits of plane `high` that belong to column `e` of a 5 or 6 bit code, moved to `place` + 4.
uint placedHighOf(HalfBlock raw, uint e, uint place) {
    const uint bits = CODE_BITS == 5 ? 1 : 2;
    uint from = bits * e, to = place + 4;
    uint moved = to >= from ? raw.high[0] << (to - from) : raw.high[0] >> (from - to);
    return moved & ((1u << bits) - 1) << to;
}

/// codeOf * 2^placeOf.
float placedCodeOf(HalfBlock raw, uint e) {
    uint place = placeOf(e);
    if (CODE_BITS == 8) {
        uint bytes = bytesOf(raw, e);
        return float(int(e % 8 >= 6 ? bytes >> 24 : bytes & 255u << place));
    }
    uint low = raw.codes[e / 8];
    uint code = e % 8 == 7 ? low >> 28 : low & 15u << place;
    return float(int(CODE_BITS == 4 ? code : code | placedHighOf(raw, e, place)));
}

/// The same for weights that are floats in the file.
float denseOf(HalfBlock raw, uint e) {
    if (CODE_BITS == 32)
        return uintBitsToFloat(raw.codes[e]);
    uint word = raw.codes[e / 2];
    if (CODE_BITS == 17)
        return uintBitsToFloat(e % 2 == 0 ? word << 16 : word & 0xffff0000u);
    return unpackHalf2x16(word)[e % 2];
}

float weightOf(HalfBlock raw, Affine affine, uint e) {
    return CODE_BITS >= 16 ? denseOf(raw, e) : codeOf(raw, e) * affine.scale + affine.shift;
}
