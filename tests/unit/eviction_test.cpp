// Which slots of the cache stay and which pages are read: the rules of H2O, SnapKV, TOVA and Quest
// on small tables and on the golden fixture of choose_test.cpp, and the moves on a pretended cache.
#include "compute/attention/choose.h"
#include "compute/attention/scores.h"
#include "compute/core/error.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

namespace longscope::attention {
namespace {

using Slots = std::vector<uint32_t>;

/// Row 7's keys and queries of the fixture, and the scores of some rows.
double fixtureQ(uint64_t i, uint64_t c) {
    return std::sin(0.7 * static_cast<double>(i) + 1.3 * static_cast<double>(c));
}
double fixtureK(uint64_t i, uint64_t c) {
    return std::cos(0.5 * static_cast<double>(i) - 0.9 * static_cast<double>(c));
}
std::vector<float> fixtureScores(uint64_t first_row) {
    std::vector<float> scores;
    for (uint64_t i = first_row; i < 8; ++i)
        for (uint64_t j = 0; j < 8; ++j) {
            double sum = 0;
            for (uint64_t c = 0; c < 4; ++c)
                sum += fixtureQ(i, c) * fixtureK(j, c);
            scores.push_back(static_cast<float>(sum / 2));
        }
    return scores;
}

std::vector<float> randomProbabilities(uint32_t heads, uint32_t rows, uint64_t keys,
                                       uint64_t first_query, uint32_t seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, 2);
    std::vector<float> scores(heads * rows * keys);
    for (float &score : scores)
        score = normal(random);
    return softmaxRows(scores, heads, rows, keys, first_query);
}

TEST(Softmax, OfVisibleKeys) {
    std::vector<float> p = softmaxRows(fixtureScores(0), 1, 8, 8, 0);
    for (uint64_t row = 0; row < 8; ++row) {
        double sum = 0;
        for (uint64_t key = 0; key < 8; ++key) {
            EXPECT_EQ(p[row * 8 + key] > 0, key <= row);
            sum += static_cast<double>(p[row * 8 + key]);
        }
        EXPECT_NEAR(sum, 1, 1e-6);
    }
    EXPECT_EQ(p[0], 1.0f);
}

TEST(Softmax, IsExactEnoughOverItsWholeRange) {
    // Against the C library: every distance below the maximum, rows of odd sizes.
    for (size_t size : {1u, 7u, 8u, 9u, 1000u}) {
        std::vector<float> row(size);
        for (size_t i = 0; i < size; ++i)
            row[i] = 3.0f - 0.09f * static_cast<float>(i);
        double total = 0;
        for (float score : row)
            total += std::exp(static_cast<double>(score));
        std::vector<float> p = row;
        softmaxRow(p);
        for (size_t i = 0; i < size && 0.09 * static_cast<double>(i) < 85; ++i) {
            double wanted = std::exp(static_cast<double>(row[i])) / total;
            // the rounding of x * log2(e): 2^-24 of up to 125
            EXPECT_NEAR(static_cast<double>(p[i]), wanted, wanted * 1e-5) << size << ", " << i;
        }
    }
}

TEST(Softmax, HidesInfinitiesAndNan) {
    const float never = -std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::vector<float> row = {never, 1, nan, 1, never};
    softmaxRow(row);
    EXPECT_EQ(row, (std::vector<float>{0, 0.5f, 0, 0.5f, 0}));
    std::vector<float> hidden = {never, never, nan};
    softmaxRow(hidden);
    EXPECT_EQ(hidden, (std::vector<float>{0, 0, 0}));
    std::vector<float> none;
    softmaxRow(none);
}

TEST(BestIndices, LargestSortedAndLowerOfEqualOnes) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> values = {1, 5, 3, 5, nan, 3, 3};
    EXPECT_EQ(bestIndices(values, 3), (Slots{1, 2, 3}));
    EXPECT_EQ(bestIndices(values, 0), (Slots{}));
    EXPECT_EQ(bestIndices(values, 6), (Slots{0, 1, 2, 3, 5, 6}));
    EXPECT_EQ(bestIndices(values, 9).size(), 7u);
    EXPECT_EQ(coverCount(std::vector<float>{0.1f, 0.5f, 0.4f}, 0.45), 1u);
    EXPECT_EQ(coverCount(std::vector<float>{0.1f, 0.5f, 0.4f}, 0.85), 2u);
    EXPECT_EQ(coverCount(std::vector<float>{0.1f, 0.5f, 0.4f}, 2), 3u);
}

