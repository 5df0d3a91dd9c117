// A session as its users see it: prefix reuse, stopping, refusals with numbers, forecast bytes.
#include "compute/engine/session.h"
#include "tests/support/engines.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace longscope::engine {
namespace {

using testing::dataFile;
using testing::engineFor;
using testing::nmse;

Engine &smallEngine() {
    return engineFor(dataFile("llama-dense.gguf"), "auto");
}

std::vector<Token> someIds(size_t count, Token first = 3) {
    std::vector<Token> ids;
    for (size_t i = 0; i < count; ++i)
        ids.push_back(static_cast<Token>((static_cast<size_t>(first) + i * 29) % 128));
    return ids;
}

std::vector<float> copyOf(std::span<const float> logits) {
    return {logits.begin(), logits.end()};
}

TEST(SessionTest, ReusesTheCommonPrefixAndGivesTheSameLogits) {
    std::vector<Token> first = someIds(60), second = first;
    second.resize(40);
    for (Token id : someIds(30, 77))
        second.push_back(id);

    Session fresh(smallEngine(), {.k = CacheType::f32, .v = CacheType::f32});
    fresh.read(second);
    std::vector<float> want = copyOf(fresh.logits());

    Session session(smallEngine(), {.k = CacheType::f32, .v = CacheType::f32});
    EXPECT_EQ(session.read(first).reused, 0u);
    ReadResult again = session.read(second);
    EXPECT_EQ(again.reused, 40u);
    EXPECT_EQ(again.read, 30u);
    EXPECT_LT(nmse(copyOf(session.logits()), want), 1e-10);
    EXPECT_EQ(session.tokens(), second);

    ReadResult same = session.read(second); // nothing to do, the logits are there
    EXPECT_EQ(same.reused, second.size());
    EXPECT_EQ(same.read, 0u);

    std::vector<Token> shorter(second.begin(), second.begin() + 50);
    EXPECT_EQ(session.read(shorter).reused, 49u); // the last one runs for its logits
    session.truncate(10);
    EXPECT_EQ(session.tokens().size(), 10u);
    EXPECT_EQ(session.read(shorter).reused, 10u);
}

TEST(SessionTest, StopKeepsWholeChunksAndReadingGoesOn) {
    std::vector<Token> ids = someIds(96);
    Session whole(smallEngine(), {.k = CacheType::f32, .v = CacheType::f32});
    whole.read(ids);

    Session session(smallEngine(), {.k = CacheType::f32, .v = CacheType::f32, .chunk_tokens = 16});
    std::stop_source source;
    ReadResult stopped = session.read(
        ids,
        [&](const Progress &progress) {
            if (progress.done >= 32)
                source.request_stop();
        },
        source.get_token());
    EXPECT_TRUE(stopped.stopped);
    EXPECT_EQ(stopped.read, 32u);
    EXPECT_EQ(session.tokens().size(), 32u);
    ReadResult rest = session.read(ids);
    EXPECT_EQ(rest.reused, 32u);
    EXPECT_LT(nmse(copyOf(session.logits()), copyOf(whole.logits())), 1e-10);
}

TEST(SessionTest, RefusesWithBothNumbers) {
    Session session(smallEngine(), {.context_tokens = 64});
    std::string text = errorOf(ErrorKind::usage, [&] { session.read(someIds(65)); });
    EXPECT_TRUE(holds(text, "65") && holds(text, "64")) << text;
    EXPECT_EQ(session.read(someIds(64)).read, 64u); // exactly full is fine

    errorOf(ErrorKind::usage, [&] { session.read({}); });
    std::vector<Token> foreign = {1, 128};
    text = errorOf(ErrorKind::usage, [&] { session.read(foreign); });
    EXPECT_TRUE(holds(text, "128")) << text;
    text = errorOf(ErrorKind::usage, [] { Session made(smallEngine(), {.context_tokens = 257}); });
    EXPECT_TRUE(holds(text, "257") && holds(text, "256")) << text;
}

/// Books and forecast must be one table.
TEST(SessionTest, BooksWhatItPlanned) {
    auto bookedUnder = [&](const std::string &name) {
        for (const gpu::BookedPart &part : smallEngine().device().booked())
            if (part.name == name)
                return part.bytes;
        return uint64_t{0};
    };
    uint64_t cache_before = bookedUnder("kv cache"), scratch_before = bookedUnder("scratch");
    for (CacheType type : {CacheType::f32, CacheType::f16}) {
        Session session(smallEngine(), {.context_tokens = 100, .k = type, .v = type});
        EXPECT_EQ(bookedUnder("kv cache") - cache_before, session.cacheBytes());
        EXPECT_EQ(bookedUnder("scratch") - scratch_before, session.scratchBytes());
    }
    EXPECT_EQ(bookedUnder("kv cache"), cache_before); // all given back
    EXPECT_EQ(bookedUnder("scratch"), scratch_before);
}

/// Positions forecast by the progress must reach the total, and the end must be honest.
TEST(SessionTest, ProgressCountsToTheEnd) {
    Session session(smallEngine(), {.chunk_tokens = 16});
    std::vector<Progress> seen;
    session.read(someIds(100), [&](const Progress &progress) { seen.push_back(progress); });
    ASSERT_EQ(seen.size(), 7u);
    EXPECT_EQ(seen.front().done, 16u);
    EXPECT_EQ(seen.back().done, 100u);
    EXPECT_EQ(seen.back().total, 100u);
    EXPECT_NEAR(seen.back().remaining_s, 0, 1e-9);
}

double sumOf(const std::vector<float> &shares) {
    double sum = 0;
    for (float share : shares)
        sum += static_cast<double>(share);
    return sum;
}

TEST(SessionTest, TellsWhatItStillHolds) {
    std::vector<Token> text = someIds(100);
    Session full(smallEngine(), {.context_tokens = 128});
    full.read(text);
    EXPECT_EQ(full.heldShares(), std::vector<float>(100, 1));

    const std::string spec = "sinks:4+20";
    Session sinks(smallEngine(), {.context_tokens = 128,
                                  .patterns = attention::LayerPatterns(std::span(&spec, 1))});
    sinks.read(text);
    std::vector<float> held = sinks.heldShares();
    for (size_t i = 0; i < text.size(); ++i)
        EXPECT_EQ(held[i], i < 4 || i >= 81 ? 1 : 0) << i; // the next one sees itself too

    for (const char *evict : {"h2o:32", "tova:32", "snapkv:32,8"}) {
        SCOPED_TRACE(evict);
        Session session(smallEngine(),
                        {.context_tokens = 128, .eviction = attention::parseEviction(evict)});
        session.read(text);
        std::vector<float> kept = session.heldShares();
        ASSERT_EQ(kept.size(), text.size());
        EXPECT_NEAR(sumOf(kept), 32, 1e-3); // every KV head of every layer keeps 32
        EXPECT_NEAR(kept.back(), 1, 1e-6);
        EXPECT_LT(*std::ranges::min_element(kept), 0.01F);
        std::vector<Token> longer = text;
        longer.push_back(5);
        session.read(longer);
        EXPECT_NEAR(session.heldShares().back(), 1, 1e-6);
    }
}

} // namespace
} // namespace longscope::engine
