// Inverse frequencies and magnitudes of every scaling that files carry, against values computed
// independently in double precision, and against attention over the golden fixture.
#include "compute/attention/rope.h"
#include "compute/core/error.h"
#include "tests/support/rope_fixture.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace longscope::attention {
namespace {

TEST(Rope, PlainFrequencies) {
    Rope ten = makeRope(settingsOf(128, 1e4));
    ASSERT_EQ(ten.inv_freq.size(), 64u);
    expectClose(ten.inv_freq[0], 1);
    expectClose(ten.inv_freq[1], 0.865964323);
    expectClose(ten.inv_freq[32], 0.01);
    expectClose(ten.inv_freq[63], 1.15478198e-4);
    expectClose(ten.magnitude, 1);
    Rope large = makeRope(settingsOf(128, 5e5));
    expectClose(large.inv_freq[1], 0.814617234);
    expectClose(large.inv_freq[32], 1.41421356e-3);
    expectClose(large.inv_freq[63], 2.45514079e-6);
}

TEST(Rope, LinearDividesEveryFrequency) {
    Rope rope = makeRope(settingsOf(128, 1e4, "linear", 4));
    expectClose(rope.inv_freq[0], 0.25);
    expectClose(rope.inv_freq[32], 0.0025);
    expectClose(rope.inv_freq[63], 2.88695496e-5);
    expectClose(rope.magnitude, 1);
}

TEST(Rope, TypeNoneAndFactorZeroMeanNoScaling) {
    expectClose(makeRope(settingsOf(128, 1e4, "none", 4)).inv_freq[32], 0.01);
    expectClose(makeRope(settingsOf(128, 1e4, "linear", 0)).inv_freq[32], 0.01);
}

TEST(Rope, YarnRampIsLinearInTheIndex) {
    RopeSettings settings = settingsOf(128, 1e4, "yarn", 4);
    settings.original_context = 4096;
    Rope rope = makeRope(settings);
    expectClose(rope.inv_freq[20], 0.0562341325);
    expectClose(rope.inv_freq[30], 9.48851788e-3);
    expectClose(rope.inv_freq[32], 6.53846154e-3); // the paper's ramp would give 3.835e-3
    expectClose(rope.inv_freq[45], 4.29402589e-4);
    expectClose(rope.inv_freq[63], 2.88695496e-5);
    settings = settingsOf(128, 1e6, "yarn", 4);
    settings.original_context = 32768;
    rope = makeRope(settings);
    expectClose(rope.inv_freq[24], 5.37532149e-3);
    expectClose(rope.inv_freq[32], 6.02941176e-4);
    expectClose(rope.inv_freq[63], 3.10234440e-7);
}

TEST(Rope, YarnMagnitudeIsAppliedOnce) {
    const std::pair<double, double> wanted[] = {
        {1, 1},           {2, 1.069314718},  {4, 1.138629436},
        {8, 1.207944154}, {16, 1.277258872}, {32, 1.346573590}};
    for (auto [factor, magnitude] : wanted) {
        RopeSettings settings = settingsOf(128, 1e4, "yarn", factor);
        settings.original_context = 4096;
        expectClose(makeRope(settings).magnitude, magnitude);
        settings.attn_factor = 0.5;
        expectClose(makeRope(settings).magnitude, magnitude / 2);
    }
}

TEST(Rope, YarnLogMultiplier) {
    RopeSettings settings = settingsOf(128, 1e4, "yarn", 4); // ln 4 = 1.386294361
    settings.original_context = 4096;
    settings.yarn_log = 0.5; // mistral3: 1.1386294361 / 1.0693147181
    expectClose(makeRope(settings).magnitude, 1.0648216254);
    settings.attn_factor = 0.5;
    expectClose(makeRope(settings).magnitude, 0.5324108127);
    settings.yarn_log_cancels = true; // deepseek2: the same above and below the line
    expectClose(makeRope(settings).magnitude, 0.5);
    settings.factor = 1; // nothing is stretched
    settings.yarn_log_cancels = false;
    expectClose(makeRope(settings).magnitude, 0.5);
    settings.factor = 4;
    settings.scaling = "linear"; // and without yarn there is no such thing
    expectClose(makeRope(settings).magnitude, 0.5);
}

TEST(Rope, AttnFactorAloneIsTheMagnitude) {
    RopeSettings settings = settingsOf(8, 1e4, "longrope");
    settings.attn_factor = 1.1902380714;
    settings.factors = {1, 1.5f, 3, 8};
    Rope rope = makeRope(settings);
    const double wanted[] = {1, 0.0666666667, 0.00333333333, 0.000125};
    for (int pair = 0; pair < 4; ++pair)
        expectClose(rope.inv_freq[static_cast<size_t>(pair)], wanted[pair]);
    expectClose(rope.magnitude, 1.1902380714);
}

TEST(Rope, Llama3FactorsDivide) {
    RopeSettings settings = settingsOf(128, 5e5);
    settings.factors = llama3Factors(128, 5e5, 8);
    Rope rope = makeRope(settings);
    const std::pair<size_t, double> eight[] = {{28, 3.21144599e-3}, {29, 2.16657076e-3},
                                               {32, 5.24846161e-4}, {34, 1.78507813e-4},
                                               {35, 9.55621235e-5}, {63, 3.06892599e-7}};
    for (auto [pair, wanted] : eight) // the factors are 32-bit: 6e-8 relative
        EXPECT_NEAR(rope.inv_freq[pair], wanted, wanted * 1e-7) << pair;
    settings = settingsOf(64, 5e5);
    settings.factors = llama3Factors(64, 5e5, 32);
    rope = makeRope(settings);
    const std::pair<size_t, double> one[] = {
        {14, 3.21144599e-3}, {16, 4.29556797e-4}, {17, 9.70828780e-5}, {31, 9.41830673e-8}};
    for (auto [pair, wanted] : one)
        EXPECT_NEAR(rope.inv_freq[pair], wanted, wanted * 1e-7) << pair;
}

TEST(Rope, RefusesWhatItCannotDo) {
    auto kindOf = [](const RopeSettings &settings) {
        try {
            makeRope(settings);
        } catch (const Error &error) {
            return error.kind();
        }
        return ErrorKind::stopped;
    };
    RopeSettings wrong_factors = settingsOf(8, 1e4);
    wrong_factors.factors = {1, 2, 3};
    EXPECT_EQ(kindOf(wrong_factors), ErrorKind::model);
    EXPECT_EQ(kindOf(settingsOf(7, 1e4)), ErrorKind::model);
    EXPECT_EQ(kindOf(settingsOf(8, 1)), ErrorKind::model);
    EXPECT_EQ(kindOf(settingsOf(8, 1e4, "ntk")), ErrorKind::model);
    EXPECT_EQ(kindOf(settingsOf(8, 1e4, "yarn", 4)), ErrorKind::model);
}

TEST(Rope, RotatesTheVectorOfTheReference) {
    std::array<float, 4> rotation{};
    fillRotation(makeRope(settingsOf(4, 1e4)), 3, 1, rotation);
    const Row x = {1, 2, 3, 4};
    const Row norm = {-1.2722325, -1.8388650, 2.8786681, 4.0881866};
    const Row neox = {-1.4133525, 1.8791181, -2.8288575, 4.0581911};
    Row a = rotate(x, rotation.data(), false), b = rotate(x, rotation.data(), true);
    for (size_t c = 0; c < 4; ++c) {
        EXPECT_NEAR(a[c], norm[c], 1e-6);
        EXPECT_NEAR(b[c], neox[c], 1e-6);
    }
}

TEST(Rope, PositionZeroIsIdentityAndRotationsAdd) {
    Rope rope = makeRope(settingsOf(4, 1e4));
    std::vector<float> table(8 * 4);
    fillRotation(rope, 0, 8, table);
    const Row x = {1, 2, 3, 4};
    EXPECT_EQ(rotate(x, table.data(), false), x);
    Row twice = rotate(rotate(x, table.data() + 2 * 4, false), table.data() + 5 * 4, false);
    Row once = rotate(x, table.data() + 7 * 4, false);
    for (size_t c = 0; c < 4; ++c)
        EXPECT_NEAR(twice[c], once[c], 1e-6);
    std::array<float, 4> later{};
    fillRotation(rope, 6, 1, later);
    EXPECT_TRUE(std::equal(later.begin(), later.end(), table.begin() + 6 * 4));
}

TEST(Rope, LargePositionsKeepTheirAngle) {
    // 1e6 radians: in 32-bit floats the angle alone would be off by 0.03.
    std::array<float, 4> rotation{};
    fillRotation(makeRope(settingsOf(4, 1e4)), 1'000'000, 1, rotation);
    EXPECT_NEAR(rotation[0], std::cos(1e6), 1e-7);
    EXPECT_NEAR(rotation[1], std::sin(1e6), 1e-7);
}

/// Causal attention over the fixture with rotated q and k; last row and sum (i+1)(c+1) O[i][c].
Golden attend(const Rope &rope, bool half_split) {
    std::vector<float> table(8 * 4);
    fillRotation(rope, 0, 8, table);
    std::array<Row, 8> q, k, v;
    for (size_t i = 0; i < 8; ++i) {
        for (size_t c = 0; c < 4; ++c) {
            auto x = static_cast<double>(i), y = static_cast<double>(c);
            q[i][c] = std::sin(0.7 * x + 1.3 * y);
            k[i][c] = std::cos(0.5 * x - 0.9 * y);
            v[i][c] = std::sin(0.3 * x * y + 0.2 * x + 0.1);
        }
        q[i] = rotate(q[i], &table[i * 4], half_split);
        k[i] = rotate(k[i], &table[i * 4], half_split);
    }
    Golden golden{{}, 0};
    for (size_t i = 0; i < 8; ++i) {
        Row out{};
        double sum = 0;
        for (size_t j = 0; j <= i; ++j) {
            double score = 0;
            for (size_t c = 0; c < 4; ++c)
                score += q[i][c] * k[j][c];
            double weight = std::exp(score / 2); // scores of the fixture stay below 3
            sum += weight;
            for (size_t c = 0; c < 4; ++c)
                out[c] += weight * v[j][c];
        }
        for (size_t c = 0; c < 4; ++c) {
            out[c] /= sum;
            golden.checksum += static_cast<double>((i + 1) * (c + 1)) * out[c];
        }
        golden.last = out;
    }
    return golden;
}

void expectGolden(const RopeSettings &settings, const Row &last, double checksum,
                  bool half_split = false) {
    Golden golden = attend(makeRope(settings), half_split);
    for (size_t c = 0; c < 4; ++c)
        EXPECT_NEAR(golden.last[c], last[c], 2e-6) << "column " << c;
    EXPECT_NEAR(golden.checksum, checksum, 1e-4); // rotations are 32-bit, weights up to 32
}

TEST(Rope, GoldenAttention) {
    expectGolden(settingsOf(4, 1e4), {0.746076, 0.464956, -0.086168, 0.136054}, 117.117270);
    expectGolden(settingsOf(4, 1e4), {0.752335, 0.342889, -0.145302, 0.333794}, 103.727881, true);
    expectGolden(settingsOf(4, 1e4, "linear", 2), {0.714639, 0.376388, -0.191109, 0.150361},
                 95.863983);
    RopeSettings with_magnitude = settingsOf(4, 1e4, "linear", 2);
    with_magnitude.attn_factor = 1.0693147;
    expectGolden(with_magnitude, {0.724733, 0.366860, -0.218840, 0.148444}, 93.285240);
    // NTK with alpha 2 is a larger base: 10000 * 2^(4/2)
    expectGolden(settingsOf(4, 40000), {0.745172, 0.465646, -0.083718, 0.137145}, 117.364964);
}

} // namespace
} // namespace longscope::attention
