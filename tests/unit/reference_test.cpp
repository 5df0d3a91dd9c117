// The scalar twins against values computed independently in double precision, against properties
// that every attention has, and the whole forward pass against the logits of a trusted engine.
// Masks, schemes of positions and cache types: reference_schemes_test.cpp.
#include "compute/attention/rope.h"
#include "compute/reference/forward.h"
#include "tests/support/golden_fixture.h"
#include "tests/support/nmse.h"
#include "tests/support/reference_logits.h"

#include <algorithm>
#include <limits>
#include <random>

namespace longscope::reference {

TEST(ReferenceAttention, GoldenOfFullCausal) {
    Fixture f;
    Attended a = attention(f.q, f.k, f.v, f.shape);
    expectRow(lastRow(a.out), {0.789569, 0.425015, -0.287926, -0.019240});
    EXPECT_NEAR(checksum(a.out), 66.205084, 5e-5); // 32 rounded terms with weights up to 32
    EXPECT_NEAR(a.m[7], 1.0400957773, 1e-6);
    EXPECT_NEAR(a.l[7], 4.7097537746, 1e-6);
    for (uint64_t c = 0; c < kDim; ++c)
        EXPECT_EQ(a.out[c], f.v[c]) << "row 0 sees only itself";
}

TEST(ReferenceAttention, GoldenOfMergedParts) {
    Fixture f;
    std::vector<Attended> parts = attentionDecode(f.queryOf(7), f.k, f.v, f.rowShape(7), 2, 4);
    EXPECT_NEAR(parts[0].m[0], 0.4849911466, 1e-6);
    EXPECT_NEAR(parts[0].l[0], 2.2257717025, 1e-6);
    expectRow(parts[0].out, {0.479892, 0.795896, 0.679099, 0.253114});
    EXPECT_NEAR(parts[1].m[0], 1.0400957773, 1e-6);
    EXPECT_NEAR(parts[1].l[0], 3.4321336656, 1e-6);
    expectRow(parts[1].out, {0.904847, 0.286954, -0.647903, -0.120625});
    Attended merged = merge(parts, kDim);
    EXPECT_NEAR(merged.m[0], 1.0400957773, 1e-6);
    EXPECT_NEAR(merged.l[0], 4.7097537746, 1e-6);
    expectRow(merged.out, {0.789569, 0.425015, -0.287926, -0.019240});
}

TEST(ReferenceAttention, MergeIsTheSameForEverySplit) {
    Fixture f;
    for (uint64_t keys : {1, 2, 3, 5, 8, 20}) {
        // One range more than needed: an empty one must not count.
        uint64_t splits = (kTokens + keys - 1) / keys + 1;
        Attended merged =
            merge(attentionDecode(f.queryOf(7), f.k, f.v, f.rowShape(7), splits, keys), kDim);
        expectRow(merged.out, {0.789569, 0.425015, -0.287926, -0.019240});
    }
}

TEST(ReferenceAttention, EmptyRangeIsZero) {
    Fixture f;
    Attended empty = attentionOfKeys(f.queryOf(3), f.k, f.v, f.rowShape(3), 4, 8);
    EXPECT_EQ(empty.l[0], 0);
    for (float value : empty.out)
        EXPECT_EQ(value, 0.0f);
}

TEST(ReferenceAttention, WeightsSumToOne) {
    Fixture f;
    std::vector<float> ones(kTokens * kDim, 1.0f);
    for (float value : attention(f.q, f.k, ones, f.shape).out)
        EXPECT_NEAR(value, 1.0f, 1e-6f);
}

TEST(ReferenceAttention, FutureKeysDoNotMatter) {
    Fixture f;
    std::vector<float> before = attention(f.q, f.k, f.v, f.shape).out;
    for (uint64_t i = 5 * kDim; i < kTokens * kDim; ++i)
        f.k[i] = f.v[i] = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> after = attention(f.q, f.k, f.v, f.shape).out;
    for (uint64_t i = 0; i < 5 * kDim; ++i)
        EXPECT_EQ(before[i], after[i]) << "element " << i;
}

TEST(ReferenceAttention, PrefillEqualsPrefillAndDecode) {
    Fixture f;
    std::vector<float> all = attention(f.q, f.k, f.v, f.shape).out;
    for (uint64_t row = 0; row < kTokens; ++row) {
        Attended one = attention(f.queryOf(row), f.k, f.v, f.rowShape(row));
        for (uint64_t c = 0; c < kDim; ++c)
            EXPECT_EQ(one.out[c], all[row * kDim + c]) << "row " << row;
    }
}

TEST(ReferenceAttention, GroupedHeadsEqualRepeatedKeys) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    auto draw = [&](size_t count) {
        std::vector<float> values(count);
        for (float &value : values)
            value = normal(random);
        return values;
    };
    constexpr uint64_t kKeys = 5, kHeads = 6, kGroups = 2;
    std::vector<float> q = draw(kKeys * kHeads * kDim), k = draw(kGroups * kKeys * kDim),
                       v = draw(kGroups * kKeys * kDim);
    std::vector<float> k_repeated, v_repeated;
    for (uint64_t head = 0; head < kHeads; ++head) {
        auto from = static_cast<ptrdiff_t>(head / 3 * kKeys * kDim);
        k_repeated.insert(k_repeated.end(), k.begin() + from, k.begin() + from + kKeys * kDim);
        v_repeated.insert(v_repeated.end(), v.begin() + from, v.begin() + from + kKeys * kDim);
    }
    AttentionShape shape{.rows = kKeys,
                         .heads = kHeads,
                         .kv_heads = kGroups,
                         .head_dim = kDim,
                         .capacity = kKeys,
                         .scale = 0.5f};
    std::vector<float> grouped = attention(q, k, v, shape).out;
    shape.kv_heads = kHeads;
    EXPECT_EQ(grouped, attention(q, k_repeated, v_repeated, shape).out);
}

