// Choosing keys from scores, against published rules computed independently in double precision and
// against brute force. Golden fixture: 8 tokens, one head of 4 dimensions, scale 1/2,
// Q[i][c] = sin(0.7i + 1.3c), K = cos(0.5i - 0.9c), V = sin(0.3ic + 0.2i + 0.1).
#include "compute/attention/choose.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

namespace longscope::attention {
namespace {

double fixtureQ(uint64_t i, uint64_t c) {
    return std::sin(0.7 * static_cast<double>(i) + 1.3 * static_cast<double>(c));
}
double fixtureK(uint64_t i, uint64_t c) {
    return std::cos(0.5 * static_cast<double>(i) - 0.9 * static_cast<double>(c));
}
double fixtureV(uint64_t i, uint64_t c) {
    auto x = static_cast<double>(i), y = static_cast<double>(c);
    return std::sin(0.3 * x * y + 0.2 * x + 0.1);
}
double fixtureScore(uint64_t i, uint64_t j) {
    double sum = 0;
    for (uint64_t c = 0; c < 4; ++c)
        sum += fixtureQ(i, c) * fixtureK(j, c);
    return sum / 2;
}

/// As the kernel gives them: sums over antidiagonals of tiles of group x group.
ChunkScores fixtureScores(uint32_t first_row, uint32_t group, std::vector<float> &values) {
    uint32_t row_groups = (8 - first_row) / group, key_groups = 8 / group;
    for (uint32_t a = 0; a < row_groups; ++a)
        for (uint32_t b = 0; b < key_groups; ++b) {
            double sum = 0;
            for (uint32_t t = 0; t < group; ++t)
                sum += fixtureScore(first_row + a * group + group - 1 - t, b * group + t);
            values.push_back(static_cast<float>(sum));
        }
    return {.rows = 8,
            .heads = 1,
            .first_row = first_row,
            .row_groups = row_groups,
            .key_groups = key_groups,
            .group = group,
            .scores = values,
            .scale = 0.5f};
}

void expectNear(std::span<const float> values, const std::vector<double> &wanted,
                double tolerance = 1.5e-6) { // goldens of 6 digits, sums of floats
    ASSERT_EQ(values.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i)
        EXPECT_NEAR(static_cast<double>(values[i]), wanted[i], tolerance) << "at " << i;
}

TEST(Choose, MInferenceScoresOfTheFixture) {
    std::vector<float> values;
    LineSums sums = sumLines(fixtureScores(6, 1, values), 0, 3);
    expectNear(sums.columns,
               {0.061648, 0.083248, 0.134029, 0.228146, 0.362120, 0.482717, 0.505931, 0.142162});
    expectNear(sums.offsets,
               {0.452770, 0.465714, 0.395525, 0.285188, 0.182180, 0.112182, 0.075562, 0.030877});
    std::vector<double> means(3);
    for (uint64_t i : {6u, 7u})
        for (uint64_t j = 0; j < 8; ++j)
            means[j / 3] += fixtureScore(i, j) / (j < 6 ? 6 : 4);
    expectNear(sums.block_means, means);
}

TEST(Choose, ColumnSumsOfTheFixture) { // of all rows: those of H2O
    std::vector<float> values;
    LineSums sums = sumLines(fixtureScores(0, 1, values), 0);
    expectNear(sums.columns,
               {2.809068, 1.460808, 0.792272, 0.668885, 0.787192, 0.833682, 0.505931, 0.142162});
}

TEST(Choose, XAttentionSumsOfTheFixture) {
    std::vector<float> values, single;
    ChunkScores scores = fixtureScores(0, 2, values);
    BlockSums groups = sumBlocks(scores, 0, 2); // blocks of one group: the softmax itself
    ASSERT_EQ(groups.sums.size(), 4u);
    expectNear(groups.sums[0], {1});
    expectNear(groups.sums[1], {0.720140, 0.279860});
    expectNear(groups.sums[2], {0.261678, 0.260318, 0.478003});
    expectNear(groups.sums[3], {0.060253, 0.154771, 0.384594, 0.400382});
    BlockSums blocks = sumBlocks(scores, 0, 4);
    ASSERT_EQ(blocks.sums.size(), 2u);
    expectNear(blocks.sums[0], {2});
    expectNear(blocks.sums[1], {0.737021, 1.262979});
    // Antidiagonals of one score are the scores: the exact attention of each block.
    BlockSums exact = sumBlocks(fixtureScores(0, 1, single), 0, 4);
    double near = 0, far = 0;
    for (uint64_t i = 4; i < 8; ++i) {
        double total = 0;
        for (uint64_t j = 0; j <= i; ++j)
            total += std::exp(fixtureScore(i, j));
        for (uint64_t j = 0; j <= i; ++j)
            (j < 4 ? far : near) += std::exp(fixtureScore(i, j)) / total;
    }
    expectNear(exact.sums[1], {far, near});
}

/// Keys of a query as the schedule will see them: intervals and columns, each once.
std::vector<uint64_t> keysOf(const KeySource &source, uint32_t kind, uint64_t query) {
    std::vector<Interval> intervals;
    source.appendKeys(0, kind, query, intervals);
    std::set<uint64_t> keys;
    uint64_t end = 0;
    for (Interval interval : intervals) {
        EXPECT_LT(interval.first, interval.end);
        EXPECT_TRUE(keys.empty() || interval.first >= end) << "neither sorted nor disjoint";
        EXPECT_LE(interval.end, query + 1) << "looks ahead";
        end = interval.end;
        for (uint64_t key = interval.first; key < interval.end; ++key)
            keys.insert(key);
    }
    EXPECT_TRUE(std::ranges::is_sorted(source.columns(kind)));
    for (uint32_t column : source.columns(kind))
        if (column <= query)
            keys.insert(column);
    return {keys.begin(), keys.end()};
}

TEST(Choose, GoldenOfFixedLines) {
    Choice::Head head;
    head.columns = {0, 3};
    head.offsets = {{0, 2}, {4, 5}};
    Choice choice({head});
    EXPECT_EQ(keysOf(choice, 0, 7), (std::vector<uint64_t>{0, 3, 6, 7}));
    double pairs = 0, checksum = 0, last[4] = {};
    for (uint64_t i = 0; i < 8; ++i) {
        double total = 0, out[4] = {};
        for (uint64_t j : keysOf(choice, 0, i)) {
            double weight = std::exp(fixtureScore(i, j));
            total += weight;
            ++pairs;
            for (uint64_t c = 0; c < 4; ++c)
                out[c] += weight * fixtureV(j, c);
        }
        for (uint64_t c = 0; c < 4; ++c) {
            last[c] = out[c] / total;
            checksum += static_cast<double>((i + 1) * (c + 1)) * last[c];
        }
    }
    EXPECT_EQ(pairs, 26);
    const double wanted[] = {0.839608, 0.143033, -0.396049, 0.393622};
    for (int c = 0; c < 4; ++c)
        EXPECT_NEAR(last[c], wanted[c], 1e-6);
    EXPECT_NEAR(checksum, 49.886295, 1e-5);
}

/// A chunk with random scores; `shape` adds to them, by query and key position.
struct Chunk {
    std::vector<float> values;
    ChunkScores scores;