TEST(Eviction, Parses) {
    EXPECT_EQ(parseEviction("none").kind, EvictionKind::none);
    Eviction snap = parseEviction("snapkv:2048");
    EXPECT_EQ(snap.kind, EvictionKind::snapkv);
    EXPECT_EQ(snap.keep, 2048u);
    EXPECT_EQ(snap.window, 32u);
    EXPECT_EQ(snap.pool, 5u);
    snap = parseEviction("snapkv:100,16,7");
    EXPECT_EQ(snap.window, 16u);
    EXPECT_EQ(snap.pool, 7u);
    EXPECT_EQ(snap.spec, "snapkv:100,16,7");
    EXPECT_EQ(parseEviction("quest:512").page, 16u);
    EXPECT_EQ(parseEviction("quest:512,32").page, 32u);
    EXPECT_EQ(parseEviction("h2o:7").keep, 7u);
    EXPECT_EQ(parseEviction("tova:7").kind, EvictionKind::tova);
    const std::pair<const char *, const char *> wrong[] = {
        {"", "'' is not known (known: none, h2o, snapkv, tova, quest)"},
        {"h2o", "has 0 numbers, expected h2o:KEEP"},
        {"none:3", "has 1 numbers, expected none"},
        {"h2o:0", "KEEP is 0, expected a whole number from 1"},
        {"tova:2.5", "KEEP is 2.5"},
        {"h2o:x", "'x' is not a number"},
        {"snapkv:32", "KEEP is 32, expected more than the WINDOW of 32"},
        {"snapkv:100,16,4", "KERNEL is 4, expected an odd number"},
        {"quest:64,0", "PAGE is 0"}};
    for (auto [spec, part] : wrong)
        try {
            parseEviction(spec);
            ADD_FAILURE() << spec << " was taken";
        } catch (const Error &error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
            EXPECT_NE(std::string_view(error.what()).find(part), std::string_view::npos)
                << error.what() << "\nhas no: " << part;
        }
}

TEST(SnapKv, KeptSetOfTheFixture) {
    std::vector<float> seen = softmaxRows(fixtureScores(6), 1, 2, 8, 6);
    const double sums[] = {0.061648, 0.083248, 0.134029, 0.228146, 0.362120, 0.482717};
    for (size_t key = 0; key < 6; ++key)
        EXPECT_NEAR(static_cast<double>(seen[key] + seen[8 + key]), sums[key], 1e-6);
    Eviction eviction = parseEviction("snapkv:5,2,3");
    EXPECT_EQ(chooseSnapKv(eviction, seen, 1, 1, 8), (std::vector<Slots>{{3, 4, 5, 6, 7}}));
    // pooled: 0.048299, 0.092975, 0.148474, 0.241431, 0.357661, 0.281612
    EXPECT_EQ(chooseSnapKv(parseEviction("snapkv:3,2,3"), seen, 1, 1, 8)[0], (Slots{4, 6, 7}));
    EXPECT_EQ(chooseSnapKv(parseEviction("snapkv:3,2,1"), seen, 1, 1, 8)[0], (Slots{5, 6, 7}));
    EXPECT_EQ(chooseSnapKv(parseEviction("snapkv:4,2,3"), seen, 1, 1, 8)[0], (Slots{4, 5, 6, 7}));
    EXPECT_EQ(chooseSnapKv(parseEviction("snapkv:8,2,3"), seen, 1, 1, 8)[0].size(), 8u);
    EXPECT_EQ(chooseSnapKv(parseEviction("snapkv:99,2"), seen, 1, 1, 8)[0].size(), 8u);
}

TEST(SnapKv, BruteForceOverGroupsOfHeads) {
    constexpr uint32_t kHeads = 6, kKvHeads = 2, kWindow = 5;
    for (uint64_t keys : {5u, 6u, 41u, 200u}) {
        Eviction eviction = parseEviction("snapkv:24,5,3");
        std::vector<float> p =
            randomProbabilities(kHeads, kWindow, keys, keys - kWindow, static_cast<uint32_t>(keys));
        auto kept = chooseSnapKv(eviction, p, kHeads, kKvHeads, keys);
        ASSERT_EQ(kept.size(), kKvHeads);
        for (uint32_t kv_head = 0; kv_head < kKvHeads; ++kv_head) {
            std::vector<double> sums(keys + 2), pooled(keys); // sums[key + 1], zeros around
            for (uint32_t row = 0; row < 3 * kWindow; ++row)
                for (uint64_t key = 0; key + kWindow < keys; ++key)
                    sums[key + 1] +=
                        static_cast<double>(p[(kv_head * 3 * kWindow + row) * keys + key]);
            for (uint64_t key = 0; key < keys; ++key)
                pooled[key] =
                    key + kWindow >= keys ? 1e9 : sums[key] + sums[key + 1] + sums[key + 2];
            ASSERT_EQ(kept[kv_head].size(), std::min<uint64_t>(24, keys));
            double worst = 1e9, best_gone = 0;
            for (uint32_t key = 0; key < keys; ++key)
                if (std::ranges::binary_search(kept[kv_head], key))
                    worst = std::min(worst, pooled[key]);
                else
                    best_gone = std::max(best_gone, pooled[key]);
            EXPECT_GE(worst, best_gone * (1 - 1e-5));
        }
    }
}

