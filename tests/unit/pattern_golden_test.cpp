// Patterns against worked numbers (methods.md, sections 0.2, 2 and 8.4): pairs, rows of the mask
// and the attention of one small fixture.
#include "compute/attention/pattern.h"
#include "compute/reference/kernels.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>

namespace longscope::attention {
namespace {

constexpr uint64_t kTokens = 8, kDims = 4;
constexpr double kTolerance = 2e-6; // of worked numbers with six decimals, in f32
using Rule = std::function<bool(uint64_t query, uint64_t key)>;

struct Fixture {
    std::vector<float> q, k, v;
    Fixture() {
        for (uint64_t i = 0; i < kTokens; i++)
            for (uint64_t c = 0; c < kDims; c++) {
                double row = static_cast<double>(i), column = static_cast<double>(c);
                q.push_back(static_cast<float>(std::sin(0.7 * row + 1.3 * column)));
                k.push_back(static_cast<float>(std::cos(0.5 * row - 0.9 * column)));
                v.push_back(static_cast<float>(std::sin(0.3 * row * column + 0.2 * row + 0.1)));
            }
    }
};

std::vector<float> attend(const Fixture &in, const Rule &rule) {
    reference::AttentionShape shape;
    shape.rows = shape.capacity = kTokens;
    shape.head_dim = kDims;
    shape.scale = 0.5f;
    return reference::attentionWhere(
               in.q, in.k, in.v, shape,
               [&](uint64_t, uint64_t row, uint64_t key) { return rule(row, key); })
        .out;
}

uint64_t countPairs(const Rule &rule, uint64_t n = kTokens) {
    uint64_t pairs = 0;
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = 0; j < n; j++)
            pairs += rule(i, j);
    return pairs;
}

struct Golden {
    uint64_t pairs;
    std::array<double, kDims> last;
    double weighted_sum;
};

void expectGolden(const Rule &rule, const Golden &golden, const std::string &what) {
    EXPECT_EQ(countPairs(rule), golden.pairs) << what;
    const std::vector<float> out = attend(Fixture(), rule);
    double sum = 0;
    for (uint64_t i = 0; i < kTokens; i++)
        for (uint64_t c = 0; c < kDims; c++)
            sum += static_cast<double>((i + 1) * (c + 1)) * out[i * kDims + c];
    EXPECT_NEAR(sum, golden.weighted_sum, 1e-4) << what; // weights up to 32
    for (uint64_t c = 0; c < kDims; c++)
        EXPECT_NEAR(out[(kTokens - 1) * kDims + c], golden.last[c], kTolerance) << what << " " << c;
}

Rule ruleOf(const std::string &spec, uint32_t kind = 0) {
    return [pattern = Pattern(spec), kind](uint64_t i, uint64_t j) {
        return pattern.sees(kind, i, j);
    };
}

/// "11." from the rule, as far as the first `columns` keys.
std::string maskRow(const Rule &rule, uint64_t query, uint64_t columns = kTokens) {
    std::string row;
    for (uint64_t j = 0; j < columns; j++)
        row += rule(query, j) ? '1' : '.';
    return row;
}

TEST(PatternGolden, Full) {
    expectGolden([](uint64_t, uint64_t) { return true; },
                 {64, {0.789569, 0.425015, -0.287926, -0.019240}, 56.439565}, "both ways");
    expectGolden(ruleOf("full"), {36, {0.789569, 0.425015, -0.287926, -0.019240}, 66.205084},
                 "full");
}

TEST(PatternGolden, Window) {
    expectGolden(ruleOf("window:3"), {21, {0.944393, 0.099428, -0.807411, 0.158231}, 40.713582},
                 "window:3");
}

TEST(PatternGolden, Dilated) {
    const char *rows[] = {"1.......", ".1......", "1.1.....", ".1.1....",
                          "1.1.1...", ".1.1.1..", "..1.1.1.", "...1.1.1"};
    for (uint64_t i = 0; i < kTokens; i++)
        EXPECT_EQ(maskRow(ruleOf("dilated:3x2"), i), rows[i]) << i;
    expectGolden(ruleOf("dilated:3x2"), {18, {0.859735, 0.353448, -0.375946, -0.048753}, 64.350428},
                 "dilated:3x2");
}

TEST(PatternGolden, Longformer) {
    Rule both_ways = [](uint64_t i, uint64_t j) {
        return (i > j ? i - j : j - i) <= 1 || i == 0 || j == 0;
    };
    expectGolden(both_ways, {34, {0.904256, -0.140366, -0.725100, 0.608407}, 33.092665},
                 "both ways");
    const Golden causal{26, {0.899485, 0.099449, -0.759170, 0.155126}, 30.663362};
    expectGolden(ruleOf("longformer:3+1"), causal, "longformer:3+1");
    expectGolden(ruleOf("sinks:1+3"), causal, "sinks:1+3");
    expectGolden(ruleOf("a-shape:1+3"), causal, "a-shape:1+3");
}

TEST(PatternGolden, BigBirdBothWays) {
    // Blocks of 2: neighbours, first and last; no random ones.
    auto rule = [](uint64_t n) {
        return [blocks = n / 2](uint64_t i, uint64_t j) {
            uint64_t a = i / 2, b = j / 2, last = blocks - 1;
            return a == 0 || a == last || b == 0 || b == last || (a > b ? a - b : b - a) <= 1;
        };
    };
    EXPECT_EQ(countPairs(rule(16), 16), 176u);
    EXPECT_EQ(countPairs(rule(8), 8), 64u);
}

TEST(PatternGolden, BigBird) {
    EXPECT_EQ(maskRow(ruleOf("bigbird:2,2,1,0"), 6), "11..111.");
    EXPECT_EQ(maskRow(ruleOf("bigbird:2,2,1,0"), 7), "11..1111");
    expectGolden(ruleOf("bigbird:2,2,1,0"),
                 {32, {0.840017, 0.295233, -0.539506, -0.053547}, 50.072715}, "bigbird:2,2,1,0");
}

TEST(PatternGolden, Strided) {
    EXPECT_EQ(maskRow(ruleOf("strided:3"), 7), ".1..1111");
    expectGolden(ruleOf("strided:3"), {28, {0.869564, 0.303033, -0.565027, -0.059669}, 50.547612},
                 "strided:3");
    // The second set alone: what pass 1 reads, and the query itself.
    Pattern code("strided:3,code");
    Rule second = [&](uint64_t i, uint64_t j) {
        std::vector<Interval> keys;
        code.appendKeys(1, 0, i, keys);
        if (i == j)
            return true;
        for (const Interval &units : keys)
            for (uint64_t u = units.first; u < units.end; u++)
                if (i % 3 + 3 * u == j)
                    return true;
        return false;
    };
    expectGolden(second, {15, {0.806824, 0.319310, -0.195216, 0.024058}, 70.601019}, "second set");
}

TEST(PatternGolden, Fixed) {
    const char *rows[] = {"...11...", "...111..", "...1111.", "...11111"};
    for (uint64_t i = 4; i < kTokens; i++)
        EXPECT_EQ(maskRow(ruleOf("fixed:4,1"), i), rows[i - 4]) << i;
    expectGolden(ruleOf("fixed:4,1"), {24, {0.867504, 0.389060, -0.469319, -0.139956}, 25.782296},
                 "fixed:4,1");
}

TEST(PatternGolden, Chunked) {
    const Golden golden{20, {0.904847, 0.286954, -0.647903, -0.120625}, -3.093128};
    expectGolden(ruleOf("chunked:4"), golden, "chunked:4");
    expectGolden(ruleOf("shifted:4", 0), golden, "first half of the heads");
}

TEST(PatternGolden, Shifted) {
    const char *rows[] = {"1.......", "11......", "..1.....", "..11....",
                          "..111...", "..1111..", "......1.", "......11"};
    for (uint64_t i = 0; i < kTokens; i++)
        EXPECT_EQ(maskRow(ruleOf("shifted:4", 1), i), rows[i]) << i;
    expectGolden(ruleOf("shifted:4", 1),
                 {16, {0.977854, -0.162342, -0.800575, 0.654937}, 77.815049}, "second half");
    Pattern pattern("shifted:4");
    for (uint32_t heads : {2u, 8u, 9u})
        for (uint32_t head = 0; head < heads; head++)
            EXPECT_EQ(pattern.headKind(head, heads), head >= heads / 2 ? 1u : 0u);
}

TEST(PatternGolden, AShape) {
    expectGolden(ruleOf("a-shape:2+2"), {26, {0.838261, -0.063934, -0.561567, 0.643493}, 52.994011},
                 "a-shape:2+2");
}

TEST(PatternGolden, VerticalSlash) {
    // The lines {0, 3} and {0, 1, 4} given, not chosen.
    Rule rule = [](uint64_t i, uint64_t j) {
        return j <= i && (j == 0 || j == 3 || i - j == 0 || i - j == 1 || i - j == 4);
    };
    EXPECT_EQ(maskRow(rule, 7), "1..1..11");
    expectGolden(rule, {26, {0.839608, 0.143033, -0.396049, 0.393622}, 49.886295}, "lines");
}

/// x rotated to `position`: pairs (0,1) and (2,3), angles position and position / 100.
std::array<double, kDims> rotated(const float *x, double position) {
    std::array<double, kDims> y{};
    for (size_t pair = 0; pair < kDims / 2; pair++) {
        double angle = position * std::pow(1e4, -static_cast<double>(pair) / 2);
        double a = x[2 * pair], b = x[2 * pair + 1];
        y[2 * pair] = a * std::cos(angle) - b * std::sin(angle);
        y[2 * pair + 1] = a * std::sin(angle) + b * std::cos(angle);
    }
    return y;
}

TEST(PatternGolden, SinksAtPositionsOfTheCache) {
    // Keys 0, 5, 6, 7 at the positions 0..3, the query at 3. Only towards sinks does that differ
    // from the true positions: there the query stands at sinks + window - 1.
    Fixture in;
    Pattern pattern("sinks:1+3");
    ASSERT_TRUE(pattern.relabelsSinks());
    const double expected[] = {0.821839, 0.027953, -0.660791, 0.282146};
    const float *query = &in.q[7 * kDims];
    double sum = 0, out[kDims] = {};
    for (uint64_t j = 0; j < kTokens; j++) {
        if (!pattern.sees(0, 7, j))
            continue;
        std::array q = rotated(query, j < 1 ? static_cast<double>(pattern.sinkQuery(7)) : 7);
        std::array k = rotated(&in.k[j * kDims], static_cast<double>(j));
        double score = 0;
        for (size_t c = 0; c < kDims; c++)
            score += 0.5 * q[c] * k[c];
        sum += std::exp(score);
        for (size_t c = 0; c < kDims; c++)
            out[c] += std::exp(score) * in.v[j * kDims + c];
    }
    for (size_t c = 0; c < kDims; c++)
        EXPECT_NEAR(out[c] / sum, expected[c], kTolerance) << c;
}

TEST(PatternGolden, LocalAndGlobalLayers) {
    // Layer 0 sees 3 keys, layer 1 all: token 0 reaches the last token through layer 1 only.
    const std::string spec = "window:3@0";
    LayerPatterns layers(std::span(&spec, 1));
    auto outputs = [&](float first_value) {
        Fixture in;
        in.v[0] = first_value;
        std::vector<std::vector<float>> rows;
        for (uint32_t layer : {0u, 1u}) {
            in.v =
                attend(in, [&](uint64_t i, uint64_t j) { return layers.of(layer).sees(0, i, j); });
            rows.emplace_back(in.v.end() - kDims, in.v.end());
        }
        return rows;
    };
    auto before = outputs(0), after = outputs(1);
    EXPECT_EQ(before[0], after[0]);
    EXPECT_NE(before[1], after[1]);
}

TEST(PatternGolden, PairsOfLongTexts) {
    struct Case {
        const char *spec;
        double at_1024, at_4096;
    };
    for (const Case &c : {Case{"full", 524800, 8390656}, Case{"window:256", 229504, 1015936},
                          Case{"chunked:256", 131584, 526336}, Case{"sinks:4+256", 232570, 1031290},
                          Case{"strided:64", 71200, 389152}, Case{"fixed:64,8", 94720, 1165312}}) {
        EXPECT_EQ(Pattern(c.spec).headPairs(1024, 1), c.at_1024) << c.spec;
        EXPECT_EQ(Pattern(c.spec).headPairs(4096, 1), c.at_4096) << c.spec;
    }
}

TEST(PatternGolden, FlopsOfLlama8b) {
    // 32 layers, 32 heads of 128: 4 FLOPs a pair and element.
    constexpr double kFlops = 4.0 * 32 * 32 * 128;
    struct Case {
        uint64_t tokens;
        double full, window, sinks, decode_giga;
    };
    for (const Case &c :
         {Case{4096, 4.4, 4.4, 3.3, 2.15}, Case{8192, 17.6, 13.2, 7.7, 4.29},
          Case{32768, 281.5, 66.0, 34.1, 17.18}, Case{131072, 4503.6, 277.1, 139.6, 68.72}}) {
        EXPECT_NEAR(kFlops * Pattern("full").headPairs(c.tokens, 1) / 1e12, c.full, 0.051);
        EXPECT_NEAR(kFlops * Pattern("window:4096").headPairs(c.tokens, 1) / 1e12, c.window, 0.051);
        EXPECT_NEAR(kFlops * Pattern("sinks:4+2044").headPairs(c.tokens, 1) / 1e12, c.sinks, 0.051);
        EXPECT_NEAR(kFlops * Pattern("full").headKeys(c.tokens - 1, 1) / 1e9, c.decode_giga,
                    0.0051);
    }
}

} // namespace
} // namespace longscope::attention
