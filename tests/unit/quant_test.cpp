// Weight types against goldens: each byte field filled with (37 k + 11) & 255, d = 0.5,
// m or dmin = 0.25, fifth bits 0xA5C3960F, IQ4_XS high scale bits 0xB3C5, MXFP4 exponent 0x7F.
#include "compute/model/quant.h"

#include "compute/core/error.h"
#include "tests/support/gguf_writer.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <ostream>

namespace longscope::model {
namespace {

struct Field {
    size_t offset, size_bytes;
};

struct Golden {
    QuantType type;
    size_t bytes, elements;
    std::vector<Field> filled;
    int d, m, fifth_bits; ///< offsets, -1 = none
    std::array<float, 4> first;
    std::array<float, 2> middle; ///< elements n/2 and n/2 + 1
    float last;
    double checksum; ///< sum of (i + 1) y[i]
};

std::ostream &operator<<(std::ostream &out, const Golden &golden) {
    return out << traitsOf(golden.type).name;
}

const Golden kGoldens[] = {
    {QuantType::q4_0, 18, 32, {{2, 16}}, 0, -1, -1, {1.5, -4, -1.5, 1}, {-4, -2.5}, -2.5, -303.5},
    {QuantType::q4_1,
     20,
     32,
     {{4, 16}},
     0,
     2,
     -1,
     {5.75, 0.25, 2.75, 5.25},
     {0.25, 1.75},
     1.75,
     1940.5},
    {QuantType::q5_0, 22, 32, {{6, 16}}, 0, -1, 2, {5.5, 0, 2.5, 5}, {0, 1.5}, 1.5, -367.5},
    {QuantType::q5_1,
     24,
     32,
     {{8, 16}},
     0,
     2,
     4,
     {13.75, 8.25, 10.75, 13.25},
     {8.25, 9.75},
     9.75,
     3988.5},
    {QuantType::q8_0, 34, 32, {{2, 32}}, 0, -1, -1, {5.5, 24, 42.5, 61}, {45.5, -64}, -61, -1944},
    {QuantType::q2_k,
     84,
     256,
     {{0, 16}, {16, 64}},
     80,
     82,
     -1,
     {16.5, 0, 5.5, 11},
     {3.75, -0.75},
     -0.75,
     121488.5},
    {QuantType::q3_k,
     110,
     256,
     {{0, 32}, {32, 64}, {96, 12}},
     108,
     -1,
     -1,
     {40.5, -54, 13.5, -27},
     {-8, 0},
     0,
     5642},
    {QuantType::q4_k,
     144,
     256,
     {{4, 12}, {16, 128}},
     0,
     2,
     -1,
     {52.75, -7.75, 19.75, 47.25},
     {7.75, -8.75},
     51.5,
     2515720},
    {QuantType::q5_k,
     176,
     256,
     {{4, 12}, {16, 32}, {48, 128}},
     0,
     2,
     -1,
     {140.75, -7.75, 107.75, 47.25},
     {7.75, 15.25},
     195.5,
     5354040},
    {QuantType::q6_k,
     210,
     256,
     {{0, 128}, {128, 64}, {192, 16}},
     208,
     -1,
     -1,
     {148.5, -176, -60.5, 55},
     {688.5, -816},
     -702,
     140242},
    {QuantType::iq4_nl,
     18,
     32,
     {{2, 16}},
     0,
     -1,
     -1,
     {19, -63.5, -17.5, 12.5},
     {-63.5, -32.5},
     -32.5,
     -4108.5},
    {QuantType::iq4_xs,
     136,
     256,
     {{4, 4}, {8, 128}},
     0,
     -1,
     -1,
     {-95, 317.5, 87.5, -62.5},
     {399, -1333.5},
     -77,
     -957535},
    {QuantType::mxfp4, 17, 32, {{1, 16}}, -1, -1, -1, {-1.5, 0, 3, -1}, {0, 1.5}, 1.5, 256.5},
};

std::vector<std::byte> goldenBlock(const Golden &golden) {
    std::vector<std::byte> block(golden.bytes);
    for (const Field &field : golden.filled) {
        for (size_t k = 0; k < field.size_bytes; ++k)
            block[field.offset + k] = static_cast<std::byte>((37 * k + 11) & 255);
    }
    auto put = [&](int at, auto value) {
        if (at >= 0)
            std::memcpy(&block[static_cast<size_t>(at)], &value, sizeof(value));
    };
    put(golden.d, uint16_t{0x3800});
    put(golden.m, uint16_t{0x3400});
    put(golden.fifth_bits, uint32_t{0xA5C3960F});
    put(golden.type == QuantType::iq4_xs ? 2 : -1, uint16_t{0xB3C5});
    put(golden.type == QuantType::mxfp4 ? 0 : -1, uint8_t{0x7F});
    return block;
}

class QuantGolden : public ::testing::TestWithParam<Golden> {};

TEST_P(QuantGolden, DequantizesToTheGolden) {
    const Golden &golden = GetParam();
    std::vector<float> y(golden.elements);
    dequantizeRow(golden.type, goldenBlock(golden).data(), y);
    for (size_t i = 0; i < 4; ++i)
        EXPECT_EQ(y[i], golden.first[i]) << "element " << i;
    EXPECT_EQ(y[y.size() / 2], golden.middle[0]);
    EXPECT_EQ(y[y.size() / 2 + 1], golden.middle[1]);
    EXPECT_EQ(y.back(), golden.last);
    double checksum = 0;
    for (size_t i = 0; i < y.size(); ++i)
        checksum += static_cast<double>(i + 1) * static_cast<double>(y[i]);
    EXPECT_EQ(checksum, golden.checksum);
}

TEST_P(QuantGolden, TraitsMatchTheBlock) {
    const Golden &golden = GetParam();
    const QuantTraits &traits = traitsOf(golden.type);
    EXPECT_TRUE(traits.supported);
    EXPECT_EQ(traits.block_bytes, golden.bytes);
    EXPECT_EQ(traits.block_elements, golden.elements);
    EXPECT_EQ(rowBytes(golden.type, 3 * golden.elements), 3 * golden.bytes);
    EXPECT_THROW(rowBytes(golden.type, golden.elements + 1), Error);
    bool two_level = traits.scale_kind == ScaleKind::two_level;
    EXPECT_EQ(two_level, golden.elements == 256);
    EXPECT_TRUE(traits.group == 32 || (traits.group == 16 && two_level));
}

// The affine form, evaluated as the header says, is the row bit for bit: random blocks, so that
// every scale and minimum takes part. Codes stay within code_bits.
TEST_P(QuantGolden, RowEqualsTheAffineForm) {
    constexpr size_t kBlocks = 9;
    const QuantTraits &traits = traitsOf(GetParam().type);
    uint64_t elements = kBlocks * traits.block_elements;
    auto bytes = testing::randomWeights(traits.type, elements, 0.05f, 7);
    std::vector<float> row(elements);
    dequantizeRow(traits.type, bytes.data(), row);
    DecodedBlock block;
    for (size_t i = 0; i < elements; ++i) {
        size_t in_block = i % traits.block_elements, group = in_block / traits.group;
        if (in_block == 0)
            decodeBlock(traits.type, &bytes[i / traits.block_elements * traits.block_bytes], block);
        ASSERT_LT(block.codes[in_block], 1u << traits.code_bits);
        float scale = block.d * static_cast<float>(block.scales[group]);
        float minimum = block.dmin * static_cast<float>(block.minima[group]);
        auto code = static_cast<float>(block.codes[in_block] - static_cast<int>(traits.offset));
        ASSERT_EQ(row[i], scale * code - minimum) << "element " << i;
        if (traits.scale_kind == ScaleKind::pair_f32)
            continue;
        ASSERT_EQ(halfToFloat(block.d_f16), block.d);
        ASSERT_EQ(halfToFloat(block.dmin_f16), block.dmin);
    }
}

// The weights that tests make have the deviation that was asked for.
TEST_P(QuantGolden, RandomWeightsHaveTheirDeviation) {
    QuantType type = GetParam().type;
    constexpr size_t kElements = 8192;
    std::vector<float> row(kElements);
    dequantizeRow(type, testing::randomWeights(type, kElements, 0.05f, 3).data(), row);
    double squares = 0;
    for (float v : row)
        squares += double{v} * v;
    EXPECT_NEAR(std::sqrt(squares / kElements), 0.05, 0.01); // exponents of MXFP4 are coarse
}

INSTANTIATE_TEST_SUITE_P(Types, QuantGolden, ::testing::ValuesIn(kGoldens), [](const auto &test) {
    return std::string(traitsOf(test.param.type).name);
});

TEST(Quant, ScalesOfQ4K) {
    DecodedBlock block;
    decodeBlock(QuantType::q4_k, goldenBlock(kGoldens[7]).data(), block);
    const int scales[] = {11, 48, 21, 58, 3, 8, 29, 18}, minima[] = {31, 4, 41, 14, 35, 53, 55, 10};
    for (size_t i = 0; i < 8; ++i) {
        EXPECT_EQ(block.scales[i], scales[i]);
        EXPECT_EQ(block.minima[i], minima[i]);
    }
}

TEST(Quant, ScalesOfQ3K) {
    DecodedBlock block;
    decodeBlock(QuantType::q3_k, goldenBlock(kGoldens[6]).data(), block);
    const int scales[] = {27, -32, -11, 10, -17, 4, 25, -18, 16, -13, 21, 7, -23, -4, -2, 0};
    for (size_t i = 0; i < 16; ++i)
        EXPECT_EQ(block.scales[i], scales[i]);
}

TEST(Quant, Bf16AndHalfRows) {
    const uint16_t bf16[] = {0x3FC0, 0xC049}, half[] = {0x3E00, 0xC248};
    float y[2];
    dequantizeRow(QuantType::bf16, reinterpret_cast<const std::byte *>(bf16), y);
    EXPECT_EQ(y[0], 1.5f);
    EXPECT_EQ(y[1], -3.140625f);
    dequantizeRow(QuantType::f16, reinterpret_cast<const std::byte *>(half), y);
    EXPECT_EQ(y[0], 1.5f);
    EXPECT_EQ(y[1], -3.140625f);
}

TEST(Quant, Mxfp4SmallExponentsAreDenormals) {
    std::byte block[17] = {};
    block[1] = std::byte{0x01}; // element 0 is 1, twice E2M1's 0.5
    float y[32];
    for (int e : {0, 1, 2, 254, 255}) {
        block[0] = static_cast<std::byte>(e);
        dequantizeRow(QuantType::mxfp4, block, y);
        EXPECT_EQ(y[0], std::ldexp(1.0f, e - 128)) << e;
        EXPECT_EQ(y[1], 0.0f);
    }
}

TEST(Quant, KnowsUnsupportedTypesBySize) {
    struct Known {
        uint32_t type, elements, bytes;
    };
    for (auto [type, elements, bytes] :
         {Known{9, 32, 36}, {15, 256, 292}, {24, 1, 1}, {28, 1, 8}, {31, 32, 18}, {38, 32, 18}}) {
        const QuantTraits *traits = findQuantTraits(type);
        ASSERT_TRUE(traits) << type;
        EXPECT_FALSE(traits->supported) << type;
        EXPECT_EQ(traits->block_elements, elements) << type;
        EXPECT_EQ(traits->block_bytes, bytes) << type;
    }
    EXPECT_EQ(findQuantTraits(4), nullptr);
    EXPECT_EQ(findQuantTraits(0xFFFFFFFF), nullptr);
}

TEST(Half, EveryValueComesBack) {
    for (uint32_t bits = 0; bits < 0x10000; ++bits) {
        auto half = static_cast<uint16_t>(bits);
        float value = halfToFloat(half);
        if (std::isnan(value))
            EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(value)))) << bits;
        else
            ASSERT_EQ(floatToHalf(value), half) << bits;
    }
    EXPECT_EQ(halfToFloat(0x0001), 0x1p-24f);
    EXPECT_EQ(halfToFloat(0x7BFF), 65504.0f);
    EXPECT_EQ(halfToFloat(0xFC00), -std::numeric_limits<float>::infinity());
}

TEST(Half, RoundsToNearestEven) {
    EXPECT_EQ(floatToHalf(1 + 0x1p-11f), 0x3C00); // a tie goes to the even one
    EXPECT_EQ(floatToHalf(1 + 0x3p-11f), 0x3C02);
    EXPECT_EQ(floatToHalf(1 + 0x1p-11f + 0x1p-20f), 0x3C01); // above the tie
    EXPECT_EQ(floatToHalf(0x1p-25f), 0x0000);
    EXPECT_EQ(floatToHalf(0x3p-25f), 0x0002);
    EXPECT_EQ(floatToHalf(0x1.8p-24f), 0x0002);
    EXPECT_EQ(floatToHalf(0x1.FFFp-15f), 0x0400); // the largest denormals round to a normal
    EXPECT_EQ(floatToHalf(65519.0f), 0x7BFF);
    EXPECT_EQ(floatToHalf(65520.0f), 0x7C00);
    EXPECT_EQ(floatToHalf(-1e30f), 0xFC00);
    EXPECT_EQ(floatToHalf(-0.0f), 0x8000);
}

} // namespace
} // namespace longscope::model