/// Probabilities of one row for one head.
void observeRow(Evictor &evictor, const std::vector<float> &row) {
    evictor.observe(row, 1, row.size());
}

std::vector<uint64_t> sortedPositions(const Evictor &evictor, uint32_t kv_head = 0) {
    std::vector<uint64_t> positions = evictor.positions()[kv_head];
    std::ranges::sort(positions);
    return positions;
}

TEST(H2o, TheTable) { // 1 heavy and 2 recent of 3
    Evictor evictor(parseEviction("h2o:3"), 1, 1);
    const std::vector<float> rows[] = {{1}, {0.6f, 0.4f}, {0.5f, 0.2f, 0.3f}};
    uint32_t count = 0;
    for (uint64_t t = 0; t < 3; ++t) {
        evictor.append(t);
        observeRow(evictor, rows[t]);
        EXPECT_TRUE(evictor.shrink(count).empty());
        EXPECT_EQ(count, 0u);
    }
    evictor.append(3);
    observeRow(evictor, {0.4f, 0.1f, 0.2f, 0.3f}); // sums 2.5 .7 .5 .3, recent 2 and 3: 1 goes
    EXPECT_EQ(evictor.shrink(count), (Slots{3, 1}));
    EXPECT_EQ(count, 1u);
    EXPECT_EQ(evictor.positions()[0], (std::vector<uint64_t>{0, 3, 2}));
    evictor.append(4);
    observeRow(evictor, {0.5f, 0.2f, 0.2f, 0.1f}); // keys 0 3 2 4; sums 3.0 .5 .7 .1: 2 goes
    EXPECT_EQ(evictor.shrink(count), (Slots{3, 2}));
    EXPECT_EQ(sortedPositions(evictor), (std::vector<uint64_t>{0, 3, 4}));
}

TEST(H2o, ManyRowsAtOnceAreSummed) {
    std::vector<float> p = softmaxRows(fixtureScores(0), 1, 8, 8, 0);
    // column sums 2.809 1.461 0.792 0.669 0.787 0.834 0.506 0.142; the newest 2 stay
    for (auto [keep, wanted] :
         {std::pair<const char *, std::vector<uint64_t>>{"h2o:4", {0, 1, 6, 7}},
          {"h2o:6", {0, 1, 2, 5, 6, 7}},
          {"h2o:8", {0, 1, 2, 3, 4, 5, 6, 7}}}) {
        Evictor evictor(parseEviction(keep), 1, 1);
        for (uint64_t t = 0; t < 8; ++t)
            evictor.append(t);
        evictor.observe(std::span(p).first(3 * 8), 3, 8);
        evictor.observe(std::span(p).subspan(3 * 8), 5, 8);
        uint32_t count = 0;
        evictor.shrink(count);
        EXPECT_EQ(sortedPositions(evictor), wanted);
    }
}

TEST(Tova, TheLastQueryDecidesForTheWholeLayer) {
    Evictor evictor(parseEviction("tova:3"), 4, 2);
    for (uint64_t t = 0; t < 5; ++t)
        evictor.append(t);
    // Two rows a head; only the second counts: mean over heads 0.1 0.3 0.15 0.4 0.05
    std::vector<float> p;
    for (int head = 0; head < 4; ++head) {
        p.insert(p.end(), {0.9f, 0.1f, 0, 0, 0});
        float swing = head % 2 ? 0.05f : -0.05f;
        p.insert(p.end(), {0.1f, 0.3f + swing, 0.15f - swing, 0.4f, 0.05f});
    }
    evictor.observe(p, 2, 5);
    uint32_t count = 0;
    evictor.shrink(count);
    for (uint32_t kv_head : {0u, 1u}) // 4 is the newest
        EXPECT_EQ(sortedPositions(evictor, kv_head), (std::vector<uint64_t>{1, 3, 4}));
}

