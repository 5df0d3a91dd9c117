// Sessions in files: what comes back is what was saved, bit for bit.
#include "compute/engine/worker.h"
#include "tests/support/default_model.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/session_files.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace longscope::engine {
namespace {

using testing::dataFile;
using testing::engineFor;

/// Reads and saves `count` tokens, restores them into a second session, and lets both go on by
/// `further` single tokens: the logits must be the same to the bit all the way.
void expectRoundTrip(const std::string &path, const SessionOptions &options, size_t count,
                     size_t further) {
    SCOPED_TRACE(::testing::Message() << options.patterns.text() << " " << options.eviction.spec
                                      << " " << count << " tokens");
    std::vector<Token> ids = someIds(count + further);
    Session first(smallEngine(), options);
    first.read(std::span(ids).first(count));
    saveSession(first, path, "a note");

    Session second(smallEngine(), options);
    second.read(someIds(7)); // what was there before does not matter
    EXPECT_EQ(restoreSession(second, path), "a note");
    EXPECT_EQ(second.tokens(), first.tokens());
    EXPECT_EQ(second.forgotten(), first.forgotten());
    EXPECT_TRUE(sameBits(second.logits(), first.logits()));
    EXPECT_EQ(second.read(std::span(ids).first(count)).read, 0u); // the logits are there
    for (size_t end = count + 1; end <= count + further; ++end) {
        EXPECT_EQ(first.read(std::span(ids).first(end)).read, 1u);
        EXPECT_EQ(second.read(std::span(ids).first(end)).read, 1u);
        ASSERT_TRUE(sameBits(second.logits(), first.logits())) << "after " << end << " tokens";
    }
}

TEST_F(SessionFileTest, RoundTripOfEveryCacheTypeAndOddSizes) {
    for (CacheType type :
         {CacheType::f32, CacheType::f16, CacheType::bf16, CacheType::q8_0, CacheType::q4_0})
        for (size_t count : {size_t{1}, size_t{33}, size_t{97}})
            expectRoundTrip(path(), withTypes(type, type), count, 3);
    expectRoundTrip(path(), withTypes(CacheType::q8_0, CacheType::q4_0), 65, 3);
}

TEST_F(SessionFileTest, RoundTripOfRings) {
    for (const char *spec : {"window:24", "sinks:4+20", "a-shape:3+17", "rolling:4+20"})
        for (size_t count : {size_t{9}, size_t{30}, size_t{100}})  // before, about and long after
            expectRoundTrip(path(), withPattern(spec), count, 40); // a ring has wrapped
    SessionOptions mixed = withPattern("window:16@0");
    mixed.k = CacheType::q8_0;
    expectRoundTrip(path(), mixed, 77, 20);
}

TEST_F(SessionFileTest, RoundTripOfEviction) {
    for (const char *spec : {"h2o:24", "tova:24", "snapkv:40,8", "quest:48"})
        for (size_t count : {size_t{20}, size_t{90}}) {
            SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
            options.eviction = attention::parseEviction(spec);
            options.chunk_tokens = 16;
            expectRoundTrip(path(), options, count, 20);
        }
}

TEST_F(SessionFileTest, RoundTripOfRawKeys) {
    for (const char *spec : {"dynamic-ntk", "self-extend:4,64"}) {
        SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
        options.rope = attention::parseRope(spec);
        expectRoundTrip(path(), options, 90, 10);
    }
}

/// A timeline that was cut after its ring had wrapped still knows what the ring has lost.
TEST_F(SessionFileTest, RoundTripAfterTruncating) {
    SessionOptions options = withPattern("sinks:4+20");
    std::vector<Token> ids = someIds(110);
    bool kept_some = false, kept_none = false;
    for (uint64_t keep : {97, 92, 91, 90, 80}) {
        SCOPED_TRACE(keep);
        Session first(smallEngine(), options), second(smallEngine(), options);
        first.read(std::span(ids).first(100));
        first.truncate(98);
        ASSERT_EQ(first.tokens().size(), 98u);
        saveSession(first, path());
        restoreSession(second, path());
        EXPECT_EQ(second.tokens(), first.tokens());
        first.truncate(keep);
        second.truncate(keep);
        ASSERT_EQ(first.tokens(), second.tokens());
        kept_some = kept_some || !first.tokens().empty();
        kept_none = kept_none || first.tokens().empty();
        for (size_t end = first.tokens().size() + 1; end <= ids.size(); ++end) {
            first.read(std::span(ids).first(end));
            second.read(std::span(ids).first(end));
        }
        EXPECT_TRUE(sameBits(second.logits(), first.logits()));
    }
    EXPECT_TRUE(kept_some && kept_none);
}

TEST_F(SessionFileTest, TheWindowMayDifferWhenTheTokensFit) {
    std::vector<Token> ids = someIds(60);
    SessionOptions small = withTypes(CacheType::q8_0, CacheType::f16), large = small;
    small.context_tokens = 60;
    large.context_tokens = 200;
    Session first(smallEngine(), large), second(smallEngine(), small), third(smallEngine(), large);
    first.read(ids);
    saveSession(first, path());
    SessionFileFacts facts = readSessionFileFacts(path());
    EXPECT_EQ(facts.tokens, 60u);
    EXPECT_EQ(facts.window_tokens, 200u);
    restoreSession(second, path());
    EXPECT_TRUE(sameBits(second.logits(), first.logits()));
    saveSession(second, path());
    restoreSession(third, path());
    ids.push_back(5);
    first.read(ids);
    third.read(ids);
    EXPECT_TRUE(sameBits(third.logits(), first.logits()));

    small.context_tokens = 59;
    Session too_small(smallEngine(), small);
    std::string text = errorOf(ErrorKind::file, [&] { restoreSession(too_small, path()); });
    EXPECT_TRUE(holds(text, "tokens") && holds(text, "60") && holds(text, "59")) << text;
}

TEST_F(SessionFileTest, RingsOfOtherSizesMayDifferUntilTheyWrap) {
    SessionOptions ring = withPattern("window:24"), whole = ring;
    whole.context_tokens = 25; // too small for a ring
    std::vector<Token> ids = someIds(100);
    Session first(smallEngine(), ring), second(smallEngine(), whole);
    first.read(std::span(ids).first(20));
    saveSession(first, path());
    restoreSession(second, path());
    ids.resize(21);
    first.read(ids);
    second.read(ids);
    EXPECT_TRUE(sameBits(second.logits(), first.logits()));

    ids = someIds(100);
    first.read(ids);
    saveSession(first, path());
    ring.chunk_tokens = 16;
    Session other(smallEngine(), ring);
    std::string text = errorOf(ErrorKind::file, [&] { restoreSession(other, path()); });
    EXPECT_TRUE(holds(text, "room of layer 0") && holds(text, "31") && holds(text, "39")) << text;
}

/// The point of it all, with the default model: the same reply, much sooner.
TEST_F(SessionFileTest, ComesBackMuchFasterThanItWasRead) {
    std::string model = testing::findDefaultModel();
    ASSERT_FALSE(model.empty()) << testing::kNoDefaultModel;
    Engine &engine = engineFor(model, "auto");
    std::vector<Token> ids = engine.tokenizer().encode(bytesOf(dataFile("text.txt")));
    ASSERT_GE(ids.size(), 1500u);
    ids.resize(1500);
    SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
    options.context_tokens = 2048;
    Session first(engine, options), second(engine, options);
    double read_seconds = first.read(ids).seconds;

    using Clock = std::chrono::steady_clock;
    auto secondsOf = [](auto act) {
        auto start = Clock::now();
        act();
        return std::chrono::duration<double>(Clock::now() - start).count();
    };
    double save_seconds = secondsOf([&] { saveSession(first, path()); });
    double restore_seconds = secondsOf([&] { restoreSession(second, path()); });
    std::printf("1500 tokens: read in %.2f s, saved in %.3f s (%.1f MB), restored in %.3f s\n",
                read_seconds, save_seconds,
                static_cast<double>(std::filesystem::file_size(path())) / 1e6, restore_seconds);
    EXPECT_LT(restore_seconds * 20, read_seconds);

    auto reply = [&](Session &session) {
        std::vector<Token> timeline = ids, written;
        for (int i = 0; i < 32; ++i) {
            session.read(timeline);
            std::span<const float> logits = session.logits();
            written.push_back(
                static_cast<Token>(std::ranges::max_element(logits) - logits.begin()));
            timeline.push_back(written.back());
        }
        return written;
    };
    EXPECT_EQ(reply(second), reply(first));
}

/// The worker takes a session along into a larger window, and a refused file changes nothing.
TEST_F(SessionFileTest, TheWorkerSavesAndRestores) {
    testing::makeTinyLlama({.model_dim = 64, .head_dim = 16, .ffn_dim = 64})
        .save(path("model.gguf"));
    std::string text(300, 'a');
    for (size_t i = 0; i < text.size(); ++i)
        text[i] = static_cast<char>('a' + i * i % 23);
    auto run = [](Worker &worker, Command command) {
        return worker.waitForEnd(worker.push(std::move(command)));
    };
    const LoadModel load{.engine = {.model_path = path("model.gguf"), .device = ""}, .session = {}};
    GenerateOptions few;
    few.max_tokens = 3;
    few.sampling.temperature = 0;
    Worker first;
    run(first, load);
    EXPECT_EQ(run(first, SaveSession{path(), ""})->task.state, TaskState::failed); // nothing yet
    uint64_t prompt = run(first, Complete{text, few})->task.prompt_tokens;
    EXPECT_EQ(run(first, SaveSession{path(), "a note"})->task.state, TaskState::done);

    Worker second;
    run(second, load);
    auto restored = run(second, RestoreSession{path()});
    EXPECT_EQ(restored->task.state, TaskState::done) << restored->task.error;
    EXPECT_EQ(restored->task.text, "a note");
    EXPECT_GE(restored->task.reused_tokens, prompt);
    EXPECT_EQ(restored->used_tokens, restored->task.reused_tokens);
    auto longer = run(second, Complete{text + text, few});
    EXPECT_GT(longer->window_tokens, restored->window_tokens);
    EXPECT_EQ(longer->task.reused_tokens, prompt);
    EXPECT_EQ(longer->task.text, run(first, Complete{text + text, few})->task.text);

    std::string good = bytesOf(path());
    writeBytes(path("bad"), good.substr(0, good.size() - 1));
    auto refused = run(second, RestoreSession{path("bad")});
    EXPECT_EQ(refused->task.state, TaskState::failed);
    EXPECT_EQ(refused->task.error_kind, ErrorKind::file);
    EXPECT_TRUE(holds(refused->task.error, "cut off")) << refused->task.error;
    EXPECT_EQ(refused->used_tokens, longer->used_tokens);
}

} // namespace
} // namespace longscope::engine
