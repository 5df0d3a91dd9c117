// Block layouts of the GGUF weight types, drawn above the functions that read them. lo and hi are
// the low and high four bits of a byte; a block of 32 stores element j in lo of byte j and element
// j + 16 in hi. Source: ggml's block structs (ggml-common.h, ggml-quants.c).
#include "compute/model/quant.h"

#include "compute/core/error.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace longscope::model {
namespace {

constexpr QuantTraits quantized(QuantType type, std::string_view name, uint32_t elements,
                                uint32_t bytes, uint32_t code_bits, ScaleKind kind, uint32_t group,
                                uint32_t offset) {
    return {type, name, elements, bytes, true, code_bits, kind, group, offset};
}

constexpr QuantTraits plain(QuantType type, std::string_view name, uint32_t bytes,
                            uint32_t code_bits) {
    return {type, name, 1, bytes, true, code_bits, ScaleKind::none, 1, 0};
}

constexpr QuantTraits unsupported(uint32_t type, std::string_view name, uint32_t elements,
                                  uint32_t bytes) {
    return {QuantType{type}, name, elements, bytes, false, 0, ScaleKind::none, 0, 0};
}

constexpr ScaleKind kPair = ScaleKind::pair_f16, kTwo = ScaleKind::two_level;
constexpr QuantTraits kTraits[] = {
    plain(QuantType::f32, "F32", 4, 32),
    plain(QuantType::f16, "F16", 2, 16),
    plain(QuantType::bf16, "BF16", 2, 17),
    quantized(QuantType::q4_0, "Q4_0", 32, 18, 4, kPair, 32, 8),
    quantized(QuantType::q4_1, "Q4_1", 32, 20, 4, kPair, 32, 0),
    quantized(QuantType::q5_0, "Q5_0", 32, 22, 5, kPair, 32, 16),
    quantized(QuantType::q5_1, "Q5_1", 32, 24, 5, kPair, 32, 0),
    quantized(QuantType::q8_0, "Q8_0", 32, 34, 8, kPair, 32, 128),
    quantized(QuantType::q2_k, "Q2_K", 256, 84, 4, kTwo, 16, 0),
    quantized(QuantType::q3_k, "Q3_K", 256, 110, 4, kTwo, 16, 4),
    quantized(QuantType::q4_k, "Q4_K", 256, 144, 4, kTwo, 32, 0),
    quantized(QuantType::q5_k, "Q5_K", 256, 176, 5, kTwo, 32, 0),
    quantized(QuantType::q6_k, "Q6_K", 256, 210, 6, kTwo, 16, 32),
    quantized(QuantType::iq4_nl, "IQ4_NL", 32, 18, 8, kPair, 32, 128),
    quantized(QuantType::iq4_xs, "IQ4_XS", 256, 136, 8, kTwo, 32, 128),
    quantized(QuantType::mxfp4, "MXFP4", 32, 17, 5, ScaleKind::pair_f32, 32, 12),
    unsupported(9, "Q8_1", 32, 36),
    unsupported(15, "Q8_K", 256, 292),
    unsupported(16, "IQ2_XXS", 256, 66),
    unsupported(17, "IQ2_XS", 256, 74),
    unsupported(18, "IQ3_XXS", 256, 98),
    unsupported(19, "IQ1_S", 256, 50),
    unsupported(21, "IQ3_S", 256, 110),
    unsupported(22, "IQ2_S", 256, 82),
    unsupported(24, "I8", 1, 1),
    unsupported(25, "I16", 1, 2),
    unsupported(26, "I32", 1, 4),
    unsupported(27, "I64", 1, 8),
    unsupported(28, "F64", 1, 8),
    unsupported(29, "IQ1_M", 256, 56),
    unsupported(34, "TQ1_0", 256, 54),
    unsupported(35, "TQ2_0", 256, 66),
    unsupported(40, "NVFP4", 64, 36),
};

/// The values of the non-linear 4-bit types, as codes: value + 128.
constexpr std::array<uint8_t, 16> kNonLinearCodes = {1,   24,  45,  63,  79,  93,  106, 118,
                                                     129, 141, 153, 166, 181, 197, 217, 241};
/// Doubled E2M1 values {0, 1, 2, 3, 4, 6, 8, 12, 0, -1 ... -12}, as codes: value + 12.
constexpr std::array<uint8_t, 16> kE2m1Codes = {12, 13, 14, 15, 16, 18, 20, 24,
                                                12, 11, 10, 9,  8,  6,  4,  0};

uint16_t readU16(const uint8_t *at) {
    return static_cast<uint16_t>(at[0] | at[1] << 8);
}

uint32_t readU32(const uint8_t *at) {
    return readU16(at) | static_cast<uint32_t>(readU16(at + 2)) << 16;
}

uint8_t lo(uint8_t byte) {
    return byte & 15;
}
uint8_t hi(uint8_t byte) {
    return byte >> 4;
}

void setScale(DecodedBlock &out, uint16_t d_bits, uint16_t dmin_bits) {
    out.d_f16 = d_bits;
    out.dmin_f16 = dmin_bits;
    out.d = halfToFloat(d_bits);
    out.dmin = halfToFloat(dmin_bits);
}

/// Blocks of 32 have one group: w = d * (code - offset) - dmin.
void setPair(DecodedBlock &out, uint16_t d_bits, uint16_t dmin_bits) {
    setScale(out, d_bits, dmin_bits);
    out.scales[0] = 1;
    out.minima[0] = 1;
}

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

void splitNibbles(const uint8_t *packed, const std::array<uint8_t, 16> &table, uint8_t *codes) {
    for (int j = 0; j < 16; ++j) {
        codes[j] = table[lo(packed[j])];
        codes[j + 16] = table[hi(packed[j])];
    }
}

/// Bit j of `high` is the fifth bit of element j.
void addFifthBits(uint32_t high, uint8_t *codes) {
    for (unsigned j = 0; j < 32; ++j)
        codes[j] = static_cast<uint8_t>(codes[j] | (high >> j & 1) << 4);
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

// IQ4_NL | d | 16 bytes |       MXFP4 | exponent u8 | 16 bytes |: nibbles are indices into a table
void decodeIq4Nl(const uint8_t *b, DecodedBlock &out) {
    setPair(out, readU16(b), 0);
    splitNibbles(b + 2, kNonLinearCodes, out.codes.data());
}

void decodeMxfp4(const uint8_t *b, DecodedBlock &out) {
    setPair(out, 0, 0);
    // 2^(e - 128): the table is doubled, hence not e - 127; e < 2 are denormals.
    uint32_t e = b[0];
    out.d = std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23);
    splitNibbles(b + 1, kE2m1Codes, out.codes.data());
}

// Q2_K  | 16 x (scale lo, minimum hi) | 64 bytes of 2-bit codes | d | dmin |
// Q2_K and Q3_K: half h (128 elements), plane j (bits 2j of 32 bytes): element 128h + 32j + i is
// in byte 32h + i.
uint8_t twoBits(const uint8_t *packed, int element) {
    int h = element / 128, j = element / 32 % 4, i = element % 32;
    return packed[32 * h + i] >> (2 * j) & 3;
}

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
        splitNibbles(b + 8 + 16 * g, kNonLinearCodes, out.codes.data() + 32 * g);
    }
}