namespace {

std::vector<float> rotated(std::span<const float> x, uint64_t position, bool neox) {
    attention::Rope settings = attention::makeRope({.dims = kDim, .factors = {}});
    std::vector<float> rotation(x.size());
    attention::fillRotation(settings, position, x.size() / kDim, rotation);
    return rope(x, rotation, {.head_dim = kDim, .rope_dims = kDim, .neox = neox});
}

} // namespace

TEST(ReferenceRope, GoldenVectors) {
    std::vector<float> x = {1, 2, 3, 4};
    expectRow(rotated(x, 3, false), {-1.2722325, -1.8388650, 2.8786681, 4.0881866});
    expectRow(rotated(x, 3, true), {-1.4133525, 1.8791181, -2.8288575, 4.0581911});
    EXPECT_EQ(rotated(x, 0, false), x) << "position 0 is the identity";
}

TEST(ReferenceRope, GoldenOfRotatedAttention) {
    Fixture f;
    Attended norm = attention(rotated(f.q, 0, false), rotated(f.k, 0, false), f.v, f.shape);
    expectRow(lastRow(norm.out), {0.746076, 0.464956, -0.086168, 0.136054});
    EXPECT_NEAR(checksum(norm.out), 117.117270, 5e-5);
    Attended neox = attention(rotated(f.q, 0, true), rotated(f.k, 0, true), f.v, f.shape);
    expectRow(lastRow(neox.out), {0.752335, 0.342889, -0.145302, 0.333794});
    EXPECT_NEAR(checksum(neox.out), 103.727881, 5e-5);
}

TEST(ReferenceRope, TurnsAddUpAndKeepLengths) {
    std::vector<float> x = {1, 2, 3, 4};
    for (bool neox : {false, true}) {
        std::vector<float> twice = rotated(rotated(x, 5, neox), 6, neox);
        std::vector<float> once = rotated(x, 11, neox);
        double length = 0;
        for (uint64_t c = 0; c < kDim; ++c) {
            EXPECT_NEAR(twice[c], once[c], 2e-6f);
            length += static_cast<double>(once[c]) * static_cast<double>(once[c]);
        }
        EXPECT_NEAR(length, 30, 1e-5);
    }
}

