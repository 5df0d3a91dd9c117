// What the heads do and where answers look, against probabilities computed one by one.
#include "compute/engine/attention_metrics.h"
#include "tests/support/attention_twin.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>

#include <cmath>

namespace longscope::engine {
namespace {

using attention::Pattern;
using testing::exactOptions;
using testing::kTokens;
using testing::someIds;
using Twin = testing::AttentionTwin;

attention::LayerPatterns patternsOf(const std::string &spec,
                                    std::shared_ptr<const attention::BlockMask> mask = nullptr) {
    return attention::LayerPatterns(std::span(&spec, 1), std::move(mask));
}

class AttentionMetricsTest : public ::testing::TestWithParam<const char *> {
  protected:
    Engine &engine() { return testing::tinyEngine(GetParam()); }
};

TEST_P(AttentionMetricsTest, MetricsEqualTheTwin) {
    std::vector<Token> ids = someIds(engine());
    Twin twin(engine(), ids);
    twin.look(Pattern("full"));
    Session session(engine(), exactOptions());
    for (const char *spec : {"window:50", "strided:26", "shifted:50"}) {
        SCOPED_TRACE(spec);
        Pattern other(spec);
        attention::LayerPatterns others = patternsOf(spec + std::string("@0-1"));
        MetricsCollector collector(engine().device(), engine().config(), {.sinks = 3, .recent = 40},
                                   &others);
        session.truncate(0);
        session.read(ids, {}, {}, &collector);
        EXPECT_EQ(collector.layers(), 3u);
        for (uint32_t head = 0; head < twin.heads(); ++head) {
            double entropy = 0, distance = 0, sinks = 0, recent = 0, recall = 0;
            for (uint64_t i = 0; i < kTokens; ++i)
                for (uint64_t j = 0; j <= i; ++j) {
                    double p = twin.p(head, i, j) / static_cast<double>(kTokens);
                    if (p == 0)
                        continue;
                    entropy -= p * std::log(twin.p(head, i, j));
                    distance += p * static_cast<double>(i - j);
                    sinks += j < 3 ? p : 0;
                    recent += i - j < 40 ? p : 0;
                    recall += other.sees(other.headKind(head, twin.heads()), i, j) ? p : 0;
                }
            HeadMetrics got = collector.of(0, head);
            EXPECT_NEAR(got.entropy, entropy, 1e-4);
            EXPECT_NEAR(got.distance, distance, 1e-2); // of some 200 tokens
            EXPECT_NEAR(got.sink_share, sinks, 1e-5);
            EXPECT_NEAR(got.recent_share, recent, 1e-5);
            ASSERT_TRUE(got.recall);
            EXPECT_NEAR(*got.recall, recall, 1e-5);
            EXPECT_LT(*collector.of(1, head).recall, 0.999);
            EXPECT_EQ(*collector.of(2, head).recall, 1); // a layer that is not named
        }
    }
}

TEST_P(AttentionMetricsTest, RecallOfAMaskOfBlocks) {
    std::vector<Token> ids = someIds(engine());
    Session session(engine(), exactOptions());
    auto mask = std::make_shared<const attention::BlockMask>(
        attention::parseBlockMask("block 350\n1\n11\n"));
    for (const char *spec : {"blocks:all", "mixed:window:9#3|blocks:all"}) {
        attention::LayerPatterns others = patternsOf(spec, mask);
        MetricsCollector collector(engine().device(), engine().config(), {}, &others);
        session.truncate(0);
        session.read(ids, {}, {}, &collector);
        for (uint32_t head = 0; head < 3; ++head)
            EXPECT_NEAR(*collector.of(0, head).recall, 1, 1e-4) << spec << " head " << head;
        double last = *collector.of(0, 3).recall;
        EXPECT_TRUE(spec[0] == 'm' ? last < 0.9 : std::abs(last - 1) < 1e-4) << spec << " " << last;
    }
}

TEST_P(AttentionMetricsTest, RefusesRecallOfWhatIsNotThere) {
    auto refusal = [&](const char *spec) {
        return errorOf(ErrorKind::usage, [&] {
            attention::LayerPatterns others = patternsOf(spec);
            MetricsCollector made(engine().device(), engine().config(), {}, &others);
        });
    };
    EXPECT_TRUE(holds(refusal("topk:4,32"), "topk:4,32"));
    EXPECT_TRUE(holds(refusal("window:9@3"), "there is no layer 3"));
    EXPECT_TRUE(holds(refusal("mixed:window:9#4|full@1"), "there is no head 4; layer 1 has 4"));
}

TEST_P(AttentionMetricsTest, SharesOfSpansEqualTheTwin) {
    std::vector<Token> ids = someIds(engine());
    Twin twin(engine(), ids);
    twin.look(Pattern("full"));
    Session session(engine(), exactOptions());
    session.read(ids);
    SpanRequest request{.layers = {0},
                        .heads = {1, 3},
                        .first_query = 655,
                        .end_query = 692,
                        .spans = {{20, 21}, {5, 333}, {300, 450}}}; // in any order, overlapping
    std::vector<double> shares = sharesOfSpans(session, request);
    ASSERT_EQ(shares.size(), 3u);
    for (size_t span = 0; span < shares.size(); ++span) {
        double want = 0;
        for (uint64_t i = 655; i < 692; ++i)
            for (uint64_t j = request.spans[span].first; j < request.spans[span].end; ++j)
                want += (twin.p(1, i, j) + twin.p(3, i, j)) / (2 * 37);
        EXPECT_NEAR(shares[span], want, 1e-5) << "span " << span;
    }
    request = {.first_query = 655,
               .end_query = 692,
               .spans = {{0, 100}, {100, 692}}}; // of everything, in all layers and heads
    shares = sharesOfSpans(session, request);
    EXPECT_NEAR(shares[0] + shares[1], 1, 1e-5);
    request.spans = {{3, 701}};
    errorOf(ErrorKind::usage, [&] { sharesOfSpans(session, request); });
    request.spans.clear();
    EXPECT_TRUE(sharesOfSpans(session, request).empty());
}

INSTANTIATE_TEST_SUITE_P(Metrics, AttentionMetricsTest, ::testing::Values("lanes", "subgroup"),
                         [](const auto &family) { return std::string(family.param); });

} // namespace
} // namespace longscope::engine