float readPlain(QuantType type, const uint8_t *row, size_t i) {
    if (type == QuantType::f32)
        return std::bit_cast<float>(readU32(row + 4 * i));
    uint16_t bits = readU16(row + 2 * i);
    if (type == QuantType::f16)
        return halfToFloat(bits);
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

void writeBlock(const QuantTraits &traits, const DecodedBlock &block, float *out) {
    int offset = static_cast<int>(traits.offset);
    for (uint32_t g = 0; g < traits.block_elements / traits.group; ++g) {
        float scale = block.d * static_cast<float>(block.scales[g]);
        float minimum = block.dmin * static_cast<float>(block.minima[g]);
        for (uint32_t i = g * traits.group; i < (g + 1) * traits.group; ++i)
            out[i] = scale * static_cast<float>(block.codes[i] - offset) - minimum;
    }
}

} // namespace

const QuantTraits *findQuantTraits(uint32_t ggml_type) {
    const auto *found = std::ranges::find(kTraits, QuantType{ggml_type}, &QuantTraits::type);
    return found == std::end(kTraits) ? nullptr : found;
}

const QuantTraits &traitsOf(QuantType type) {
    const QuantTraits *found = findQuantTraits(static_cast<uint32_t>(type));
    assert(found && "a tensor's type was checked when its file was opened");
    return *found;
}

