// Where the data decide which keys count: the keys that the engine kept or chose for every head
// against the rules of methods.md 2.11 to 2.15 over probabilities computed one by one, however a
// reading is cut.
#include "compute/engine/attention_metrics.h"
#include "compute/engine/session_impl.h"
#include "tests/support/attention_twin.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace longscope::engine {
namespace {

using attention::EvictionKind;
using attention::Interval;
using testing::exactOptions;
using testing::kTokens;
using testing::readOneByOne;
using testing::rowsOf;
using testing::someIds;
using Twin = testing::AttentionTwin;
using Positions = std::vector<std::set<uint64_t>>; ///< [kv_head]

SessionOptions evicting(const std::string &spec, uint32_t chunk_tokens = 0) {
    SessionOptions options = exactOptions("full", chunk_tokens);
    options.eviction = attention::parseEviction(spec);
    return options;
}

Positions keptBy(Session &session, uint32_t layer) {
    Positions kept;
    for (const auto &of_head :
         session.impl().attention->keptPositions(layer, session.tokens().size()))
        kept.emplace_back(of_head.begin(), of_head.end());
    return kept;
}

/// Where a reading is cut into chunks, which depends on the time they take.
struct Cuts : Observer {
    std::vector<uint64_t> ends = {0};
    bool wants(uint32_t, const Chunk &) const override { return false; }
    void recorded(gpu::Recorder &, const Pass &, uint32_t, const Chunk &, const Flush &) override {}
    void finished(gpu::Recorder &, const Pass &, const Chunk &chunk, const Flush &) override {
        ends.push_back(chunk.position + chunk.rows);
    }
};

class AttentionChoiceTest : public ::testing::TestWithParam<const char *> {
  protected:
    Engine &engine() { return testing::tinyEngine(GetParam()); }
    uint32_t group() { return engine().config().heads / engine().config().kv_heads; }
};

// ---- evictions ---------------------------------------------------------------------------------

/// The largest `count` by value.
std::set<uint64_t> best(std::vector<std::pair<double, uint64_t>> values, size_t count) {
    std::ranges::sort(values, std::greater{});
    std::set<uint64_t> kept;
    for (size_t i = 0; i < std::min(count, values.size()); ++i)
        kept.insert(values[i].second);
    return kept;
}

/// H2O and TOVA, one position after another: what each KV head keeps after the chunks that end
/// there.
Positions keptWhileReading(Twin &twin, const attention::Eviction &eviction, uint32_t kv_heads,
                           const std::vector<uint64_t> &ends) {
    const bool heavy = eviction.kind == EvictionKind::h2o;
    const uint32_t group = twin.heads() / kv_heads;
    std::vector<std::map<uint64_t, double>> seen(kv_heads);
    for (size_t chunk = 1; chunk < ends.size(); ++chunk) {
        const uint64_t first = ends[chunk - 1], end = ends[chunk];
        for (uint32_t kv_head = 0; kv_head < kv_heads; ++kv_head) {
            std::map<uint64_t, double> &own = seen[kv_head];
            for (uint64_t i = first; i < end; ++i)
                own.emplace(i, 0);
            if (!heavy)
                std::ranges::for_each(own, [](auto &entry) { entry.second = 0; });
            uint32_t first_head = heavy ? kv_head * group : 0;
            uint32_t end_head = heavy ? first_head + group : twin.heads();
            for (uint32_t head = first_head; head < end_head; ++head)
                for (uint64_t i = heavy ? first : end - 1; i < end; ++i) {
                    twin.lookAt(head, i, [&](uint64_t j) { return own.contains(j); });
                    for (auto &[position, sum] : own)
                        sum += position <= i ? twin.p(head, i, position) : 0;
                }
            uint64_t newest = heavy ? eviction.keep - eviction.keep / 2 : 1;
            std::vector<std::pair<double, uint64_t>> older;
            for (const auto &[position, sum] : own)
                if (position + newest < end)
                    older.emplace_back(sum, position);
            std::set<uint64_t> stays = best(older, eviction.keep - newest);
            std::erase_if(own, [&](const auto &entry) {
                return entry.first + newest < end && !stays.contains(entry.first);
            });
        }
    }
    Positions kept(kv_heads);
    for (uint32_t kv_head = 0; kv_head < kv_heads; ++kv_head)
        for (const auto &[position, sum] : seen[kv_head])
            kept[kv_head].insert(position);
    return kept;
}

TEST_P(AttentionChoiceTest, KeepsWhatTheRulesKeepWhileReading) {
    std::vector<Token> ids = someIds(engine(), 300);
    const uint32_t kv_heads = engine().config().kv_heads;
    for (const char *spec : {"h2o:64", "tova:64", "h2o:33", "tova:150"}) {
        SCOPED_TRACE(spec);
        Session session(engine(), evicting(spec, 90));
        Cuts cuts;
        for (uint64_t count = 290; count <= 300; ++count)
            session.read(std::span(ids).first(count), {}, {}, &cuts);
        Twin twin(engine(), ids);
        Positions want = keptWhileReading(twin, session.options().eviction, kv_heads, cuts.ends);
        EXPECT_EQ(keptBy(session, 0), want);
        EXPECT_EQ(want[0] == want[1], session.options().eviction.kind == EvictionKind::tova);
    }
}

/// SnapKV after one prompt: sums of the last queries, averaged with their neighbours.
Positions keptOfPrompt(Twin &twin, const attention::Eviction &eviction, uint32_t kv_heads,
                       uint64_t tokens) {
    const uint32_t group = twin.heads() / kv_heads;
    const uint64_t older = tokens - eviction.window;
    Positions kept(kv_heads);
    for (uint32_t kv_head = 0; kv_head < kv_heads; ++kv_head) {
        std::vector<double> sums(older);
        for (uint32_t head = kv_head * group; head < (kv_head + 1) * group; ++head)
            for (uint64_t i = older; i < tokens; ++i) {
                twin.lookAt(head, i, [](uint64_t) { return true; });
                for (uint64_t j = 0; j < older; ++j)
                    sums[j] += twin.p(head, i, j);
            }
        std::vector<std::pair<double, uint64_t>> pooled;
        uint64_t reach = eviction.pool / 2;
        for (uint64_t j = 0; j < older; ++j) {
            double sum = 0;
            for (uint64_t near = j - std::min(j, reach); near <= j + reach && near < older; ++near)
                sum += sums[near];
            pooled.emplace_back(sum, j);
        }
        kept[kv_head] = best(pooled, eviction.keep - eviction.window);
        for (uint64_t j = older; j < tokens; ++j)
            kept[kv_head].insert(j);
    }
    return kept;
}

/// The observed queries are the last ones of the prompt, wherever its chunks end.
TEST_P(AttentionChoiceTest, SnapKvKeepsTheSameHoweverAPromptIsCut) {
    const uint32_t kv_heads = engine().config().kv_heads;
    for (uint64_t count : {256, 257, 258, 287}) {
        std::vector<Token> ids = someIds(engine(), count);
        Twin twin(engine(), ids);
        for (uint32_t chunk : {300u, 128u, 8u}) {
            SCOPED_TRACE(std::format("{} tokens in chunks of {}", count, chunk));
            Session session(engine(), evicting("snapkv:64,32,5", chunk));
            session.read(ids);
            EXPECT_EQ(keptBy(session, 0),
                      keptOfPrompt(twin, session.options().eviction, kv_heads, count));
            Session other(engine(), evicting("snapkv:64,32,5", chunk));
            other.readAllLogits(ids, 0, [](uint64_t, std::span<const float>) {});
            EXPECT_EQ(keptBy(other, 0), keptBy(session, 0));
        }
    }
}

/// What was thrown away once does not come back, and what is held can be counted.
TEST_P(AttentionChoiceTest, SnapKvKnowsItsTokensAfterTheNextPrompt) {
    std::vector<Token> ids = someIds(engine(), 220);
    Session session(engine(), evicting("snapkv:64,16,5", 100));
    session.read(std::span(ids).first(150));
    std::vector<Positions> before;
    for (uint32_t layer = 0; layer < 3; ++layer)
        before.push_back(keptBy(session, layer));
    readOneByOne(session, std::span(ids).first(160), 150); // an answer
    session.read(ids);                                     // the next question
    double sum = 0;
    for (float share : session.heldShares())
        sum += static_cast<double>(share);
    EXPECT_NEAR(sum, 64, 1e-3);
    for (uint32_t layer = 0; layer < 3; ++layer) {
        Positions kept = keptBy(session, layer);
        ASSERT_EQ(kept.size(), engine().config().kv_heads);
        for (size_t head = 0; head < kept.size(); ++head) {
            EXPECT_EQ(kept[head].size(), 64u);
            for (uint64_t i = 220 - 16; i < 220; ++i)
                EXPECT_TRUE(kept[head].contains(i)) << "layer " << layer << " position " << i;
            for (uint64_t position : kept[head])
                EXPECT_TRUE(position >= 150 || before[layer][head].contains(position))
                    << "layer " << layer << " position " << position;
        }
    }
}

// ---- patterns that choose ----------------------------------------------------------------------

/// What the kernel AttentionScores gives (shaders/params.h), one product after another.
std::vector<float> scoresOf(const Twin &twin, const attention::WantedScores &wanted,
                            uint64_t position) {
    std::vector<float> scores;
    for (uint32_t head = 0; head < twin.heads(); ++head)
        for (uint64_t a = 0; a < wanted.row_groups; ++a)
            for (uint64_t b = 0; b < wanted.key_groups; ++b) {
                double sum = 0;
                for (uint64_t t = 0; t < wanted.group; ++t)
                    sum += twin.score(head,
                                      position + wanted.first_row + (a + 1) * wanted.group - 1 - t,
                                      b * wanted.group + t);
                scores.push_back(static_cast<float>(sum));
            }
    return scores;
}

/// The keys of a query of a head.
std::set<uint64_t> keysOf(const attention::Choice &choice, uint32_t head, uint64_t query) {
    std::vector<Interval> intervals;
    choice.appendKeys(0, head, query, intervals);
    std::set<uint64_t> keys(choice.columns(head).begin(), choice.columns(head).end());
    for (Interval interval : intervals)
        for (uint64_t key = interval.first; key < interval.end; ++key)
            keys.insert(key);
    return keys;
}

/// The attention of a reading is that over the keys that the rule chooses from scores computed one
/// by one: for every head and chunk its own. (A picture of these rows is made in one piece.)
TEST_P(AttentionChoiceTest, ReadsTheKeysThatTheRulesChoose) {
    constexpr uint32_t kChunk = 320;
    std::vector<Token> ids = someIds(engine());
    const auto scale =
        static_cast<float>(1 / std::sqrt(static_cast<double>(engine().config().head_dim)));
    Twin twin(engine(), ids);
    for (const char *spec :
         {"vertical-slash:40,60", "topk:4,32", "xattention:0.6,8,32", "flexprefill:0.6,128"}) {
        SCOPED_TRACE(spec);
        attention::Pattern pattern(spec);
        Session session(engine(), exactOptions(spec, kChunk));
        MapCollector collector(engine().device(), engine().config(), rowsOf(0, {0, kTokens}));
        Cuts cuts;
        Observers both;
        both.add(collector);
        both.add(cuts);
        session.read(ids, {}, {}, &both);
        AttentionPicture picture = collector.picture();
        uint64_t chosen = 0;
        for (size_t chunk = 1; chunk < cuts.ends.size(); ++chunk) {
            const uint64_t position = cuts.ends[chunk - 1];
            const auto rows = static_cast<uint32_t>(cuts.ends[chunk] - position);
            attention::WantedScores wanted = attention::wantedScores(pattern, position, rows);
            std::vector<float> scores = scoresOf(twin, wanted, position);
            attention::Choice choice =
                attention::chooseKeys(pattern, {.position = position,
                                                .rows = rows,
                                                .heads = twin.heads(),
                                                .first_row = wanted.first_row,
                                                .row_groups = wanted.row_groups,
                                                .key_groups = wanted.key_groups,
                                                .group = wanted.group,
                                                .scores = scores,
                                                .scale = scale});
            for (uint32_t head = 0; head < twin.heads(); ++head)
                for (uint64_t query = position; query < position + rows; ++query) {
                    std::set<uint64_t> keys = keysOf(choice, head, query);
                    twin.lookAt(head, query, [&](uint64_t key) { return keys.contains(key); });
                    chosen += std::ranges::distance(keys.begin(), keys.upper_bound(query));
                }
        }
        EXPECT_LT(chosen, twin.heads() * kTokens * kTokens * 19 / 40)
            << "of half nothing is left out";
        int failures = 0;
        for (uint64_t query = 0; query < kTokens; ++query)
            for (uint64_t key = 0; key <= query && failures < 5; ++key) {
                double mean = 0;
                for (uint32_t head = 0; head < twin.heads(); ++head)
                    mean += twin.p(head, query, key) / twin.heads();
                double got = picture.sum[query * picture.columns + key];
                failures += std::abs(got - mean) > 1e-5 ? 1 : 0;
                EXPECT_NEAR(got, mean, 1e-5) << "query " << query << " key " << key;
            }
    }
}

INSTANTIATE_TEST_SUITE_P(Choices, AttentionChoiceTest, ::testing::Values("lanes", "subgroup"),
                         [](const auto &family) { return std::string(family.param); });

} // namespace
} // namespace longscope::engine
