// GGUF weight types: sizes, and how a block becomes numbers. Every quantized type is one affine
// rule over integer codes, so that the device needs few formats (compute/engine/packing.h):
//     w = d * scale * (code - offset) - dmin * minimum
// with (d, dmin) a block's floats and (scale, minimum) small integers of a group of weights.
// Layouts and goldens: ggml's block structs, as listed in tests/unit/quant_test.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace longscope::model {

enum class QuantType : uint32_t {
    f32 = 0,
    f16 = 1,
    q4_0 = 2,
    q4_1 = 3,
    q5_0 = 6,
    q5_1 = 7,
    q8_0 = 8,
    q2_k = 10,
    q3_k = 11,
    q4_k = 12,
    q5_k = 13,
    q6_k = 14,
    iq2_xxs = 16,
    iq2_xs = 17,
    iq3_xxs = 18,
    iq1_s = 19,
    iq4_nl = 20,
    iq3_s = 21,
    iq2_s = 22,
    iq4_xs = 23,
    iq1_m = 29,
    bf16 = 30,
    tq1_0 = 34,
    tq2_0 = 35,
    mxfp4 = 39,
    nvfp4 = 40,
    q1_0 = 41,
    q2_0 = 42,
};

/// What a block's scales are; numbered as SCALE_* of shaders/params.h.
enum class ScaleKind : uint32_t {
    none = 0,
    pair_f16 = 1,      ///< (d, dmin); scale = minimum = 1
    pair_f32 = 2,      ///< the same where d is no f16
    two_level = 3,     ///< (d, dmin) f16, (scale, minimum) of each group
    two_level_f32 = 4, ///< the same with dmin = d, which is no f16
    groups_f16 = 5,    ///< an f16 of each group takes the place of d * scale; no minimum
};

struct QuantTraits {
    QuantType type;
    std::string_view name;   ///< "Q4_K"
    uint32_t block_elements; ///< 1, 32, 64, 128 or 256
    uint32_t block_bytes;
    bool supported; ///< false: known by name and size only; opening such a tensor is refused
    // of supported quantized types:
    uint32_t code_bits; ///< 4, 5, 6, 8; 16 f16, 17 bf16, 32 f32
    ScaleKind scale_kind;
    uint32_t group;  ///< weights that share (scale, minimum): 16 or 32
    uint32_t offset; ///< subtracted from every code
};

/// By the number that the file holds; nullptr when no such type is known. Known types that are
/// withdrawn or hold no weights (Q8_1, I32 ...) are found with `supported == false`.
const QuantTraits *findQuantTraits(uint32_t ggml_type);
const QuantTraits &traitsOf(QuantType type);

/// One block of a quantized type in the affine form, exact. Not for F32, F16, BF16.
struct DecodedBlock {
    float d = 0, dmin = 0;
    uint16_t d_f16 = 0, dmin_f16 = 0; ///< the same as f16 bits (not of the _f32 kinds)
    std::array<uint8_t, 256> codes{}; ///< block_elements of them, element order
    std::array<int8_t, 16> scales{};  ///< block_elements / group of them
    std::array<uint8_t, 16> minima{};
    std::array<uint16_t, 4> group_f16{}; ///< f16 bits, of groups_f16 only
};
void decodeBlock(QuantType type, const std::byte *block, DecodedBlock &out);

/// One row of `out.size()` elements (a multiple of block_elements) as floats: the scalar twin of
/// every weight read on the device. Reads out.size() / block_elements * block_bytes bytes.
void dequantizeRow(QuantType type, const std::byte *row, std::span<float> out);

/// Bytes of a row; throws Error(model) when `elements` is no multiple of the block.
uint64_t rowBytes(QuantType type, uint64_t elements);

float halfToFloat(uint16_t bits);
uint16_t floatToHalf(float value); ///< round to nearest even, overflow to infinity

} // namespace longscope::model
