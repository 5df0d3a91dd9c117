// The scalar twins that serve every pattern, every scheme of positions and every type of cache,
// against values computed independently in double precision.
#include "compute/attention/rope.h"
#include "tests/support/golden_fixture.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <random>

namespace longscope::reference {
namespace {

using attention::CacheType;

Attended attendWhere(const std::function<bool(uint64_t i, uint64_t j)> &sees) {
    Fixture f;
    return attentionWhere(f.q, f.k, f.v, f.shape,
                          [&](uint64_t, uint64_t row, uint64_t key) { return sees(row, key); });
}

bool causal(uint64_t i, uint64_t j) {
    return j <= i;
}
uint64_t apart(uint64_t i, uint64_t j) {
    return i > j ? i - j : j - i;
}

} // namespace

TEST(ReferenceMask, GoldensOfPatterns) {
    expectGolden(attendWhere([](uint64_t, uint64_t) { return true; }).out,
                 {0.789569, 0.425015, -0.287926, -0.019240}, 56.439565);
    expectGolden(attendWhere(causal).out, {0.789569, 0.425015, -0.287926, -0.019240}, 66.205084);
    auto window = [](uint64_t i, uint64_t j) { return causal(i, j) && i - j < 3; };
    expectGolden(attendWhere(window).out, {0.944393, 0.099428, -0.807411, 0.158231}, 40.713582);
    auto dilated = [](uint64_t i, uint64_t j) {
        return causal(i, j) && (i - j) % 2 == 0 && i - j < 6;
    };
    expectGolden(attendWhere(dilated).out, {0.859735, 0.353448, -0.375946, -0.048753}, 64.350428);
    auto longformer = [](uint64_t i, uint64_t j) { return apart(i, j) <= 1 || i == 0 || j == 0; };
    expectGolden(attendWhere(longformer).out, {0.904256, -0.140366, -0.725100, 0.608407},
                 33.092665);
    auto fixed = [](uint64_t i, uint64_t j) {
        return causal(i, j) && (j / 4 == i / 4 || j % 4 == 3);
    };
    expectGolden(attendWhere(fixed).out, {0.867504, 0.389060, -0.469319, -0.139956}, 25.782296);
}

TEST(ReferenceMask, ShiftedGroupsOfHalfOfTheHeads) {
    Fixture f;
    std::vector<float> q; // both heads have the same queries
    for (uint64_t i = 0; i < kTokens; ++i)
        for (int head = 0; head < 2; ++head)
            q.insert(q.end(), f.q.begin() + static_cast<ptrdiff_t>(i * kDim),
                     f.q.begin() + static_cast<ptrdiff_t>((i + 1) * kDim));
    f.shape.heads = 2;
    Attended both = attentionWhere(q, f.k, f.v, f.shape, [](uint64_t head, uint64_t i, uint64_t j) {
        uint64_t shift = head == 0 ? 0 : 2;
        return causal(i, j) && (i + shift) / 4 == (j + shift) / 4;
    });
    std::vector<float> heads[2];
    for (uint64_t at = 0; at < both.out.size(); ++at)
        heads[at / kDim % 2].push_back(both.out[at]);
    expectGolden(heads[0], {0.904847, 0.286954, -0.647903, -0.120625}, -3.093128);
    expectGolden(heads[1], {0.977854, -0.162342, -0.800575, 0.654937}, 77.815049);
}

TEST(ReferenceMask, CausalMaskIsCausalAttention) {
    Fixture f;
    Attended plain = attention(f.q, f.k, f.v, f.shape), masked = attendWhere(causal);
    EXPECT_EQ(plain.out, masked.out);
    EXPECT_EQ(plain.m, masked.m);
    EXPECT_EQ(plain.l, masked.l);
}

TEST(ReferenceMask, HiddenKeysDoNotMatter) {
    Fixture f;
    auto sees = [](uint64_t, uint64_t row, uint64_t key) { return row != 3 && key != 5; };
    std::vector<float> before = attentionWhere(f.q, f.k, f.v, f.shape, sees).out;
    for (uint64_t c = 0; c < kDim; ++c) {
        f.k[5 * kDim + c] = f.v[5 * kDim + c] = std::numeric_limits<float>::quiet_NaN();
        EXPECT_EQ(before[3 * kDim + c], 0.0f) << "row 3 sees nothing";
    }
    Attended after = attentionWhere(f.q, f.k, f.v, f.shape, sees);
    EXPECT_EQ(before, after.out);
    EXPECT_EQ(after.l[3], 0);
}

// ---- schemes of positions ----------------------------------------------------------------------

namespace {

using Relative = std::function<double(uint64_t query, uint64_t key)>;

attention::Rope ropeOf(double base = 10000, double stretch = 1, double magnitude = 1) {
    attention::Rope rope{.inv_freq = {}, .magnitude = magnitude};
    for (uint64_t pair = 0; pair < kDim / 2; ++pair)
        rope.inv_freq.push_back(std::pow(base, -2.0 * static_cast<double>(pair) / kDim) / stretch);
    return rope;
}

double distance(uint64_t query, uint64_t key) {
    return static_cast<double>(query) - static_cast<double>(key);
}

std::vector<float> attendAt(
    const attention::Rope &rope, const Relative &relative,
    const Sees &sees = [](uint64_t, uint64_t row, uint64_t key) { return key <= row; }) {
    Fixture f;
    return attentionRelative(f.q, f.k, f.v, f.shape, sees, rope,
                             {.head_dim = kDim, .rope_dims = kDim}, relative)
        .out;
}

} // namespace

TEST(ReferencePositions, GoldensOfFrequencies) {
    expectGolden(attendAt(ropeOf(), distance), {0.746076, 0.464956, -0.086168, 0.136054},
                 117.117270);
    expectGolden(attendAt(ropeOf(10000, 2), distance), {0.714639, 0.376388, -0.191109, 0.150361},
                 95.863983); // position interpolation
    expectGolden(attendAt(ropeOf(10000, 2, 1.0693147), distance),
                 {0.724733, 0.366860, -0.218840, 0.148444}, 93.285240);
    expectGolden(attendAt(ropeOf(40000), distance), {0.745172, 0.465646, -0.083718, 0.137145},
                 117.364964); // NTK-aware, alpha 2
}

TEST(ReferencePositions, GoldensOfFarKeys) {
    auto self_extend = [](uint64_t i, uint64_t j) { // groups of 2, 4 near keys
        return i - j < 4 ? distance(i, j) : distance(i / 2, j / 2) + 4 - 2;
    };
    expectGolden(attendAt(ropeOf(), self_extend), {0.704180, 0.471555, -0.016727, 0.183468},
                 119.611732);
    auto rerope = [](uint64_t i, uint64_t j) { return std::min(distance(i, j), 4.0); };
    expectGolden(attendAt(ropeOf(), rerope), {0.673673, 0.464760, 0.014220, 0.207225}, 122.701944);
    auto leaky = [](uint64_t i, uint64_t j) {
        return i - j < 4 ? distance(i, j) : 4 + (distance(i, j) - 4) / 2;
    };
    expectGolden(attendAt(ropeOf(), leaky), {0.713567, 0.474246, -0.023870, 0.181489}, 120.777286);
}

TEST(ReferencePositions, GoldenOfSinksAtPositionsOfTheCache) {
    // 1 sink and the last 3: row 7 reads the keys 0, 5, 6, 7 at the positions 0 to 3.
    auto relative = [](uint64_t i, uint64_t j) {
        return j == 0 ? static_cast<double>(std::min<uint64_t>(i, 3)) : distance(i, j);
    };
    std::vector<float> out = attendAt(ropeOf(), relative, [](uint64_t, uint64_t i, uint64_t j) {
        return j <= i && (j == 0 || i - j < 3);
    });
    expectRow(lastRow(out), {0.821839, 0.027953, -0.660791, 0.282146});
}

TEST(ReferencePositions, DistancesAreRotationsOfBoth) {
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    auto draw = [&](size_t count) {
        std::vector<float> values(count);
        std::ranges::generate(values, [&] { return normal(random); });
        return values;
    };
    constexpr uint64_t kDims = 10;
    AttentionShape shape{.rows = 3,
                         .position = 4,
                         .heads = 4,
                         .kv_heads = 2,
                         .head_dim = kDims,
                         .capacity = 9,
                         .scale = 0.3f};
    std::vector<float> q = draw(shape.rows * shape.heads * kDims);
    std::vector<float> k = draw(shape.kv_heads * shape.capacity * kDims), v = draw(k.size());
    attention::Rope rope{.inv_freq = {1, 0.2, 0.03}, .magnitude = 1.1}; // 4 dims are not rotated
    for (bool neox : {false, true}) {
        RopeShape turned{.heads = shape.heads, .head_dim = kDims, .rope_dims = 6, .neox = neox};
        std::vector<float> rotation(shape.capacity * 6);
        attention::fillRotation(rope, shape.position, shape.rows, rotation);
        std::vector<float> q_turned = longscope::reference::rope(q, rotation, turned), k_turned;
        attention::fillRotation(rope, 0, shape.capacity, rotation);
        turned.heads = 1;
        for (uint64_t head = 0; head < shape.kv_heads; ++head) {
            uint64_t floats = shape.capacity * kDims;
            std::vector<float> own = longscope::reference::rope(
                std::span(k).subspan(head * floats, floats), rotation, turned);
            k_turned.insert(k_turned.end(), own.begin(), own.end());
        }
        Attended wanted = attention(q_turned, k_turned, v, shape);
        Attended got = attentionRelative(
            q, k, v, shape,
            [&](uint64_t, uint64_t row, uint64_t key) { return key <= shape.position + row; }, rope,
            turned, distance);
        for (size_t i = 0; i < wanted.out.size(); ++i)
            EXPECT_NEAR(got.out[i], wanted.out[i], 2e-6f) << "neox " << neox << " element " << i;
    }
}

// ---- types of the cache ------------------------------------------------------------------------

TEST(ReferenceCache, SmallCasesByHand) {
    std::vector<float> x = {1.0f, 65504.0f, 1.0f + 0x1p-12f, 1.0f + 0x1p-8f, 1.0f + 0x3p-8f};
    EXPECT_EQ(throughCache(x, CacheType::f32, 5), x);
    EXPECT_EQ(throughCache(x, CacheType::f16, 5),
              (std::vector<float>{1, 65504, 1, 1.0f + 0x1p-8f, 1.0f + 0x3p-8f}));
    EXPECT_EQ(throughCache(x, CacheType::bf16, 5),
              (std::vector<float>{1, 65536, 1, 1, 1.0f + 0x1p-6f})); // ties to even
    EXPECT_TRUE(std::isnan(throughCache(std::vector<float>{std::nanf("")}, CacheType::bf16, 1)[0]));
    // Scale 1; halves are rounded away from zero.
    EXPECT_EQ(throughCache(std::vector<float>{127, 0.5f, -0.5f, 2.5f, 0.49f}, CacheType::q8_0, 5),
              (std::vector<float>{127, 1, -1, 3, 0}));
    // Scale 1, then -1: -8 to 7 of it, halves upwards.
    EXPECT_EQ(throughCache(std::vector<float>{-8, 0.5f, -0.5f, 7.5f, 8}, CacheType::q4_0, 5),
              (std::vector<float>{-8, 1, 0, 7, 7}));
    EXPECT_EQ(throughCache(std::vector<float>{8, 0.5f, -0.5f, -7.5f, -8}, CacheType::q4_0, 5),
              (std::vector<float>{8, 0, -1, -7, -7}));
    for (CacheType type : {CacheType::q8_0, CacheType::q4_0})
        EXPECT_EQ(throughCache(std::vector<float>(3), type, 3), std::vector<float>(3));
}

TEST(ReferenceCache, BlocksOfARowHaveScalesOfTheirOwn) {
    std::vector<float> x(2 * 40, 0.5f); // blocks of 32 and of 8
    x[32] = 127;                        // scale 1 in the second block of the first row only
    std::vector<float> y = throughCache(x, CacheType::q8_0, 40);
    EXPECT_EQ(y[33], 1.0f);
    for (size_t i : {0, 31, 40, 72})
        EXPECT_NEAR(y[i], 0.5f, 3e-4f) << "element " << i; // the scale is an f16
}

namespace {

/// Relative L2 error of the output of 16 queries over 256 keys of 64 dimensions, all normal; the
/// first channel of q and k is `outlier` times as large and its scores count as before.
double errorThrough(CacheType k_type, CacheType v_type, float outlier = 1) {
    constexpr uint64_t kRows = 16, kKeys = 256, kDims = 64;
    std::mt19937 random(6);
    std::normal_distribution<float> normal;
    auto draw = [&](size_t count, float first) {
        std::vector<float> values(count);
        for (size_t i = 0; i < count; ++i)
            values[i] = normal(random) * (i % kDims == 0 ? first : 1);
        return values;
    };
    std::vector<float> q = draw(kRows * kDims, 1 / outlier), k = draw(kKeys * kDims, outlier),
                       v = draw(kKeys * kDims, 1);
    AttentionShape shape{
        .rows = kRows, .head_dim = kDims, .capacity = kKeys, .scale = 1 / std::sqrt(64.0f)};
    auto all = [](uint64_t, uint64_t, uint64_t) { return true; };
    std::vector<float> exact = attentionWhere(q, k, v, shape, all).out;
    std::vector<float> kept = attentionWhere(q, throughCache(k, k_type, kDims),
                                             throughCache(v, v_type, kDims), shape, all)
                                  .out;
    double error = 0, power = 0;
    for (size_t i = 0; i < exact.size(); ++i) {
        error += std::pow(static_cast<double>(kept[i]) - static_cast<double>(exact[i]), 2);
        power += std::pow(static_cast<double>(exact[i]), 2);
    }
    return std::sqrt(error / power);
}

} // namespace

TEST(ReferenceCache, ErrorsOfQuantisation) {
    // Measured elsewhere: 0.8 %, 8.2 %, 7.6 % and 11.3 %.
    double both_q8 = errorThrough(CacheType::q8_0, CacheType::q8_0);
    double q4_values = errorThrough(CacheType::q8_0, CacheType::q4_0);
    double q4_keys = errorThrough(CacheType::q4_0, CacheType::q8_0);
    double both_q4 = errorThrough(CacheType::q4_0, CacheType::q4_0);
    EXPECT_LT(both_q8, 0.02);
    EXPECT_GT(both_q8, 0.003);
    EXPECT_LT(both_q4, 0.15);
    EXPECT_GT(both_q4, 0.06);
    EXPECT_LT(q4_values, both_q4);
    EXPECT_LT(q4_keys, both_q4);
    EXPECT_GT(std::min(q4_values, q4_keys), both_q8);
    EXPECT_LT(errorThrough(CacheType::f16, CacheType::f16), 1e-3);
    EXPECT_LT(errorThrough(CacheType::bf16, CacheType::bf16), 8e-3);
    EXPECT_EQ(errorThrough(CacheType::f32, CacheType::f32), 0);
}

TEST(ReferenceCache, ALoudChannelSpoilsKeysOfFourBits) {
    double quiet = errorThrough(CacheType::q4_0, CacheType::q8_0);
    double loud = errorThrough(CacheType::q4_0, CacheType::q8_0, 20);
    EXPECT_GT(loud, 2 * quiet);
    EXPECT_LT(errorThrough(CacheType::q8_0, CacheType::q4_0, 20), loud);
}

} // namespace longscope::reference
