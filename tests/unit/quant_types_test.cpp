// Types with codebooks, ternary and one-bit codes, and float scales of small groups, against values
// of ggml-quants.c (and of the Python package `gguf` 0.19.0 where it knows the type: both agree to
// the bit). tests/data/weight_types/NAME.bin: three blocks of random bytes with d = 0.5,
// -0x1.004p-11 and 0x3p-24, then their weights as f32 (NVFP4 has no d).
#include "compute/core/error.h"
#include "compute/model/quant.h"
#include "tests/support/gguf_writer.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <ostream>

namespace longscope::model {
namespace {

struct Known {
    QuantType type;
    uint32_t elements, bytes;
    int d;           ///< offset in the block, -1 = none, kSpread = the top bits of four words
    double checksum; ///< see sweptChecksum
};
constexpr int kSpread = -2;

std::ostream &operator<<(std::ostream &out, const Known &known) {
    return out << traitsOf(known.type).name;
}

const Known kKnown[] = {
    {QuantType::iq1_s, 256, 50, 0, -443994.0625},
    {QuantType::iq1_m, 256, 56, kSpread, -471088.3125},
    {QuantType::iq2_xxs, 256, 66, 0, 183855.8125},
    {QuantType::iq2_xs, 256, 74, 0, 1181753.75},
    {QuantType::iq2_s, 256, 82, 0, 986128.3125},
    {QuantType::iq3_xxs, 256, 98, 0, 375655.5},
    {QuantType::iq3_s, 256, 110, 0, 763442.5},
    {QuantType::tq1_0, 256, 54, 52, -83279.5},
    {QuantType::tq2_0, 256, 66, 64, 8279963.0},
    {QuantType::nvfp4, 64, 36, -1, 6500940.2265625},
    {QuantType::q1_0, 128, 18, 0, -10888.0},
    {QuantType::q2_0, 64, 18, 0, 2058972.5},
};

std::string nameOf(const Known &known) {
    return std::string(traitsOf(known.type).name);
}

/// Blocks of pseudo-random bytes with d = 0.5: enough that every entry of every grid occurs.
std::vector<std::byte> sweep(const Known &known, size_t blocks) {
    std::vector<std::byte> out(blocks * known.bytes);
    uint32_t state = 12345;
    for (std::byte &b : out) {
        state = state * 1664525 + 1013904223;
        b = static_cast<std::byte>(state >> 24);
    }
    const uint16_t half = 0x3800;
    for (size_t at = 0; at < out.size(); at += known.bytes) {
        if (known.d >= 0)
            std::memcpy(&out[at + static_cast<size_t>(known.d)], &half, 2);
        for (size_t word = 0; known.d == kSpread && word < 4; ++word) {
            std::byte &top = out[at + 49 + 2 * word];
            top = (top & std::byte{15}) | static_cast<std::byte>((half >> (4 * word) & 15) << 4);
        }
    }
    return out;
}

constexpr size_t kSweepBlocks = 1024;

class QuantTypes : public ::testing::TestWithParam<Known> {};

TEST_P(QuantTypes, DequantizesToTheGolden) {
    constexpr size_t kBlocks = 3;
    const Known &known = GetParam();
    std::vector<std::byte> blocks(kBlocks * known.bytes);
    std::vector<float> want(kBlocks * known.elements), got(want.size());
    std::string path = std::string(LONGSCOPE_TEST_DATA) + "/weight_types/" + nameOf(known) + ".bin";
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char *>(blocks.data()), static_cast<long>(blocks.size()));
    file.read(reinterpret_cast<char *>(want.data()), static_cast<long>(4 * want.size()));
    ASSERT_TRUE(file) << path;
    dequantizeRow(known.type, blocks.data(), got);
    for (size_t i = 0; i < want.size(); ++i)
        ASSERT_EQ(got[i], want[i]) << "element " << i;
}

TEST_P(QuantTypes, SweepHasTheChecksum) {
    const Known &known = GetParam();
    std::vector<float> y(kSweepBlocks * known.elements);
    dequantizeRow(known.type, sweep(known, kSweepBlocks).data(), y);
    double sum = 0; // exact: weights are small multiples of 2^-10
    for (size_t i = 0; i < y.size(); ++i)
        sum += static_cast<double>(i * 7919 % 251 + 1) * static_cast<double>(y[i]);
    EXPECT_EQ(sum, known.checksum);
}

TEST_P(QuantTypes, TraitsMatchTheBlock) {
    const Known &known = GetParam();
    const QuantTraits &traits = traitsOf(known.type);
    EXPECT_TRUE(traits.supported);
    EXPECT_EQ(traits.block_bytes, known.bytes);
    EXPECT_EQ(traits.block_elements, known.elements);
    EXPECT_EQ(rowBytes(known.type, 3 * known.elements), 3 * known.bytes);
    EXPECT_THROW(rowBytes(known.type, known.elements + 1), Error);
    bool two_level =
        traits.scale_kind == ScaleKind::two_level || traits.scale_kind == ScaleKind::two_level_f32;
    EXPECT_EQ(two_level, known.elements == 256); // the device has one super scale for 256 columns
    bool small_groups = two_level || traits.scale_kind == ScaleKind::groups_f16;
    EXPECT_TRUE(traits.group == 32 || (traits.group == 16 && small_groups));
}

// The affine form that the device computes is the row bit for bit, and its codes fit their bits.
TEST_P(QuantTypes, RowEqualsTheAffineForm) {
    const Known &known = GetParam();
    const QuantTraits &traits = traitsOf(known.type);
    auto bytes = sweep(known, kSweepBlocks);
    std::vector<float> row(kSweepBlocks * known.elements);
    dequantizeRow(known.type, bytes.data(), row);
    DecodedBlock block;
    uint32_t largest = 0;
    for (size_t i = 0; i < row.size(); ++i) {
        size_t in_block = i % known.elements, group = in_block / traits.group;
        if (in_block == 0)
            decodeBlock(known.type, &bytes[i / known.elements * known.bytes], block);
        float scale = traits.scale_kind == ScaleKind::groups_f16
                          ? halfToFloat(block.group_f16[group])
                          : block.d * static_cast<float>(block.scales[group]);
        float shift = scale * static_cast<float>(traits.offset) +
                      block.dmin * static_cast<float>(block.minima[group]);
        ASSERT_EQ(row[i], scale * static_cast<float>(block.codes[in_block]) - shift) << i;
        largest = std::max<uint32_t>(largest, block.codes[in_block]);
        if (traits.scale_kind == ScaleKind::two_level_f32)
            ASSERT_EQ(block.dmin, block.d);
        else
            ASSERT_EQ(halfToFloat(block.d_f16), block.d);
    }
    EXPECT_LT(largest, 1u << traits.code_bits);
    EXPECT_GE(largest, traits.code_bits > 4 ? 1u << (traits.code_bits == 8 ? 6 : 4) : 1u);
}

TEST_P(QuantTypes, RandomWeightsHaveTheirDeviation) {
    constexpr size_t kElements = 8192;
    QuantType type = GetParam().type;
    std::vector<float> row(kElements);
    dequantizeRow(type, testing::randomWeights(type, kElements, 0.05f, 3).data(), row);
    double squares = 0;
    for (float v : row)
        squares += double{v} * v;
    EXPECT_NEAR(std::sqrt(squares / kElements), 0.05, 0.01);
}

INSTANTIATE_TEST_SUITE_P(Types, QuantTypes, ::testing::ValuesIn(kKnown),
                         [](const auto &test) { return nameOf(test.param); });

TEST(Quant, ScalesOfNvfp4) {
    std::byte block[36] = {};
    const uint8_t scales[] = {0x38, 0x01, 0x7E, 0x7F}; // 1, 2^-9, 448, not a number
    std::memcpy(block, scales, 4);
    for (size_t g = 0; g < 4; ++g)
        block[4 + 8 * g] = std::byte{0x21}; // elements 0 and 8 of a group: 0.5 and 1
    float y[64];
    dequantizeRow(QuantType::nvfp4, block, y);
    const float want[] = {0.5f, 0x1p-10f, 224, 0};
    for (size_t g = 0; g < 4; ++g) {
        EXPECT_EQ(y[16 * g], want[g]);
        EXPECT_EQ(y[16 * g + 8], 2 * want[g]);
        EXPECT_EQ(y[16 * g + 1], 0);
    }
    block[0] = std::byte{0xFF}; // the top bit is no sign, and this is no NaN either
    dequantizeRow(QuantType::nvfp4, block, y);
    EXPECT_EQ(y[0], 240);
}

} // namespace
} // namespace longscope::model