TEST(ReferenceRope, DimensionsBeyondPassThrough) {
    std::vector<float> x = {1, 2, 3, 4, 5, 6};
    std::vector<float> quarter_turn = {0, 1};
    for (bool neox : {false, true}) // with two dimensions both layouts have the one pair (0, 1)
        EXPECT_EQ(rope(x, quarter_turn, {.head_dim = 6, .rope_dims = 2, .neox = neox}),
                  (std::vector<float>{-2, 1, 3, 4, 5, 6}));
}

TEST(ReferenceKernels, SmallCasesByHand) {
    EXPECT_EQ(rmsNorm(std::vector<float>{3, 4, 0, 0}, std::vector<float>{1, 2, 3, 4}, 0),
              (std::vector<float>{1.2f, 3.2f, 0, 0}));
    std::vector<float> x = {1, 2, 3, 4}, w = {1, 0, 0, 1, 1, 1}, bias = {10, 20, 30};
    std::vector<float> residual = {1, 1, 1, 2, 2, 2};
    EXPECT_EQ(matmul(x, w, 2), (std::vector<float>{1, 2, 3, 3, 4, 7}));
    EXPECT_EQ(matmul(x, w, 2, {.scale = 2, .bias = bias, .residual = residual}),
              (std::vector<float>{13, 25, 37, 18, 30, 46}));
    EXPECT_EQ(gated(std::vector<float>{0, 100, -100}, std::vector<float>{5, 2, 1})[1], 200.0f);
}

namespace {

/// 100 ids below 128 of a linear congruential generator.

} // namespace

class ReferenceForward : public ::testing::TestWithParam<testing::ReferenceModel> {};

TEST_P(ReferenceForward, LogitsOfATrustedEngine) {
    std::string stem = std::string(LONGSCOPE_TEST_DATA) + "/" + GetParam().name;
    model::Gguf file = model::Gguf::open(stem + ".gguf");
    model::Config config = model::readConfig(file);
    std::vector<int32_t> tokens = testing::referenceTokens();
    std::vector<float> wanted = testing::referenceLogits(stem + ".f32");
    ASSERT_EQ(wanted.size(), tokens.size() * config.vocab);

    std::vector<float> logits = forward(file, config, tokens);
    ASSERT_EQ(logits.size(), wanted.size());
    double error = testing::nmse(logits, wanted);
    EXPECT_LT(error, GetParam().tolerance);
    RecordProperty("nmse", std::to_string(error * 1e12) + "e-12");

    // Causality: another last token changes nothing before it.
    tokens.back() = (tokens.back() + 1) % 128;
    std::vector<float> other = forward(file, config, tokens);
    for (size_t i = 0; i < 99 * size_t{config.vocab}; ++i)
        ASSERT_EQ(other[i], logits[i]) << "element " << i;
}

INSTANTIATE_TEST_SUITE_P(Families, ReferenceForward, ::testing::ValuesIn(testing::kReferenceModels),
                         [](const auto &param) {
                             std::string name = param.param.name;
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

TEST(ReferenceForwardCache, HalvesRoundLittle) {
    std::string stem = std::string(LONGSCOPE_TEST_DATA) + "/llama-dense";
    model::Gguf file = model::Gguf::open(stem + ".gguf");
    std::vector<float> halves = forward(file, model::readConfig(file), testing::referenceTokens(),
                                        {.k = attention::CacheType::f16,
                                         .v = attention::CacheType::f16,
                                         .patterns = {},
                                         .rope = {}});
    double rounding = testing::nmse(halves, testing::referenceLogits(stem + ".f32"));
    EXPECT_GT(rounding, 1e-12); // the option does something (without it: below 1e-13),
    EXPECT_LT(rounding, 1e-5);  // and no more than keys and values of 11 bits can
}

} // namespace longscope::reference
