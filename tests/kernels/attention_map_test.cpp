// Pictures of attention against probabilities computed one by one.
#include "compute/engine/attention_map.h"
#include "tests/support/attention_twin.h"
#include "tests/support/default_model.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace longscope::engine {
namespace {

using attention::Interval;
using attention::Pattern;
using testing::engineFor;
using testing::exactOptions;
using testing::kTokens;
using testing::someIds;
using Twin = testing::AttentionTwin;

/// Sums of a cell hold up to 11 rows of f32 probabilities near 1.
constexpr double kTolerance = 1e-4;

/// Every cell of the picture against the twin.
void expectPicture(const AttentionPicture &picture, const Twin &twin, std::vector<uint32_t> heads) {
    heads = allOrNamed(heads, twin.heads());
    ASSERT_EQ(picture.sum.size(), uint64_t{picture.rows} * picture.columns);
    std::vector<float> mean = picture.mean();
    int failures = 0;
    for (uint32_t row = 0; row < picture.rows; ++row)
        for (uint32_t column = 0; column < picture.columns && failures < 5; ++column) {
            Interval queries = picture.queriesOf(row), keys = picture.keysOf(column);
            double sum = 0, most = 0;
            uint64_t pairs = 0;
            for (uint64_t i = queries.first; i < queries.end; ++i)
                for (uint64_t j = keys.first; j < std::min(keys.end, i + 1); ++j) {
                    ++pairs;
                    for (uint32_t head : heads) {
                        sum += twin.p(head, i, j) / static_cast<double>(heads.size());
                        most = std::max(most, twin.p(head, i, j));
                    }
                }
            uint64_t cell = uint64_t{row} * picture.columns + column;
            double want_mean = pairs ? sum / static_cast<double>(pairs) : 0;
            bool good = std::abs(picture.sum[cell] - sum) <= kTolerance &&
                        std::abs(picture.maximum[cell] - most) <= kTolerance &&
                        std::abs(mean[cell] - want_mean) <= kTolerance &&
                        picture.pairs(row, column) == pairs;
            failures += good ? 0 : 1;
            EXPECT_TRUE(good) << "queries " << queries.first << ":" << queries.end << " keys "
                              << keys.first << ":" << keys.end << " sum " << picture.sum[cell]
                              << " want " << sum << " maximum " << picture.maximum[cell] << " want "
                              << most << " pairs " << picture.pairs(row, column) << " want "
                              << pairs;
        }
}

MapRequest wholeMap(uint32_t layer, uint32_t size, std::vector<uint32_t> heads = {},
                    uint64_t tokens = kTokens) {
    return {.layer = layer,
            .heads = std::move(heads),
            .end_query = tokens,
            .end_key = tokens,
            .size = size};
}

AttentionPicture readingMap(Engine &engine, Session &session, std::span<const Token> ids,
                            const MapRequest &request) {
    MapCollector collector(engine.device(), engine.config(), request);
    session.truncate(0);
    session.read(ids, {}, {}, &collector);
    EXPECT_EQ(collector.queriesSeen(), request.end_query - request.first_query);
    return collector.picture();
}

/// The sums of a row of cells against its number of queries.
double worstRowSum(const AttentionPicture &picture) {
    double worst = 0;
    for (uint32_t row = 0; row < picture.rows; ++row) {
        auto first = picture.sum.begin() + static_cast<ptrdiff_t>(uint64_t{row} * picture.columns);
        double sum = std::accumulate(first, first + picture.columns, 0.0);
        Interval queries = picture.queriesOf(row);
        auto count = static_cast<double>(queries.end - queries.first);
        worst = std::max(worst, std::abs(sum / count - 1));
    }
    return worst;
}

class AttentionMapTest : public ::testing::TestWithParam<const char *> {
  protected:
    Engine &engine() { return testing::tinyEngine(GetParam()); }
};

// ---- pictures ----------------------------------------------------------------------------------

TEST_P(AttentionMapTest, CellsEqualTheTwin) {
    std::vector<Token> ids = someIds(engine());
    Twin twin(engine(), ids);
    twin.look(Pattern("full"));
    for (uint32_t chunk : {0u, 37u}) {
        Session session(engine(), exactOptions("full", chunk));
        for (const std::vector<uint32_t> &heads :
             {std::vector<uint32_t>{}, {1}, {3, 0, 2, 3}}) { // in any order, twice or not
            AttentionPicture picture = readingMap(engine(), session, ids, wholeMap(0, 64, heads));
            EXPECT_EQ(picture.rows, 64u); // of 11 tokens, the last of 7
            EXPECT_EQ(picture.key_step, 11u);
            expectPicture(picture, twin, heads);
            EXPECT_LT(worstRowSum(picture), 1e-5);
        }
    }
}

TEST_P(AttentionMapTest, PatternsEqualTheTwin) {
    std::vector<Token> ids = someIds(engine());
    Twin twin(engine(), ids);
    for (const char *spec : {"window:37", "a-shape:5+61", "dilated:9x3", "strided:26", "fixed:64,3",
                             "longformer:33+7", "shifted:50", "bigbird:16,3,1,2"}) {
        SCOPED_TRACE(spec);
        twin.look(Pattern(spec));
        Session session(engine(), exactOptions(spec));
        AttentionPicture picture = readingMap(engine(), session, ids, wholeMap(0, 100));
        expectPicture(picture, twin, {});
        EXPECT_LT(worstRowSum(picture), 1e-5);
    }
}

/// The picture of one head is that head's own, whichever comes first, also where heads see other
/// keys than their neighbours.
TEST_P(AttentionMapTest, HeadsAloneEqualTheTwin) {
    std::vector<Token> ids = someIds(engine());
    Twin twin(engine(), ids);
    for (const char *spec : {"mixed:window:4#0|chunked:50#2|full", "shifted:50"}) {
        SCOPED_TRACE(spec);
        twin.look(Pattern(spec));
        Session session(engine(), exactOptions(spec));
        for (const std::vector<uint32_t> &heads :
             {std::vector<uint32_t>{0}, {1}, {2}, {3}, {0, 2, 3}}) {
            SCOPED_TRACE(::testing::PrintToString(heads));
            AttentionPicture picture = readingMap(engine(), session, ids, wholeMap(0, 100, heads));
            expectPicture(picture, twin, heads);
            EXPECT_LT(worstRowSum(picture), 1e-5);
            expectPicture(lookAt(session, {.heads = heads,
                                           .first_query = 680,
                                           .end_query = 700,
                                           .end_key = 700,
                                           .size = 20}),
                          twin, heads);
        }
    }
}

/// All heads together are the mean of the heads alone, in so many cells that the kernel runs for
/// some heads after the others.
TEST_P(AttentionMapTest, AllHeadsAreTheMeanOfEach) {
    std::vector<Token> ids = someIds(engine());
    for (const char *spec : {"mixed:window:4#0-2|full", "topk:4,32"}) {
        SCOPED_TRACE(spec);
        Session session(engine(), exactOptions(spec, 1024));
        AttentionPicture all = readingMap(engine(), session, ids, wholeMap(1, kTokens));
        EXPECT_LT(worstRowSum(all), 1e-4);
        std::vector<double> sums(all.sum.size());
        std::vector<float> maxima(all.sum.size());
        for (uint32_t head = 0; head < 4; ++head) {
            AttentionPicture own = readingMap(engine(), session, ids, wholeMap(1, kTokens, {head}));
            EXPECT_LT(worstRowSum(own), 1e-4) << "head " << head;
            for (size_t cell = 0; cell < sums.size(); ++cell) {
                sums[cell] += static_cast<double>(own.sum[cell]) / 4;
                maxima[cell] = std::max(maxima[cell], own.maximum[cell]);
            }
        }
        for (size_t cell = 0; cell < sums.size(); ++cell) {
            ASSERT_NEAR(all.sum[cell], sums[cell], kTolerance) << "cell " << cell;
            ASSERT_NEAR(all.maximum[cell], maxima[cell], kTolerance) << "cell " << cell;
        }
    }
}

/// Keys that lie before and beyond the part do not leak into its last, narrower cells.
TEST_P(AttentionMapTest, PartsEqualTheTwin) {
    std::vector<Token> ids = someIds(engine());
    Twin twin(engine(), ids);
    twin.look(Pattern("full"));
    Session session(engine(), exactOptions());
    session.read(ids);
    for (MapRequest part : {MapRequest{.heads = {2},
                           .first_query = 301,
                           .end_query = 700,
                           .first_key = 13,
                           .end_key = 334,
                           .size = 50},
                            MapRequest{.heads = {0, 1},
                            .first_query = 0,
                            .end_query = 9,
                            .first_key = 3,
                            .end_key = 700,
                            .size = 512},
                            MapRequest{.heads = {},
                            .first_query = 699,
                            .end_query = 700,
                            .first_key = 690,
                            .end_key = 699,
                            .size = 1}}) {
        expectPicture(lookAt(session, part), twin, part.heads);
        expectPicture(readingMap(engine(), session, ids, part), twin, part.heads);
    }
}

/// Deeper layers: looking again gives what was seen while reading, cell by cell, also after decode.
TEST_P(AttentionMapTest, LookingAgainEqualsReading) {
    std::vector<Token> ids = someIds(engine());
    for (const char *spec : {"full", "strided:26"}) {
        Session session(engine(), exactOptions(spec, 128));
        AttentionPicture read = readingMap(engine(), session, ids, wholeMap(2, 70, {0, 3}));
        AttentionPicture again = lookAt(session, wholeMap(2, 70, {0, 3}));
        for (size_t cell = 0; cell < read.sum.size(); ++cell) {
            ASSERT_NEAR(read.sum[cell], again.sum[cell], kTolerance) << spec << " cell " << cell;
            ASSERT_NEAR(read.maximum[cell], again.maximum[cell], kTolerance) << spec;
        }
        EXPECT_EQ(session.tokens().size(), kTokens); // looking changed nothing
        ids.push_back(7);
        EXPECT_EQ(session.read(ids).reused, kTokens);
        AttentionPicture last = lookAt(session, {.layer = 2,
                                                 .first_query = kTokens,
                                                 .end_query = kTokens + 1,
                                                 .end_key = kTokens + 1,
                                                 .size = 1024});
        EXPECT_LT(worstRowSum(last), 1e-5);
        ids.pop_back();
    }
}

/// Every way to keep keys, to turn them and to choose them leaves rows that add up to 1.
TEST_P(AttentionMapTest, RowsAddUpToOne) {
    std::vector<Token> ids = someIds(engine());
    auto check = [&](const SessionOptions &options) {
        Session session(engine(), options);
        EXPECT_LT(worstRowSum(readingMap(engine(), session, ids, wholeMap(1, 90))), 1e-4);
    };
    for (const char *spec : {"sinks:4+60", "vertical-slash:40,60", "topk:4,32"}) {
        SCOPED_TRACE(spec);
        check(exactOptions(spec));
    }
    for (const char *spec : {"self-extend:4,64", "rerope:100", "ntk:4"}) {
        SCOPED_TRACE(spec);
        SessionOptions options = exactOptions();
        options.rope = attention::parseRope(spec);
        check(options);
    }
    for (CacheType type : {CacheType::f16, CacheType::q8_0, CacheType::q4_0}) {
        SessionOptions options = exactOptions();
        options.k = options.v = type;
        check(options);
    }
}

// ---- limits ------------------------------------------------------------------------------------

uint64_t bookedForMaps(const Engine &engine) {
    for (const gpu::BookedPart &part : engine.device().booked())
        if (part.name == "maps")
            return part.bytes;
    return 0;
}

TEST_P(AttentionMapTest, MemoryIsBookedAndSmall) {
    std::vector<Token> ids = someIds(engine(), 1024);
    SessionOptions options = exactOptions("strided:26", 1024); // two passes, long chunks
    Session session(engine(), options);
    {
        MapRequest request = wholeMap(0, kLargestMap, {}, 1024);
        MapCollector collector(engine().device(), engine().config(), request);
        session.read(ids, {}, {}, &collector);
        EXPECT_GT(bookedForMaps(engine()), 0u);
        EXPECT_LE(bookedForMaps(engine()), 2 * kMapBufferBytes);
        // Host: sums in double, largest values, and the finished picture with its mean.
        uint64_t host = uint64_t{kLargestMap} * kLargestMap * (8 + 4 + 4 + 4 + 4);
        EXPECT_LT(bookedForMaps(engine()) + host, kMapBytesPromised);
    }
    EXPECT_EQ(bookedForMaps(engine()), 0u);
}

TEST_P(AttentionMapTest, RefusesWithNumbers) {
    Session session(engine(), exactOptions());
    session.read(someIds(engine(), 50));
    auto refusal = [&](const MapRequest &request) {
        return errorOf(ErrorKind::usage, [&] { lookAt(session, request); });
    };
    EXPECT_TRUE(holds(refusal(wholeMap(3, 64, {}, 50)), "layer 3"));
    EXPECT_TRUE(holds(refusal(wholeMap(0, 64, {4}, 50)), "head 4"));
    EXPECT_TRUE(holds(refusal(wholeMap(0, 64, {}, 51)), "0:51"));
    EXPECT_TRUE(holds(refusal(wholeMap(0, 0, {}, 50)), "1024"));
    EXPECT_TRUE(holds(refusal(wholeMap(0, 1025, {}, 50)), "1025"));
    EXPECT_TRUE(holds(refusal({.first_query = 5, .end_query = 5, .end_key = 50}), "5:5"));
    // Reading shows what a window forgets, looking again cannot.
    Session forgets(engine(), exactOptions("window:30", 64));
    std::vector<Token> ids = someIds(engine());
    readingMap(engine(), forgets, ids, wholeMap(0, 64));
    std::string why = errorOf(ErrorKind::usage, [&] { lookAt(forgets, wholeMap(0, 64)); });
    EXPECT_TRUE(holds(why, "forgotten") && holds(why, "700")) << why;
    AttentionPicture last = lookAt(forgets, {.first_query = 690, .end_query = 700, .end_key = 700});
    EXPECT_LT(worstRowSum(last), 1e-5); // these are still there
}

INSTANTIATE_TEST_SUITE_P(Maps, AttentionMapTest, ::testing::Values("lanes", "subgroup"),
                         [](const auto &family) { return std::string(family.param); });

TEST(DefaultModelMapTest, LayerZeroEqualsTheTwin) {
    ASSERT_NE(testing::findDefaultModel(), "") << testing::kNoDefaultModel;
    Engine &engine = engineFor(testing::findDefaultModel(), "auto");
    std::vector<Token> ids = someIds(engine);
    Twin twin(engine, ids);
    twin.look(Pattern("full"));
    Session session(engine, exactOptions());
    AttentionPicture picture = readingMap(engine, session, ids, wholeMap(0, 64));
    expectPicture(picture, twin, {});
    EXPECT_LT(worstRowSum(picture), 1e-5);
}

} // namespace
} // namespace longscope::engine
