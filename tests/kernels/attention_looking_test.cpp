// What a session can still show: what its patterns have left behind, and whether looking again, or
// being watched, is as the reading was where the data decide which keys count.
#include "compute/engine/attention_metrics.h"
#include "tests/support/attention_twin.h"

#include <gtest/gtest.h>

namespace longscope::engine {
namespace {

using attention::Interval;
using testing::exactOptions;
using testing::nmse;
using testing::readOneByOne;
using testing::rowsOf;
using testing::someIds;
using Twin = testing::AttentionTwin;

class AttentionLookingTest : public ::testing::TestWithParam<const char *> {
  protected:
    Engine &engine() { return testing::tinyEngine(GetParam()); }
};

// ---- what patterns leave behind ----------------------------------------------------------------

TEST_P(AttentionLookingTest, ForgottenIsWhatNoLaterTokenSees) {
    struct Case {
        std::vector<std::string> patterns; ///< of layers
        std::vector<uint64_t> tokens;
    };
    for (const Case &wanted :
         {Case{{"rolling:4+24"}, {20, 28, 29, 35, 40, 41, 90}},
          Case{{"chunked:32"}, {31, 32, 33, 80}}, Case{{"shifted:32"}, {20, 32, 40, 48, 90}},
          Case{{"window:17"}, {16, 17, 18, 60}}, Case{{"dilated:5x3"}, {12, 13, 14, 15, 50}},
          Case{{"longformer:16+5"}, {3, 20, 60}},
          Case{{"sinks:2+30@0", "sinks:4+9@1,2"}, {9, 33, 34, 60}},
          Case{{"mixed:window:9#0|chunked:20"}, {10, 20, 21, 45}}, Case{{"topk:2,16"}, {60}}})
        for (uint64_t tokens : wanted.tokens) {
            SessionOptions options = exactOptions();
            options.patterns = attention::LayerPatterns(wanted.patterns);
            Session session(engine(), options);
            session.read(someIds(engine(), tokens));
            SCOPED_TRACE(std::format("{} after {} tokens", options.patterns.text(), tokens));
            std::vector<float> held = session.heldShares();
            Interval forgotten = session.forgotten();
            for (uint64_t key = 0; key < tokens; ++key) {
                double seen = 0; // share of layers
                for (uint32_t layer = 0; layer < 3; ++layer) {
                    const attention::Pattern &pattern = options.patterns.of(layer);
                    bool sees = false;
                    for (uint64_t query = tokens; query < tokens + 100; ++query)
                        for (uint32_t kind = 0; kind < pattern.headKinds(); ++kind)
                            sees = sees || pattern.sees(kind, query, key);
                    seen += sees ? 1.0 / 3 : 0;
                }
                EXPECT_NEAR(static_cast<double>(held[key]), seen, 1e-5) << key;
                EXPECT_EQ(forgotten.first <= key && key < forgotten.end, seen == 0) << key;
            }
        }
}

// ---- looking -----------------------------------------------------------------------------------

/// What is written token by token reads everything, or pages that its own query chose. Looking
/// there again shows that, and being watched does not change it.
TEST_P(AttentionLookingTest, WrittenTokensAreLookedAtAsTheyWereRead) {
    constexpr uint64_t kPrompt = 203, kAll = 211;
    std::vector<Token> ids = someIds(engine(), kAll);
    for (auto [pattern, evict] :
         {std::pair{"topk:2,16", "none"}, {"vertical-slash:40,60", "none"}, {"full", "quest:64"}}) {
        SCOPED_TRACE(std::format("{} {}", pattern, evict));
        SessionOptions options = exactOptions(pattern);
        options.eviction = attention::parseEviction(evict);
        Session plain(engine(), options), watched(engine(), options);
        for (Session *session : {&plain, &watched})
            session->read(std::span(ids).first(kPrompt));
        readOneByOne(plain, ids, kPrompt);
        std::vector<AttentionPicture> written;
        for (uint64_t i = kPrompt; i < kAll; ++i) {
            MapCollector collector(engine().device(), engine().config(), rowsOf(2, {i, i + 1}));
            watched.read(std::span(ids).first(i + 1), {}, {}, &collector);
            written.push_back(collector.picture());
        }
        EXPECT_LT(nmse(watched.logits(), plain.logits()), 1e-9);

        AttentionPicture again = lookAt(plain, rowsOf(2, {kPrompt, kAll}));
        ASSERT_EQ(again.rows, kAll - kPrompt);
        uint64_t unread = 0;
        for (uint32_t row = 0; row < again.rows; ++row)
            for (uint64_t key = 0; key <= kPrompt + row; ++key) {
                float sum = again.sum[row * again.columns + key];
                ASSERT_NEAR(sum, written[row].sum[key], 1e-4) << "row " << row << " key " << key;
                unread += sum == 0 ? 1 : 0;
            }
        EXPECT_EQ(unread > 0, std::string(evict) != "none"); // pages that no head read
        // Layer 0, whose numbers are known, in full.
        Twin twin(engine(), ids);
        twin.look(attention::Pattern("full"));
        AttentionPicture first = lookAt(plain, rowsOf(0, {kPrompt, kAll}));
        for (uint32_t row = 0; row < first.rows; ++row)
            for (uint64_t key = 0; key <= kPrompt + row; ++key) {
                double mean = 0;
                for (uint32_t head = 0; head < twin.heads(); ++head)
                    mean += twin.p(head, kPrompt + row, key) / twin.heads();
                ASSERT_NEAR(double{first.sum[row * first.columns + key]}, mean, 1e-4);
            }
        // Both work on.
        readOneByOne(plain, someIds(engine(), kAll + 4), kAll);
        readOneByOne(watched, someIds(engine(), kAll + 4), kAll);
        EXPECT_LT(nmse(plain.logits(), watched.logits()), 1e-9);
    }
}

TEST_P(AttentionLookingTest, ALookThatChoosesAnewSaysSo) {
    std::vector<Token> ids = someIds(engine(), 205);
    Session chooses(engine(), exactOptions("topk:2,16")), full(engine(), exactOptions());
    SessionOptions upper = exactOptions();
    upper.patterns = attention::LayerPatterns(std::vector<std::string>{"topk:2,16@2"});
    Session above(engine(), upper);
    for (Session *session : {&chooses, &full, &above}) {
        session->read(std::span(ids).first(200));
        readOneByOne(*session, ids, 200);
    }
    EXPECT_NE(chooses.lookingNote({0, 200}, 1), "");
    EXPECT_NE(chooses.lookingNote({199, 205}, 1), "");
    EXPECT_EQ(chooses.lookingNote({200, 205}, 3), ""); // was read in full and is looked at so
    EXPECT_EQ(full.lookingNote({0, 205}, 3), "");
    EXPECT_EQ(above.lookingNote({0, 200}, 2), "");
    EXPECT_NE(above.lookingNote({0, 200}, 3), "");
    chooses.truncate(202);
    std::vector<Token> longer(ids.begin(), ids.begin() + 202);
    longer.resize(240, 7);
    chooses.read(longer); // what comes now is read in chunks
    EXPECT_EQ(chooses.lookingNote({200, 202}, 3), "");
    EXPECT_NE(chooses.lookingNote({202, 203}, 3), "");
}

/// One row that is watched while another pattern's recall is measured (the end of a text of 1025
/// tokens read in chunks of 1024): the layers above must not read with that pattern's schedule.
TEST_P(AttentionLookingTest, WatchingOneRowLeavesItAsItIs) {
    std::vector<Token> ids = someIds(engine(), 101);
    Session plain(engine(), exactOptions()), watched(engine(), exactOptions());
    for (Session *session : {&plain, &watched})
        session->read(std::span(ids).first(100));
    plain.read(ids);
    RecallCollector recall(engine().device(), engine().config(),
                           attention::LayerPatterns(std::vector<std::string>{"window:5"}));
    watched.read(ids, {}, {}, &recall);
    EXPECT_LT(nmse(watched.logits(), plain.logits()), 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Looking, AttentionLookingTest, ::testing::Values("lanes", "subgroup"),
                         [](const auto &family) { return std::string(family.param); });

} // namespace
} // namespace longscope::engine
