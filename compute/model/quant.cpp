// The table of GGUF weight types, and rows of them as floats. Block layouts: quant_blocks.cpp and
// quant_codebook.cpp.
#include "compute/model/quant.h"

#include "compute/core/error.h"
#include "compute/model/quant_decode.h"

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

constexpr ScaleKind kPair = ScaleKind::pair_f16, kTwo = ScaleKind::two_level,
                    kWide = ScaleKind::two_level_f32;
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
    quantized(QuantType::iq1_s, "IQ1_S", 256, 50, 4, kWide, 32, 4),
    quantized(QuantType::iq1_m, "IQ1_M", 256, 56, 4, kWide, 16, 4),
    quantized(QuantType::iq2_xxs, "IQ2_XXS", 256, 66, 8, kWide, 32, 43),
    quantized(QuantType::iq2_xs, "IQ2_XS", 256, 74, 8, kWide, 16, 43),
    quantized(QuantType::iq2_s, "IQ2_S", 256, 82, 8, kWide, 16, 43),
    quantized(QuantType::iq3_xxs, "IQ3_XXS", 256, 98, 6, kWide, 32, 31),
    quantized(QuantType::iq3_s, "IQ3_S", 256, 110, 4, kTwo, 32, 7),
    quantized(QuantType::tq1_0, "TQ1_0", 256, 54, 4, kTwo, 32, 1),
    quantized(QuantType::tq2_0, "TQ2_0", 256, 66, 4, kTwo, 32, 1),
    quantized(QuantType::nvfp4, "NVFP4", 64, 36, 5, ScaleKind::groups_f16, 16, 12),
    quantized(QuantType::q1_0, "Q1_0", 128, 18, 4, kPair, 32, 1),
    quantized(QuantType::q2_0, "Q2_0", 64, 18, 4, kPair, 32, 1),
    unsupported(9, "Q8_1", 32, 36),
    unsupported(15, "Q8_K", 256, 292),
    unsupported(24, "I8", 1, 1),
    unsupported(25, "I16", 1, 2),
    unsupported(26, "I32", 1, 4),
    unsupported(27, "I64", 1, 8),
    unsupported(28, "F64", 1, 8),
    unsupported(31, "Q4_0_4_4", 32, 18), // withdrawn: programs arrange Q4_0 and IQ4_NL themselves
    unsupported(32, "Q4_0_4_8", 32, 18),
    unsupported(33, "Q4_0_8_8", 32, 18),
    unsupported(36, "IQ4_NL_4_4", 32, 18),
    unsupported(37, "IQ4_NL_4_8", 32, 18),
    unsupported(38, "IQ4_NL_8_8", 32, 18),
};

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
        float scale = traits.scale_kind == ScaleKind::groups_f16
                          ? halfToFloat(block.group_f16[g])
                          : block.d * static_cast<float>(block.scales[g]);
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
    case QuantType::nvfp4:
        return decodeNvfp4(b, out);
    case QuantType::iq1_s:
        return decodeIq1S(b, out);
    case QuantType::iq1_m:
        return decodeIq1M(b, out);
    case QuantType::iq2_xxs:
        return decodeIq2Xxs(b, out);
    case QuantType::iq2_xs:
        return decodeIq2Xs(b, out);
    case QuantType::iq2_s:
        return decodeIq2S(b, out);
    case QuantType::iq3_xxs:
        return decodeIq3Xxs(b, out);
    case QuantType::iq3_s:
        return decodeIq3S(b, out);
    case QuantType::tq1_0:
        return decodeTq1_0(b, out);
    case QuantType::tq2_0:
        return decodeTq2_0(b, out);
    case QuantType::q1_0:
        return decodeQ1_0(b, out);
    case QuantType::q2_0:
        return decodeQ2_0(b, out);
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
