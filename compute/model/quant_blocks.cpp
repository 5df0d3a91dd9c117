// Blocks whose codes are numbers: Q1_0 to Q8_0, the K types, and the ternary ones. Layouts are
// drawn above the functions that read them; lo and hi are the low and high four bits of a byte. A
// block of 32 stores element j in lo of byte j and element j + 16 in hi. Source: ggml's block
// structs (ggml-common.h, ggml-quants.c).
#include "compute/model/quant_decode.h"

namespace longscope::model {
namespace {

/// The file adds m; we subtract dmin = -m. Flipping the sign bit is exact.
uint16_t negated(uint16_t half_bits) {
    return half_bits ^ 0x8000;
}

void splitNibbles(const uint8_t *packed, uint8_t *codes) {
    for (int j = 0; j < 16; ++j) {
        codes[j] = lo(packed[j]);
        codes[j + 16] = hi(packed[j]);
    }
}

/// Bit j of `high` is the fifth bit of element j.
void addFifthBits(uint32_t high, uint8_t *codes) {
    for (unsigned j = 0; j < 32; ++j)
        codes[j] = static_cast<uint8_t>(codes[j] | (high >> j & 1) << 4);
}

// Q2_K and Q3_K: half h (128 elements), plane j (bits 2j of 32 bytes): element 128h + 32j + i is
// in byte 32h + i.
uint8_t twoBits(const uint8_t *packed, int element) {
    int h = element / 128, j = element / 32 % 4, i = element % 32;
    return packed[32 * h + i] >> (2 * j) & 3;
}

// Q4_K and Q5_K: 12 bytes hold eight 6-bit scales and minima:
//   bytes 0..3   scale 0..3 (6 bits)   | top 2 bits of scale 4..7
//   bytes 4..7   minimum 0..3 (6 bits) | top 2 bits of minimum 4..7
//   bytes 8..11  low 4 bits of scale 4..7 (lo) and of minimum 4..7 (hi)
void unpackSixBits(const uint8_t *packed, DecodedBlock &out) {
    for (int g = 0; g < 4; ++g) {
        out.scales[g] = static_cast<int8_t>(packed[g] & 63);
        out.minima[g] = packed[g + 4] & 63;
        out.scales[g + 4] = static_cast<int8_t>(lo(packed[g + 8]) | packed[g] >> 6 << 4);
        out.minima[g + 4] = static_cast<uint8_t>(hi(packed[g + 8]) | packed[g + 4] >> 6 << 4);
    }
}

// Nibbles: of 32 bytes the low ones are 32 elements, the high ones the next 32.
void splitWideNibbles(const uint8_t *packed, uint8_t *codes) {
    for (int p = 0; p < 4; ++p) {
        for (int i = 0; i < 32; ++i) {
            codes[64 * p + i] = lo(packed[32 * p + i]);
            codes[64 * p + 32 + i] = hi(packed[32 * p + i]);
        }
    }
}

} // namespace

// Q1_0  | d | 16 bytes of bits |: 128 elements -d or d; codes 0 and 2, less 1
void decodeQ1_0(const uint8_t *b, DecodedBlock &out) {
    setPair(out, readU16(b), 0);
    for (int i = 0; i < 128; ++i)
        out.codes[i] = static_cast<uint8_t>((b[2 + i / 8] >> (i % 8) & 1) << 1);
}

// Q2_0  | d | 16 bytes of bit pairs |: 64 elements, w = d (code - 1)
void decodeQ2_0(const uint8_t *b, DecodedBlock &out) {
    setPair(out, readU16(b), 0);
    for (int i = 0; i < 64; ++i)
        out.codes[i] = b[2 + i / 4] >> (2 * (i % 4)) & 3;
}

// Q4_0  | d f16 | 16 bytes of nibbles |            Q4_1  | d | m f16 | 16 bytes |
void decodeQ4_0(const uint8_t *b, DecodedBlock &out) {
    setPair(out, readU16(b), 0);
    splitNibbles(b + 2, out.codes.data());
}

void decodeQ4_1(const uint8_t *b, DecodedBlock &out) {
    setPair(out, readU16(b), negated(readU16(b + 2)));
    splitNibbles(b + 4, out.codes.data());
}

// Q5_0  | d | fifth bits u32 | 16 bytes |          Q5_1  | d | m | fifth bits u32 | 16 bytes |
void decodeQ5_0(const uint8_t *b, DecodedBlock &out) {
    setPair(out, readU16(b), 0);
    splitNibbles(b + 6, out.codes.data());
    addFifthBits(readU32(b + 2), out.codes.data());
}

void decodeQ5_1(const uint8_t *b, DecodedBlock &out) {
    setPair(out, readU16(b), negated(readU16(b + 2)));
    splitNibbles(b + 8, out.codes.data());
    addFifthBits(readU32(b + 4), out.codes.data());
}

// Q8_0  | d | 32 int8 |   int8 + 128 is the byte with its top bit flipped
void decodeQ8_0(const uint8_t *b, DecodedBlock &out) {
    setPair(out, readU16(b), 0);
    for (int j = 0; j < 32; ++j)
        out.codes[j] = b[2 + j] ^ 0x80;
}

// Q2_K  | 16 x (scale lo, minimum hi) | 64 bytes of 2-bit codes | d | dmin |
void decodeQ2K(const uint8_t *b, DecodedBlock &out) {
    setScale(out, readU16(b + 80), readU16(b + 82));
    for (int g = 0; g < 16; ++g) {
        out.scales[g] = static_cast<int8_t>(lo(b[g]));
        out.minima[g] = hi(b[g]);
    }
    for (int i = 0; i < 256; ++i)
        out.codes[i] = twoBits(b + 16, i);
}

// Q3_K  | 32 bytes of third bits | 64 bytes of 2-bit codes | 12 bytes of scales | d |
// The third bit of element 32p + i is bit p of byte i. Scale g has its low four bits in nibble
// g / 8 of byte g % 8, its high two in bits 2(g / 4) of byte 8 + g % 4, and 32 is subtracted.
void decodeQ3K(const uint8_t *b, DecodedBlock &out) {
    const uint8_t *scales = b + 96;
    setScale(out, readU16(b + 108), 0);
    for (int g = 0; g < 16; ++g) {
        int low = g < 8 ? lo(scales[g]) : hi(scales[g - 8]);
        int high = scales[8 + g % 4] >> (2 * (g / 4)) & 3;
        out.scales[g] = static_cast<int8_t>((low | high << 4) - 32);
        out.minima[g] = 0;
    }
    for (int i = 0; i < 256; ++i) {
        int third = b[i % 32] >> (i / 32) & 1;
        out.codes[i] = static_cast<uint8_t>(twoBits(b + 32, i) | third << 2);
    }
}

// Q4_K  | d | dmin | 12 bytes of scales | 128 bytes of nibbles |
void decodeQ4K(const uint8_t *b, DecodedBlock &out) {
    setScale(out, readU16(b), readU16(b + 2));
    unpackSixBits(b + 4, out);
    splitWideNibbles(b + 16, out.codes.data());
}

// Q5_K  | d | dmin | 12 bytes of scales | 32 bytes of fifth bits | 128 bytes of nibbles |
// The fifth bit of element 32s + i is bit s of byte i.
void decodeQ5K(const uint8_t *b, DecodedBlock &out) {
    setScale(out, readU16(b), readU16(b + 2));
    unpackSixBits(b + 4, out);
    splitWideNibbles(b + 48, out.codes.data());
    for (int i = 0; i < 256; ++i)
        out.codes[i] = static_cast<uint8_t>(out.codes[i] | (b[16 + i % 32] >> (i / 32) & 1) << 4);
}

// Q6_K  | 128 bytes of low nibbles | 64 bytes of high bit pairs | 16 int8 scales | d |
// Half h (128 elements), quarter k (32 elements): nibble k / 2 of byte 64h + 32(k % 2) + i, bits 2k
// of byte 32h + i.
void decodeQ6K(const uint8_t *b, DecodedBlock &out) {
    setScale(out, readU16(b + 208), 0);
    for (int g = 0; g < 16; ++g) {
        out.scales[g] = static_cast<int8_t>(b[192 + g]);
        out.minima[g] = 0;
    }
    for (int e = 0; e < 256; ++e) {
        int h = e / 128, k = e / 32 % 4, i = e % 32;
        int low = b[64 * h + 32 * (k % 2) + i] >> (4 * (k / 2)) & 15;
        int high = b[128 + 32 * h + i] >> (2 * k) & 3;
        out.codes[e] = static_cast<uint8_t>(low | high << 4);
    }
}

// TQ2_0 | 64 bytes of 2-bit codes as in Q2_K | d |: w = d (code - 1), one d for 256
void decodeTq2_0(const uint8_t *b, DecodedBlock &out) {
    setPair(out, readU16(b + 64), 0);
    for (int i = 0; i < 256; ++i)
        out.codes[i] = twoBits(b, i);
}

// TQ1_0 | 32 bytes, 5 digits each | 16 bytes, 5 each | 4 bytes, 4 each | d |
// A byte is the fraction 0.abcde of base 3, rounded up, in 1/256; digit n of all bytes of a run
// comes before digit n + 1. Multiplying by 3 moves a digit in front of the point.
void decodeTq1_0(const uint8_t *b, DecodedBlock &out) {
    setPair(out, readU16(b + 52), 0);
    struct Run {
        int first, bytes, digits;
    };
    uint8_t *codes = out.codes.data();
    for (auto [first, bytes, digits] : {Run{0, 32, 5}, {32, 16, 5}, {48, 4, 4}}) {
        for (int i = 0; i < bytes; ++i) {
            unsigned fraction = b[first + i];
            for (int digit = 0; digit < digits; ++digit) {
                fraction *= 3;
                codes[digit * bytes + i] = static_cast<uint8_t>(fraction >> 8);
                fraction &= 255;
            }
        }
        codes += bytes * digits;
    }
}

} // namespace longscope::model
