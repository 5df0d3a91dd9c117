// Blocks whose codes are indices into a table. The table's values become codes here, so that the
// device needs no table. The IQ1, IQ2 and IQ3 types take four or eight weights at once from a grid
// (quant_grids.h). Source: ggml's block structs (ggml-common.h, ggml-quants.c).
#include "compute/model/quant_decode.h"
#include "compute/model/quant_grids.h"

#include <bit>

namespace longscope::model {
namespace {

/// The values of the non-linear 4-bit types, as codes: value + 128.
constexpr std::array<uint8_t, 16> kNonLinearCodes = {1,   24,  45,  63,  79,  93,  106, 118,
                                                     129, 141, 153, 166, 181, 197, 217, 241};
/// Doubled E2M1 values {0, 1, 2, 3, 4, 6, 8, 12, 0, -1 ... -12}, as codes: value + 12.
constexpr std::array<uint8_t, 16> kE2m1Codes = {12, 13, 14, 15, 16, 18, 20, 24,
                                                12, 11, 10, 9,  8,  6,  4,  0};
/// What the digits of the IQ2 grids mean; the fourth does not occur.
constexpr std::array<int, 4> kIq2Magnitudes = {8, 25, 43, 0};
/// Half of what the digits of IQ3_XXS mean: a regular ladder but for its last rung.
constexpr std::array<int, 8> kIq3XxsMagnitudes = {2, 6, 10, 14, 18, 22, 26, 31};

/// `count` bytes hold 2 * count indices: the low nibbles come first.
void splitNibbles(const uint8_t *packed, int count, const std::array<uint8_t, 16> &table,
                  uint8_t *codes) {
    for (int j = 0; j < count; ++j) {
        codes[j] = table[lo(packed[j])];
        codes[j + count] = table[hi(packed[j])];
    }
}

/// An unsigned float of 4 exponent and 3 mantissa bits, halved because the E2M1 table is doubled,
/// as f16 bits. Exact. 0x7F is its NaN, which files read as 0.
uint16_t halvedE4m3(uint8_t bits) {
    if (bits == 0x7F)
        return 0;
    unsigned exponent = bits >> 3 & 15, mantissa = bits & 7;
    if (exponent == 0)
        return floatToHalf(static_cast<float>(mantissa) * 0x1p-10f);
    return static_cast<uint16_t>((exponent + 7) << 10 | mantissa << 7);
}

/// The eighth sign of a run of eight is not stored: the number of minus signs is even.
uint8_t eightSigns(uint32_t seven) {
    auto signs = static_cast<uint8_t>(seven & 127);
    return static_cast<uint8_t>(signs | (std::popcount(signs) & 1) << 7);
}

/// The grids' d is worth d * `factor`, which may be too small for an f16.
void setFactored(DecodedBlock &out, uint16_t d_bits, float factor) {
    out.d = out.dmin = halfToFloat(d_bits) * factor;
}

/// Eight codes from an entry of an IQ2 grid: 43 +- magnitude.
void placeIq2(uint16_t entry, uint8_t signs, uint8_t *codes) {
    for (int i = 0; i < 8; ++i) {
        int magnitude = kIq2Magnitudes[entry >> (2 * i) & 3];
        codes[i] = static_cast<uint8_t>(43 + (signs >> i & 1 ? -magnitude : magnitude));
    }
}

/// Eight codes from an entry of the IQ1 grid: 8 digit - 8 +- 1 = 2 code - 9, which is the code
/// minus 4, twice, minus one minimum.
void placeIq1(uint16_t entry, bool negative, uint8_t *codes) {
    for (int i = 0; i < 8; ++i)
        codes[i] = static_cast<uint8_t>(4 * (entry >> (2 * i) & 3) + (negative ? 0 : 1));
}

/// Group scales of the grids are odd: 2 s + 1.
int8_t oddScale(unsigned s) {
    return static_cast<int8_t>(2 * s + 1);
}

/// Where a value is 2 code - odd number: twice the scale for the code, once as the minimum.
void setDoubled(DecodedBlock &out, int group, unsigned s) {
    out.scales[group] = static_cast<int8_t>(2 * (2 * s + 1));
    out.minima[group] = static_cast<uint8_t>(2 * s + 1);
}

/// Nibble g is the scale of 16 weights.
void setNibbleScales(const uint8_t *packed, DecodedBlock &out) {
    for (int g = 0; g < 16; ++g) {
        out.scales[g] = oddScale(packed[g / 2] >> (4 * (g % 2)) & 15);
        out.minima[g] = 0;
    }
}

} // namespace

// IQ4_NL | d | 16 bytes |       MXFP4 | exponent u8 | 16 bytes |: nibbles are indices into a table
void decodeIq4Nl(const uint8_t *b, DecodedBlock &out) {
    setPair(out, readU16(b), 0);
    splitNibbles(b + 2, 16, kNonLinearCodes, out.codes.data());
}

void decodeMxfp4(const uint8_t *b, DecodedBlock &out) {
    setPair(out, 0, 0);
    // 2^(e - 128): the table is doubled, hence not e - 127; e < 2 are denormals.
    uint32_t e = b[0];
    out.d = std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23);
    splitNibbles(b + 1, 16, kE2m1Codes, out.codes.data());
}