/// Plays moves on a cache that holds positions, as CacheMove does: all reads see the old rows.
TEST(Evictor, MovesKeepTheCacheInStep) {
    constexpr uint32_t kHeads = 6, kKvHeads = 3, kKeep = 20;
    for (const char *spec : {"h2o:20", "tova:20"}) {
        Evictor evictor(parseEviction(spec), kHeads, kKvHeads);
        std::vector<std::vector<uint64_t>> cache(kKvHeads, std::vector<uint64_t>(kKeep + 64));
        uint64_t position = 0;
        for (uint32_t rows : {13u, 30u, 1u, 1u, 7u, 64u, 1u}) {
            uint64_t slots = evictor.positions()[0].size();
            for (uint32_t row = 0; row < rows; ++row, ++position) {
                evictor.append(position);
                for (auto &own : cache)
                    own[slots + row] = position;
            }
            evictor.observe(randomProbabilities(kHeads, rows, slots + rows, slots,
                                                static_cast<uint32_t>(position)),
                            rows, slots + rows);
            uint32_t count = 0;
            std::vector<uint32_t> moves = evictor.shrink(count);
            ASSERT_EQ(moves.size(), size_t{2} * count * kKvHeads);
            for (uint32_t kv_head = 0; kv_head < kKvHeads; ++kv_head) {
                std::set<uint32_t> from, to;
                for (uint32_t i = 0; i < count; ++i) {
                    uint32_t a = moves[2 * (kv_head * count + i)];
                    uint32_t b = moves[2 * (kv_head * count + i) + 1];
                    if (a == b)
                        continue;
                    EXPECT_TRUE(from.insert(a).second && to.insert(b).second);
                    cache[kv_head][b] = cache[kv_head][a];
                }
                for (uint32_t slot : to)
                    EXPECT_FALSE(from.contains(slot));
                const auto &positions = evictor.positions()[kv_head];
                EXPECT_EQ(positions.size(), std::min<uint64_t>(kKeep, slots + rows));
                EXPECT_TRUE(std::equal(positions.begin(), positions.end(), cache[kv_head].begin()));
                EXPECT_EQ(sortedPositions(evictor, kv_head).back(), position - 1);
            }
        }
    }
}

TEST(Evictor, MakeMovesByHand) {
    uint32_t count = 0;
    EXPECT_EQ(makeMoves(std::vector<Slots>{{0, 1, 2}}, count), (Slots{}));
    EXPECT_EQ(count, 0u);
    // The first head: slots 5 and 9 into 0 and 2; the second has one move fewer.
    EXPECT_EQ(makeMoves(std::vector<Slots>{{1, 5, 9}, {0, 1, 7}}, count),
              (Slots{5, 0, 9, 2, 7, 2, 0, 0}));
    EXPECT_EQ(count, 2u);
}

TEST(Quest, SelectionOfTheFixture) {
    std::vector<float> bounds;
    const double wanted[] = {-1.007143, 0.969982, 2.282072, 1.942503};
    for (uint64_t page = 0; page < 4; ++page) {
        double bound = 0, largest = -1e9;
        for (uint64_t c = 0; c < 4; ++c) {
            double a = fixtureK(2 * page, c), b = fixtureK(2 * page + 1, c), q = fixtureQ(7, c);
            bound += std::max(q * std::min(a, b), q * std::max(a, b));
        }
        for (uint64_t key : {2 * page, 2 * page + 1}) {
            double score = 0;
            for (uint64_t c = 0; c < 4; ++c)
                score += fixtureQ(7, c) * fixtureK(key, c);
            largest = std::max(largest, score);
        }
        EXPECT_NEAR(bound, wanted[page], 1e-6);
        EXPECT_GE(bound, largest - 1e-12);
        bounds.push_back(static_cast<float>(bound));
    }
    EXPECT_EQ(bestPages(bounds, 1, 4, 2), (Slots{2, 3}));
    EXPECT_EQ(chooseQuestPages(parseEviction("quest:4,2"), bounds, 1, 4), (Slots{1, 2, 3}));
    EXPECT_EQ(chooseQuestPages(parseEviction("quest:8,2"), bounds, 1, 4), (Slots{0, 1, 2, 3}));
}

TEST(Quest, TheLastPageAndTheLargestOverHeads) {
    const std::vector<float> bounds = {9, 1, 0, 1, -5, //
                                       0, 1, 8, 2, -9};
    EXPECT_EQ(bestPages(bounds, 2, 5, 1), (Slots{4}));
    EXPECT_EQ(bestPages(bounds, 2, 5, 3), (Slots{0, 2, 4}));
    EXPECT_EQ(chooseQuestPages(parseEviction("quest:50,16"), bounds, 2, 5), (Slots{0, 2, 3, 4}));
    EXPECT_EQ(chooseQuestPages(parseEviction("quest:16"), bounds, 2, 5).size(), 3u);
    EXPECT_EQ(chooseQuestPages(parseEviction("quest:16"), std::vector<float>{1}, 1, 1), (Slots{0}));
}

} // namespace
} // namespace longscope::attention