    template <class Shape>
    Chunk(const Pattern &pattern, uint64_t position, uint32_t rows, uint32_t heads, Shape shape,
          float noise = 1) {
        WantedScores wanted = wantedScores(pattern, position, rows);
        std::mt19937 random(7);
        std::normal_distribution<float> normal(0, noise);
        scores = {.position = position,
                  .rows = rows,
                  .heads = heads,
                  .first_row = wanted.first_row,
                  .row_groups = wanted.row_groups,
                  .key_groups = wanted.key_groups,
                  .group = wanted.group,
                  .scores = {},
                  .scale = 0.125f};
        for (uint32_t head = 0; head < heads; ++head)
            for (uint32_t a = 0; a < wanted.row_groups; ++a)
                for (uint32_t b = 0; b < wanted.key_groups; ++b) {
                    float sum = 0;
                    for (uint32_t t = 0; t < wanted.group; ++t)
                        sum += normal(random) + shape(head,
                                                      position + wanted.first_row +
                                                          a * wanted.group + (wanted.group - 1 - t),
                                                      uint64_t{b} * wanted.group + t);
                    values.push_back(sum);
                }
        scores.scores = values;
    }
};

float nothing(uint32_t, uint64_t, uint64_t) {
    return 0;
}

std::vector<uint64_t> allUpTo(uint64_t query) {
    std::vector<uint64_t> keys(query + 1);
    for (uint64_t key = 0; key <= query; ++key)
        keys[key] = key;
    return keys;
}

TEST(Choose, BudgetsThatCoverEverythingGiveEverything) {
    const std::tuple<const char *, uint64_t, uint64_t> limits[] = {
        // read in full up to so many keys, and no longer from so many on
        {"vertical-slash:100,60", 160, 161},
        {"vertical-slash:1,1", 80, 81},
        {"xattention:0.9,16,64", 128, 129},
        {"flexprefill:0.9,512", 512, 513},
        {"flexprefill:0.9,0", 256, 257},
        {"topk:5,64", 320, 321},
        {"topk:1,64", 128, 129}};
    for (auto [spec, full, chosen] : limits) {
        Pattern pattern(spec);
        EXPECT_EQ(wantedScores(pattern, full - 64, 64).row_groups, 0u) << spec;
        EXPECT_GT(wantedScores(pattern, chosen - 64, 64).row_groups, 0u) << spec;
        Chunk chunk(pattern, full - 64, 64, 2, nothing);
        Choice choice = chooseKeys(pattern, chunk.scores);
        EXPECT_EQ(choice.headKinds(), 2u);
        for (uint64_t query = full - 64; query < full; ++query)
            EXPECT_EQ(keysOf(choice, 1, query), allUpTo(query)) << spec;
    }
    for (const char *spec : {"xattention:1", "flexprefill:1"})
        EXPECT_EQ(wantedScores(Pattern(spec), 100'000, 512).row_groups, 0u) << spec;
    // One key fewer than all: the choice itself must come to everything but that.
    Pattern lines("vertical-slash:30,300");
    Chunk chunk(lines, 300, 31, 1, nothing);
    ASSERT_GT(chunk.scores.row_groups, 0u);
    Choice choice = chooseKeys(lines, chunk.scores);
    for (uint64_t query = 300; query < 331; ++query)
        EXPECT_GE(keysOf(choice, 0, query).size(), query + 1 - 31);
}

TEST(Choose, WantedRowsAndGroups) {
    WantedScores lines = wantedScores(Pattern("vertical-slash:100,100"), 1000, 300);
    EXPECT_EQ(lines.first_row, 236u);
    EXPECT_EQ(lines.row_groups, 64u);
    EXPECT_EQ(lines.key_groups, 1300u);
    EXPECT_EQ(lines.group, 1u);
    EXPECT_EQ(wantedScores(Pattern("vertical-slash:100,100"), 1000, 7).row_groups, 7u);
    EXPECT_EQ(wantedScores(Pattern("flexprefill:0.9"), 1000, 300).first_row, 172u);
    // Groups begin at multiples of the stride, and no row or key of a group lies beyond the chunk.
    WantedScores groups = wantedScores(Pattern("xattention:0.9,16"), 1003, 300);
    EXPECT_EQ(groups.first_row, 5u); // position 1008
    EXPECT_EQ(groups.row_groups, 18u);
    EXPECT_EQ(groups.key_groups, 81u); // 1296 keys of 1303
    EXPECT_EQ(wantedScores(Pattern("topk:2,40"), 1003, 300).group, 8u);
    EXPECT_EQ(wantedScores(Pattern("topk:2,64"), 1003, 4).row_groups, 0u); // no whole group
}

/// All dynamic patterns: causal, sorted, everybody sees himself, the forced keys are there.
TEST(Choose, EveryQuerySeesItself) {
    for (const char *spec : {"vertical-slash:40,50", "xattention:0.3,8,32", "xattention:0.5,16,128",
                             "flexprefill:0.5,128", "topk:2,64", "topk:1,24"})
        for (auto [position, rows] : {std::pair{2000u, 1u}, {777u, 131u}, {640u, 256u}}) {
            Pattern pattern(spec);
            Chunk chunk(pattern, position, rows, 2, nothing);
            Choice choice = chooseKeys(pattern, chunk.scores);
            uint64_t visible = 0;
            for (uint32_t kind : {0u, 1u})
                for (uint64_t query = position; query < position + rows; ++query) {
                    std::vector<uint64_t> keys = keysOf(choice, kind, query);
                    EXPECT_EQ(keys.front(), 0u) << spec;
                    EXPECT_EQ(keys.back(), query) << spec;
                    visible += keys.size();
                }
            uint64_t most = 2 * uint64_t{rows} * position;
            EXPECT_LT(visible, rows > 128 ? most * 19 / 20 : most + most / 2) << spec;
        }
}

TEST(Choose, VerticalSlashFindsColumnsAndDiagonals) {
    Pattern pattern("vertical-slash:33,52");
    auto shape = [](uint32_t head, uint64_t query, uint64_t key) {
        bool column = key == 200 || key == 333 || key == (head ? 500u : 400u);
        bool diagonal = query - key == 250 || query - key == (head ? 410u : 111u);
        return column || diagonal ? 12.0f : 0.0f;
    };
    Chunk chunk(pattern, 512, 256, 2, shape);
    Choice choice = chooseKeys(pattern, chunk.scores);
    for (uint32_t kind : {0u, 1u}) {
        const Choice::Head &head = choice.heads()[kind];
        EXPECT_EQ(head.columns.size(), 33u);
        for (uint32_t key = 0; key < 30; ++key)
            EXPECT_EQ(head.columns[key], key);
        EXPECT_EQ((std::vector(head.columns.begin() + 30, head.columns.end())),
                  (std::vector<uint32_t>{200, 333, kind ? 500u : 400u}));
        uint64_t offsets = 0, before = 0;
        for (Interval band : head.offsets) {
            offsets += band.end - band.first;
            EXPECT_TRUE(before == 0 || band.first > before + 15) << "near bands are one";
            before = band.end;
        }
        EXPECT_GE(offsets, 52u);
        EXPECT_LE(offsets, 52u + 21 * 15);
        for (uint64_t query : {512u, 700u, 767u}) { // the choice holds for the whole chunk
            std::vector<uint64_t> keys = keysOf(choice, kind, query);
            for (uint64_t offset : {uint64_t{0}, uint64_t{29}, uint64_t{250}, kind ? 410ul : 111ul})
                EXPECT_TRUE(std::ranges::binary_search(keys, query - offset)) << offset;
            EXPECT_TRUE(std::ranges::binary_search(keys, 333u));
        }
    }
}

TEST(Choose, XAttentionTakesTheBestUntilTheShare) {
    Pattern pattern("xattention:0.8,8,32");
    // Block 2 and 5 of the first eight hold nearly all, block 5 most of it.
    auto shape = [](uint32_t, uint64_t, uint64_t key) {
        return key / 32 == 5 ? 6.0f : key / 32 == 2 ? 5.0f : 0.0f;
    };
    Chunk chunk(pattern, 256, 64, 1, shape, 0.01f);
    Choice choice = chooseKeys(pattern, chunk.scores);
    const Choice::Head &head = choice.heads()[0];
    EXPECT_EQ(head.first_block, 8u);
    ASSERT_EQ(head.blocks_of.size(), 2u);
    EXPECT_EQ(head.blocks_of[0], (std::vector<uint32_t>{0, 2, 5, 8})); // e^6 / (e^6 + e^5) = 0.73
    Pattern less("xattention:0.7,8,32");
    EXPECT_EQ(chooseKeys(less, chunk.scores).heads()[0].blocks_of[1],
              (std::vector<uint32_t>{0, 5, 9}));
    EXPECT_EQ(keysOf(chooseKeys(less, chunk.scores), 0, 290).size(), 32 + 32 + 3u);
    // The rule said again: as few as possible, and enough.
    Chunk noisy(pattern, 300, 100, 1, nothing, 3);
    BlockSums sums = sumBlocks(noisy.scores, 0, 32);
    Choice many = chooseKeys(pattern, noisy.scores);
    for (size_t i = 0; i < sums.sums.size(); ++i) {
        double taken = 0, total = 0, smallest = 1e9, own = 0;
        const std::vector<uint32_t> &blocks = many.heads()[0].blocks_of[i];
        for (uint32_t j = 0; j < sums.sums[i].size(); ++j) {
            auto mass = static_cast<double>(sums.sums[i][j]);
            total += mass;
            if (std::ranges::contains(blocks, j))
                taken += mass;
            if (std::ranges::contains(blocks, j) && j != 0 && j + 1 != sums.sums[i].size())
                smallest = std::min(smallest, mass);
            else if (!std::ranges::contains(blocks, j))
                own = std::max(own, mass);
        }
        EXPECT_GE(taken, 0.8 * total * (1 - 1e-6));
        EXPECT_LT(taken - smallest, 0.8 * total) << "one block too many";
        EXPECT_LE(own, smallest) << "a better block was left out";
    }
}

TEST(Choose, BlocksWithoutAScoreAreReadInFull) {
    Pattern pattern("xattention:0.1,8,32");
    // Rows 350, 351 end block 10 before the first whole group, 384 .. 386 begin block 12.
    Chunk chunk(pattern, 350, 37, 1, nothing);
    ASSERT_EQ(chunk.scores.first_row, 2u);
    Choice choice = chooseKeys(pattern, chunk.scores);
    EXPECT_EQ(keysOf(choice, 0, 350), allUpTo(350));
    EXPECT_LT(keysOf(choice, 0, 352).size(), 100u);
    EXPECT_EQ(keysOf(choice, 0, 386), allUpTo(386));
}

TEST(Choose, TopBlocksAreTheBest) {
    Pattern pattern("topk:3,64");
    auto shape = [](uint32_t head, uint64_t query, uint64_t key) {
        uint64_t wanted = head == 0 ? 3 : query / 64 - 2; // another block for every query block
        return key / 64 == wanted ? 8.0f : key / 64 == 1 ? 5.0f : key / 64 == 4 ? 4.0f : 0.0f;
    };
    Chunk chunk(pattern, 640, 128, 2, shape, 0.1f);
    Choice choice = chooseKeys(pattern, chunk.scores);
    EXPECT_EQ(choice.heads()[0].blocks_of[0], (std::vector<uint32_t>{0, 1, 3, 4, 10}));
    EXPECT_EQ(choice.heads()[0].blocks_of[1], (std::vector<uint32_t>{0, 1, 3, 4, 11}));
    EXPECT_EQ(choice.heads()[1].blocks_of[0], (std::vector<uint32_t>{0, 1, 4, 8, 10}));
    EXPECT_EQ(choice.heads()[1].blocks_of[1], (std::vector<uint32_t>{0, 1, 4, 9, 11}));
}

TEST(Choose, FlexPrefillTakesLinesOrTheEstimate) {
    Pattern pattern("flexprefill:0.9,128");
    // Head 0: one column and one diagonal, which averages of blocks do not show. Head 1: whole
    // blocks, which they do.
    auto shape = [](uint32_t head, uint64_t query, uint64_t key) {
        if (head == 1)
            return key / 128 == 3 || key / 128 == 6 ? 8.0f : 0.0f;
        return key == 300 || query - key == 700 ? 14.0f : 0.0f;
    };
    Chunk chunk(pattern, 1024, 256, 2, shape, 0.1f);
    Choice choice = chooseKeys(pattern, chunk.scores);
    // Column block 2 and the offsets 640 .. 767 beside the first block and the diagonal: the
    // budget of one block each is used up by the forced ones, the count of lines decides.
    const auto &lines = choice.heads()[0].blocks_of;
    EXPECT_TRUE(std::ranges::contains(lines[1], 0u));
    EXPECT_TRUE(std::ranges::contains(lines[1], 9u));
    EXPECT_LT(lines[1].size(), 5u);
    Pattern more("flexprefill:0.9,256"); // two blocks each
    EXPECT_EQ(chooseKeys(more, chunk.scores).heads()[0].blocks_of[1],
              (std::vector<uint32_t>{0, 2, 4, 9}));
    EXPECT_EQ(chooseKeys(more, chunk.scores).heads()[0].blocks_of[0],
              (std::vector<uint32_t>{0, 2, 3, 8}));
    EXPECT_EQ(choice.heads()[1].blocks_of[0], (std::vector<uint32_t>{0, 3, 6, 8}));
    EXPECT_EQ(choice.heads()[1].blocks_of[1], (std::vector<uint32_t>{0, 3, 6, 9}));
}

TEST(Choose, BadScoresDoNoHarm) {
    const float bad[] = {std::numeric_limits<float>::quiet_NaN(),
                         std::numeric_limits<float>::infinity(),
                         -std::numeric_limits<float>::infinity()};
    for (const char *spec :
         {"vertical-slash:40,50", "xattention:0.3,8,32", "flexprefill:0.5,128", "topk:2,64"}) {
        Pattern pattern(spec);
        Chunk chunk(pattern, 640, 128, 1, nothing);
        for (float value : bad) {
            std::ranges::fill(chunk.values, value);
            Choice choice = chooseKeys(pattern, chunk.scores);
            EXPECT_EQ(keysOf(choice, 0, 700).back(), 700u) << spec;
        }
    }
}

} // namespace
} // namespace longscope::attention