// NVFP4 | 4 scales E4M3 | 4 x 8 bytes |: 64 elements, each scale and run of bytes for 16
void decodeNvfp4(const uint8_t *b, DecodedBlock &out) {
    setPair(out, 0, 0);
    for (int g = 0; g < 4; ++g) {
        out.group_f16[g] = halvedE4m3(b[g]);
        splitNibbles(b + 4 + 8 * g, 8, kE2m1Codes, out.codes.data() + 16 * g);
    }
}

// IQ4_XS | d | high bits u16 | 4 bytes of low nibbles | 128 bytes of table indices |
// Eight 6-bit scales minus 32; nibbles in runs of 16 bytes as in the blocks of 32.
void decodeIq4Xs(const uint8_t *b, DecodedBlock &out) {
    setScale(out, readU16(b), 0);
    int high_bits = readU16(b + 2);
    for (int g = 0; g < 8; ++g) {
        int low = b[4 + g / 2] >> (4 * (g % 2)) & 15;
        int high = high_bits >> (2 * g) & 3;
        out.scales[g] = static_cast<int8_t>((low | high << 4) - 32);
        out.minima[g] = 0;
        splitNibbles(b + 8 + 16 * g, 16, kNonLinearCodes, out.codes.data() + 32 * g);
    }
}

// IQ1_S | d | 32 low index bytes | 8 x u16 (4 x 3 high index bits, 3 scale bits, sign bit) |
// A u16 is for 32 weights: w = d (2 s + 1) (grid + 1/8, or - 1/8 if the sign bit is set).
void decodeIq1S(const uint8_t *b, DecodedBlock &out) {
    setFactored(out, readU16(b), 0.125f);
    for (int g = 0; g < 8; ++g) {
        unsigned high = readU16(b + 34 + 2 * g);
        setDoubled(out, g, high >> 12 & 7);
        for (int run = 0; run < 4; ++run) {
            unsigned index = b[2 + 4 * g + run] | (high >> (3 * run) & 7) << 8;
            placeIq1(kGridIq1[index], high >> 15, &out.codes[32 * g + 8 * run]);
        }
    }
}

// IQ1_M | 32 low index bytes | 32 nibbles (3 high index bits, sign bit) | 4 x u16 |
// A u16 has four 3-bit scales, each of 16 weights, and on top four bits of d, low ones first.
void decodeIq1M(const uint8_t *b, DecodedBlock &out) {
    unsigned d = 0;
    for (int word = 0; word < 4; ++word)
        d |= static_cast<unsigned>(readU16(b + 48 + 2 * word) >> 12) << (4 * word);
    setFactored(out, static_cast<uint16_t>(d), 0.125f);
    for (int g = 0; g < 16; ++g)
        setDoubled(out, g, readU16(b + 48 + g / 4 * 2) >> (3 * (g % 4)) & 7);
    for (int run = 0; run < 32; ++run) {
        unsigned high = b[32 + run / 2] >> (4 * (run % 2)) & 15;
        placeIq1(kGridIq1[b[run] | (high & 7) << 8], high >> 3, &out.codes[8 * run]);
    }
}