void decodeBlock(QuantType type, const std::byte *block, DecodedBlock &out) {
    const auto *b = reinterpret_cast<const uint8_t *>(block);
    switch (type) {
    case QuantType::q4_0:
        return decodeQ4_0(b, out);
    case QuantType::q4_1:
        return decodeQ4_1(b, out);
    case QuantType::q5_0:
        return decodeQ5_0(b, out);
    case QuantType::q5_1:
        return decodeQ5_1(b, out);
    case QuantType::q8_0:
        return decodeQ8_0(b, out);
    case QuantType::q2_k:
        return decodeQ2K(b, out);
    case QuantType::q3_k:
        return decodeQ3K(b, out);
    case QuantType::q4_k:
        return decodeQ4K(b, out);
    case QuantType::q5_k:
        return decodeQ5K(b, out);
    case QuantType::q6_k:
        return decodeQ6K(b, out);
    case QuantType::iq4_nl:
        return decodeIq4Nl(b, out);
    case QuantType::iq4_xs:
        return decodeIq4Xs(b, out);
    case QuantType::mxfp4:
        return decodeMxfp4(b, out);
    case QuantType::f32:
    case QuantType::f16:
    case QuantType::bf16:
        break;
    }
    assert(false && "not a block type");
}

void dequantizeRow(QuantType type, const std::byte *row, std::span<float> out) {
    const QuantTraits &traits = traitsOf(type);
    if (traits.block_elements == 1) {
        for (size_t i = 0; i < out.size(); ++i)
            out[i] = readPlain(type, reinterpret_cast<const uint8_t *>(row), i);
        return;
    }
    assert(out.size() % traits.block_elements == 0);
    DecodedBlock block;
    for (size_t at = 0; at < out.size(); at += traits.block_elements) {
        decodeBlock(type, row, block);
        writeBlock(traits, block, out.data() + at);
        row += traits.block_bytes;
    }
}

uint64_t rowBytes(QuantType type, uint64_t elements) {
    const QuantTraits &traits = traitsOf(type);
    if (elements % traits.block_elements != 0)
        fail(ErrorKind::model, "a row of {} weights is no multiple of the {} weights of a {} block",
             elements, traits.block_elements, traits.name);
    return elements / traits.block_elements * traits.block_bytes;
}

float halfToFloat(uint16_t bits) {
    uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
    uint32_t exponent = bits >> 10 & 31, mantissa = bits & 0x3FF;
    if (exponent == 31) // infinity and NaN
        return std::bit_cast<float>(sign | 0x7F800000 | mantissa << 13);
    if (exponent == 0) { // zero and denormals: mantissa * 2^-24, exact in float
        float value = static_cast<float>(mantissa) * 0x1p-24f;
        return sign ? -value : value;
    }
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t floatToHalf(float value) {
    uint32_t bits = std::bit_cast<uint32_t>(value);
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7FFFFFFF;
    if (magnitude > 0x7F800000) // NaN stays one, whatever bits are lost
        return static_cast<uint16_t>(sign | 0x7E00);
    if (magnitude >= 0x477FF000) // 65520 and above round to infinity
        return static_cast<uint16_t>(sign | 0x7C00);
    if (magnitude < 0x38800000) { // below 2^-14: adding 0.5 lets the adder round to 2^-24 steps
        float shifted = std::bit_cast<float>(magnitude) + 0.5f;
        return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000));
    }
    uint32_t odd = magnitude >> 13 & 1;
    return static_cast<uint16_t>(sign | (magnitude - 0x38000000 + 0xFFF + odd) >> 13);
}

} // namespace longscope::model
