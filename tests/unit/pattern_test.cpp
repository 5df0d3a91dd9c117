// Patterns as rules: what is said three times (predicate, intervals, closed form) must agree, and
// the identities that hold for every pattern (methods.md, section 0.3) must hold.
#include "compute/attention/pattern.h"
#include "compute/core/error.h"
#include "compute/reference/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <format>
#include <numeric>
#include <random>
#include <set>

namespace longscope::attention {
namespace {

std::shared_ptr<const BlockMask> randomMask(std::mt19937 &random) {
    BlockMask mask;
    mask.block_tokens = 1 + static_cast<uint32_t>(random() % 5);
    for (size_t rows = 1 + random() % 5, i = 0; i < rows; i++) {
        std::vector<bool> row(i + 1 + random() % 4);
        for (size_t j = 0; j < row.size(); j++)
            row[j] = random() % 2;
        mask.rows.push_back(row);
    }
    return std::make_shared<const BlockMask>(mask);
}

/// Every kind of pattern, with small random numbers.
std::vector<Pattern> randomPatterns(std::mt19937 &random) {
    auto up = [&](unsigned least, unsigned most) { return least + random() % (most - least + 1); };
    std::vector<Pattern> patterns;
    for (const std::string &spec :
         {std::string("full"), std::format("window:{}", up(1, 20)),
          std::format("dilated:{}x{}", up(1, 9), up(1, 7)),
          std::format("longformer:{}+{}", up(1, 12), up(0, 9)),
          std::format("bigbird:{},{},{},{},{}", up(1, 6), up(1, 3), up(0, 3), up(0, 4), up(0, 99)),
          std::format("strided:{}", up(1, 11)), std::format("strided:{},code", up(1, 11)),
          std::format("fixed:{},{}", up(4, 11), up(1, 4)), std::format("chunked:{}", up(1, 12)),
          std::format("shifted:{}", up(1, 13)), std::format("sinks:{}+{}", up(0, 6), up(1, 12)),
          std::format("rolling:{}+{}", up(0, 6), up(1, 12)),
          std::format("a-shape:{}+{}", up(0, 6), up(1, 12)), std::string("vertical-slash:3,4"),
          std::format("mixed:window:{}#0|a-shape:2+{}#3-4|chunked:{}", up(1, 9), up(1, 9),
                      up(1, 9)),
          std::string("xattention:0.9"), std::string("flexprefill:0.9"), std::string("topk:3")})
        patterns.emplace_back(spec);
    patterns.emplace_back("blocks:random", randomMask(random));
    return patterns;
}

/// Keys of a query from the intervals of all passes; checks that they are sorted and disjoint.
std::vector<uint64_t> keysFromIntervals(const Pattern &pattern, uint32_t kind, uint64_t query) {
    std::set<uint64_t> found;
    for (unsigned pass = 0; pass < pattern.passes(); pass++) {
        const Interval earlier{7, 9};
        std::vector<Interval> intervals = {earlier};
        pattern.appendKeys(pass, kind, query, intervals);
        EXPECT_EQ(intervals.front(), earlier) << "what was there must stay";
        uint64_t step = pattern.step(pass), end = 0;
        for (size_t i = 1; i < intervals.size(); i++) {
            EXPECT_LT(intervals[i].first, intervals[i].end) << pattern.spec();
            EXPECT_TRUE(i == 1 || intervals[i].first > end) << pattern.spec() << " do not touch";
            end = intervals[i].end;
            for (uint64_t u = intervals[i].first; u < end; u++)
                EXPECT_TRUE(found.insert(query % step + step * u).second)
                    << pattern.spec() << ": twice, query " << query << " unit " << u;
        }
    }
    return {found.begin(), found.end()};
}

TEST(PatternRule, IntervalsPredicateAndClosedFormsAgree) {
    std::mt19937 random(1);
    for (int round = 0; round < 40; round++)
        for (const Pattern &pattern : randomPatterns(random)) {
            const uint64_t n = 1 + random() % 90;
            const uint32_t heads = 1 + static_cast<uint32_t>(random() % 9);
            std::vector<uint32_t> heads_of(pattern.headKinds());
            for (uint32_t head = 0; head < heads; head++)
                heads_of[pattern.headKind(head, heads)]++;
            uint64_t pairs = 0;
            for (uint64_t i = 0; i < n; i++) {
                uint64_t keys = 0;
                for (uint32_t kind = 0; kind < pattern.headKinds(); kind++) {
                    std::vector<uint64_t> expected;
                    for (uint64_t j = 0; j < n; j++)
                        if (pattern.sees(kind, i, j))
                            expected.push_back(j);
                    keys += heads_of[kind] * expected.size();
                    ASSERT_EQ(keysFromIntervals(pattern, kind, i), expected)
                        << pattern.spec() << " kind " << kind << " query " << i;
                }
                ASSERT_EQ(pattern.headKeys(i, heads), static_cast<double>(keys))
                    << pattern.spec() << " query " << i << " heads " << heads;
                pairs += keys;
            }
            ASSERT_EQ(pattern.headPairs(n, heads), static_cast<double>(pairs))
                << pattern.spec() << " n " << n << " heads " << heads;
        }
}

TEST(PatternRule, SeesNothingLater) {
    std::mt19937 random(2);
    for (const Pattern &pattern : randomPatterns(random))
        for (uint32_t kind = 0; kind < pattern.headKinds(); kind++)
            for (uint64_t i = 0; i < 60; i++)
                for (uint64_t j = i + 1; j < 80; j++)
                    ASSERT_FALSE(pattern.sees(kind, i, j))
                        << pattern.spec() << " " << i << " " << j;
}

TEST(PatternRule, RetentionHoldsWhatIsSeen) {
    std::mt19937 random(3);
    for (int round = 0; round < 20; round++)
        for (const Pattern &pattern : randomPatterns(random)) {
            std::optional<Retention> kept = pattern.retention();
            for (uint32_t kind = 0; kept && kind < pattern.headKinds(); kind++)
                for (uint64_t i = 0; i < 80; i++)
                    for (uint64_t j = 0; j <= i; j++)
                        if (pattern.sees(kind, i, j)) {
                            ASSERT_TRUE(j < kept->sinks || i - j < kept->window)
                                << pattern.spec() << " " << i << " " << j;
                        }
        }
}

TEST(PatternRule, Retention) {
    EXPECT_EQ(Pattern("window:9").retention(), (Retention{0, 9}));
    EXPECT_EQ(Pattern("sinks:4+9").retention(), (Retention{4, 9}));
    EXPECT_EQ(Pattern("a-shape:4+9").retention(), (Retention{4, 9}));
    EXPECT_EQ(Pattern("rolling:4+9").retention(), (Retention{4, 9}));
    EXPECT_EQ(Pattern("longformer:9+4").retention(), (Retention{4, 9}));
    EXPECT_EQ(Pattern("dilated:9x4").retention(), (Retention{0, 33}));
    EXPECT_EQ(Pattern("chunked:9").retention(), (Retention{0, 9}));
    EXPECT_EQ(Pattern("shifted:9").retention(), (Retention{0, 9}));
    for (const char *spec : {"full", "bigbird:2,2,1,1", "strided:4", "fixed:4,1", "topk:4"})
        EXPECT_EQ(Pattern(spec).retention(), std::nullopt) << spec;
}

TEST(PatternRule, PositionTowardsSinksStopsAtTheCacheSize) {
    Pattern pattern("sinks:4+508");
    EXPECT_EQ(pattern.sinkQuery(0), 0u);
    EXPECT_EQ(pattern.sinkQuery(511), 511u);
    EXPECT_EQ(pattern.sinkQuery(512), 511u);
    EXPECT_EQ(pattern.sinkQuery(1'000'000), 511u);
}

TEST(PatternRule, MixedGivesEachHeadItsOwn) {
    Pattern pattern("mixed:window:2#0-1,5|a-shape:1+2#3|chunked:8");
    EXPECT_EQ(pattern.headKinds(), 3u);
    std::vector<uint32_t> kinds;
    for (uint32_t head = 0; head < 6; ++head)
        kinds.push_back(pattern.headKind(head, 6));
    EXPECT_EQ(kinds, (std::vector<uint32_t>{0, 0, 2, 1, 2, 0}));
    EXPECT_FALSE(pattern.sees(0, 9, 0));
    EXPECT_TRUE(pattern.sees(1, 9, 0));
    EXPECT_EQ(pattern.retention(), (Retention{1, 8}));
    EXPECT_EQ(pattern.headPairs(10, 6), 3 * Pattern("window:2").headPairs(10, 1) +
                                            Pattern("a-shape:1+2").headPairs(10, 1) +
                                            2 * Pattern("chunked:8").headPairs(10, 1));
    EXPECT_EQ(Pattern("mixed:window:2#0").retention(), std::nullopt); // the rest is full
    for (const char *wrong : {"mixed:full", "mixed:window:2#x"})
        EXPECT_THROW(Pattern{wrong}, Error) << wrong;
}

TEST(PatternRule, RollingDropsTheOlderHalfWhenFull) {
    Pattern pattern("rolling:2+6"); // 8 tokens fit, 3 go at a time
    std::vector<uint64_t> oldest, towards_sinks;
    for (uint64_t query = 6; query < 15; ++query) {
        uint64_t key = 2;
        while (!pattern.sees(0, query, key))
            ++key;
        oldest.push_back(key);
        towards_sinks.push_back(pattern.sinkQuery(query));
    }
    EXPECT_EQ(oldest, (std::vector<uint64_t>{2, 2, 5, 5, 5, 8, 8, 8, 11}));
    EXPECT_EQ(towards_sinks, (std::vector<uint64_t>{6, 7, 5, 6, 7, 5, 6, 7, 5}));
}

TEST(PatternRule, WideEnoughIsFull) {
    for (uint64_t n : {1u, 7u, 33u}) {
        for (const std::string &spec :
             {std::format("window:{}", n), std::format("dilated:{}x1", n),
              std::format("longformer:1+{}", n), std::format("longformer:{}+0", n),
              std::format("bigbird:{},1,0,0", n), std::format("bigbird:2,1,{},0", n),
              std::format("bigbird:2,1,0,{}", n), std::string("strided:1"),
              std::string("fixed:5,5"), std::format("fixed:{},1", n), std::format("chunked:{}", n),
              std::format("shifted:{}", 2 * n), std::format("sinks:{}+1", n - 1),
              std::format("a-shape:{}+{}", n / 2, n - n / 2)}) {
            Pattern pattern(spec);
            for (uint32_t kind = 0; kind < pattern.headKinds(); kind++)
                for (uint64_t i = 0; i < n; i++)
                    for (uint64_t j = 0; j <= i; j++)
                        ASSERT_TRUE(pattern.sees(kind, i, j)) << spec << " " << i << " " << j;
        }
    }
}

TEST(PatternRule, FullTriangleOfBlocksIsFull) {
    for (const char *text :
         {"block 3\n1\n11\n111\n", "block 4\n#\n##\n###\n", "block 1\n1\n11\n"}) {
        BlockMask mask = parseBlockMask(text);
        const uint64_t n = mask.block_tokens * mask.rows.size();
        Pattern pattern("blocks:x", std::make_shared<const BlockMask>(mask));
        EXPECT_EQ(pattern.headPairs(n, 1), Pattern().headPairs(n, 1)) << text;
        EXPECT_EQ(pattern.headPairs(n - 1, 1), Pattern().headPairs(n - 1, 1)) << text;
        EXPECT_TRUE(pattern.sees(0, 10 * n, 10 * n)) << "its own block beyond the mask";
    }
}

TEST(PatternRule, RandomBlocksFollowTheSeed) {
    Pattern one("bigbird:4,2,1,3,1"), same("bigbird:4,2,1,3,1"), two("bigbird:4,2,1,3,2");
    unsigned differences = 0;
    std::set<uint64_t> used;
    for (uint64_t i = 0; i < 400; i++)
        for (uint64_t j = 0; j <= i; j++) {
            ASSERT_EQ(one.sees(0, i, j), same.sees(0, i, j));
            // All queries of a block see the same blocks.
            if (j / 4 < i / 4) {
                ASSERT_EQ(one.sees(0, i, j), one.sees(0, i / 4 * 4, j / 4 * 4));
            }
            differences += one.sees(0, i, j) != two.sees(0, i, j);
            if (i == 399 && one.sees(0, i, j))
                used.insert(j / 4);
        }
    EXPECT_GT(differences, 100u);
    EXPECT_EQ(used.size(), 1u + 2u + 3u); // first, window, random
    // Pinned, so that a saved run can be repeated with later versions.
    std::vector<Interval> keys;
    one.appendKeys(0, 0, 399, keys);
    EXPECT_EQ(keys, (std::vector<Interval>{{0, 4}, {36, 40}, {72, 76}, {364, 368}, {392, 400}}));
}

TEST(PatternRule, RandomBlocksAreSpreadEvenly) {
    // 20 of blocks 0..98 for each of 50 seeds: each block 10 times on average.
    std::vector<int> times(99);
    for (int seed = 0; seed < 50; seed++) {
        Pattern pattern(std::format("bigbird:1,1,0,20,{}", seed));
        for (uint64_t j = 0; j < 99; j++)
            times[j] += pattern.sees(0, 99, j);
    }
    EXPECT_EQ(std::accumulate(times.begin(), times.end(), 0), 50 * 20);
    EXPECT_GE(std::ranges::min(times), 1);
    EXPECT_LE(std::ranges::max(times), 24); // 5 standard deviations
}

TEST(PatternRule, ClosedFormsAreInstant) {
    auto start = std::chrono::steady_clock::now();
    std::mt19937 random(4);
    for (const Pattern &pattern : randomPatterns(random)) {
        EXPECT_LE(pattern.headPairs(1'000'000, 1), Pattern().headPairs(1'000'000, 1))
            << pattern.spec();
        EXPECT_GE(pattern.headKeys(999'999, 1), 0) << pattern.spec();
    }
    EXPECT_EQ(Pattern("window:4096").headPairs(1'000'000, 1), 4096.0 * 4097 / 2 + 995904.0 * 4096);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(100));
}

// ---- identities of methods.md 0.3, in numbers ---------------------------------------------------

struct Numbers {
    reference::AttentionShape shape;
    std::vector<float> q, k, v;
};

Numbers randomNumbers(std::mt19937 &random, uint64_t n) {
    Numbers in;
    in.shape.rows = in.shape.capacity = n;
    in.shape.heads = 2;
    in.shape.head_dim = 3;
    in.shape.scale = 0.5f;
    std::normal_distribution<float> normal;
    in.q.resize(n * 2 * 3);
    in.k.resize(n * 3);
    in.v.resize(n * 3);
    for (std::vector<float> *values : {&in.q, &in.k, &in.v})
        for (float &x : *values)
            x = normal(random);
    return in;
}

std::vector<float> attend(const Numbers &in, const Pattern &pattern) {
    auto sees = [&](uint64_t head, uint64_t row, uint64_t key) {
        return pattern.sees(pattern.headKind(static_cast<uint32_t>(head), 2), row, key);
    };
    return reference::attentionWhere(in.q, in.k, in.v, in.shape, sees).out;
}

TEST(PatternIdentity, WeightsSumToOneAndNothingIsZero) {
    std::mt19937 random(5);
    for (const Pattern &pattern : randomPatterns(random)) {
        Numbers in = randomNumbers(random, 41);
        std::ranges::fill(in.v, 1.0f);
        std::vector<float> out = attend(in, pattern);
        for (uint64_t i = 0; i < 41; i++)
            for (uint32_t head : {0u, 1u}) {
                bool has_key = false;
                for (uint64_t j = 0; j <= i; j++)
                    has_key = has_key || pattern.sees(pattern.headKind(head, 2), i, j);
                for (uint64_t c = 0; c < 3; c++)
                    ASSERT_NEAR(out[(i * 2 + head) * 3 + c], has_key ? 1 : 0, 1e-6)
                        << pattern.spec() << " row " << i;
            }
    }
}

TEST(PatternIdentity, OnlyTheKeysOfAQueryChangeIt) {
    std::mt19937 random(6);
    for (const Pattern &pattern : randomPatterns(random)) {
        const uint64_t n = 37;
        const Numbers in = randomNumbers(random, n);
        const std::vector<float> before = attend(in, pattern);
        for (uint64_t changed = 0; changed < n; changed += 3) {
            Numbers other = in;
            for (uint64_t c = 0; c < 3; c++) {
                other.k[changed * 3 + c] = 5 - other.k[changed * 3 + c];
                other.v[changed * 3 + c] += 1;
            }
            const std::vector<float> after = attend(other, pattern);
            for (uint64_t i = 0; i < n; i++)
                for (uint32_t head : {0u, 1u}) {
                    bool sees = pattern.sees(pattern.headKind(head, 2), i, changed);
                    bool same = true;
                    for (uint64_t c = 0; c < 3; c++)
                        same =
                            same && before[(i * 2 + head) * 3 + c] == after[(i * 2 + head) * 3 + c];
                    ASSERT_EQ(same, !sees) << pattern.spec() << " row " << i << " key " << changed;
                }
        }
    }
}

TEST(PatternIdentity, WideEnoughGivesTheNumbersOfFull) {
    std::mt19937 random(7);
    const Numbers in = randomNumbers(random, 29);
    const std::vector<float> full = reference::attention(in.q, in.k, in.v, in.shape).out;
    for (const char *spec : {"full", "window:29", "bigbird:29,1,0,0", "fixed:7,7", "chunked:29",
                             "sinks:4+25", "strided:1", "topk:9"})
        EXPECT_EQ(attend(in, Pattern(spec)), full) << spec;
}

} // namespace
} // namespace longscope::attention