// IQ2_XXS | d | 8 x (4 index bytes, u32 of 4 x 7 signs and a 4-bit scale) |
// All IQ2 types: w = d (2 s + 1) / 8 * (+- magnitude).
void decodeIq2Xxs(const uint8_t *b, DecodedBlock &out) {
    setFactored(out, readU16(b), 0.125f);
    for (int g = 0; g < 8; ++g) {
        const uint8_t *indices = b + 2 + 8 * g;
        uint32_t signs = readU32(indices + 4);
        out.scales[g] = oddScale(signs >> 28);
        out.minima[g] = 0;
        for (int run = 0; run < 4; ++run)
            placeIq2(kGridIq2Xxs[indices[run]], eightSigns(signs >> (7 * run)),
                     &out.codes[32 * g + 8 * run]);
    }
}

// IQ2_XS | d | 32 x u16 (9 index bits, 7 signs) | 16 nibbles of scales |
void decodeIq2Xs(const uint8_t *b, DecodedBlock &out) {
    setFactored(out, readU16(b), 0.125f);
    setNibbleScales(b + 66, out);
    for (int run = 0; run < 32; ++run) {
        unsigned word = readU16(b + 2 + 2 * run);
        placeIq2(kGridIq2Xs[word & 511], eightSigns(word >> 9), &out.codes[8 * run]);
    }
}

// IQ2_S | d | 32 low index bytes | 32 sign bytes | 32 x 2 high index bits | 16 nibbles of scales |
void decodeIq2S(const uint8_t *b, DecodedBlock &out) {
    setFactored(out, readU16(b), 0.125f);
    setNibbleScales(b + 74, out);
    for (int run = 0; run < 32; ++run) {
        unsigned high = b[66 + run / 4] >> (2 * (run % 4)) & 3;
        placeIq2(kGridIq2S[b[2 + run] | high << 8], b[34 + run], &out.codes[8 * run]);
    }
}

// IQ3_XXS | d | 64 index bytes | 8 x u32 of 4 x 7 signs and a 4-bit scale |
// w = d (2 s + 1) / 4 * (+- magnitude); we halve the magnitudes, not to need an eighth code bit.
void decodeIq3Xxs(const uint8_t *b, DecodedBlock &out) {
    setFactored(out, readU16(b), 0.5f);
    for (int i = 0; i < 256; ++i) {
        uint32_t word = readU32(b + 66 + 4 * (i / 32));
        uint8_t signs = eightSigns(word >> (7 * (i / 8 % 4)));
        int magnitude = kIq3XxsMagnitudes[kGridIq3Xxs[b[2 + i / 4]] >> (3 * (i % 4)) & 7];
        out.codes[i] = static_cast<uint8_t>(31 + (signs >> (i % 8) & 1 ? -magnitude : magnitude));
        out.scales[i / 32] = oddScale(word >> 28);
        out.minima[i / 32] = 0;
    }
}

// IQ3_S | d | 64 low index bytes | 64 high index bits | 32 sign bytes | 8 nibbles of scales |
// w = d (2 s + 1) (+- (2 digit + 1)) with 2 digit + 1 = 2 (8 + digit) - 15, negative
// 2 (7 - digit) - 15: four-bit codes, minus 7, twice, minus one minimum.
void decodeIq3S(const uint8_t *b, DecodedBlock &out) {
    setScale(out, readU16(b), readU16(b));
    for (int g = 0; g < 8; ++g)
        setDoubled(out, g, b[106 + g / 2] >> (4 * (g % 2)) & 15);
    for (int i = 0; i < 256; ++i) {
        int run = i / 4;
        unsigned index = b[2 + run] | (b[66 + run / 8] >> (run % 8) & 1u) << 8;
        int digit = kGridIq3S[index] >> (3 * (i % 4)) & 7;
        bool negative = b[74 + i / 8] >> (i % 8) & 1;
        out.codes[i] = static_cast<uint8_t>(negative ? 7 - digit : 8 + digit);
    }
}

} // namespace longscope::model
