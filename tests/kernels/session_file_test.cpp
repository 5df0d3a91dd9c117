// Sessions in files: what comes back is what was saved, bit for bit, and what cannot come back is
// refused with the reason while the session at hand stays as it was.
#include "compute/engine/session_file.h"
#include "tests/support/default_model.h"
#include "tests/support/engines.h"
#include "tests/support/errors.h"
#include "tests/support/gguf_writer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <zlib.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

namespace longscope::engine {
namespace {

using testing::dataFile;
using testing::engineFor;

Engine &smallEngine() {
    return engineFor(dataFile("llama-dense.gguf"), "auto");
}

std::vector<Token> someIds(size_t count) {
    std::vector<Token> ids;
    for (size_t i = 0; i < count; ++i)
        ids.push_back(static_cast<Token>((3 + i * 29 + i * i % 7) % 128));
    return ids;
}

/// A folder of its own for each test.
class SessionFileTest : public ::testing::Test {
  protected:
    SessionFileTest() {
        std::string name = ::testing::TempDir() + "longscope_session_XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~SessionFileTest() override { std::filesystem::remove_all(folder_); }

    std::string path(const std::string &name = "session") const { return folder_ + "/" + name; }
    size_t files() const {
        return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
    }

  private:
    std::string folder_;
};

std::string bytesOf(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void writeBytes(const std::string &path, const std::string &bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

std::vector<float> copyOf(std::span<const float> logits) {
    return {logits.begin(), logits.end()};
}

bool sameBits(std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

SessionOptions withTypes(CacheType k, CacheType v) {
    return {.k = k, .v = v, .patterns = {}, .rope = {}, .eviction = {}};
}

SessionOptions withPattern(const std::string &spec) {
    SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
    options.patterns = attention::LayerPatterns(std::vector<std::string>{spec});
    options.chunk_tokens = 8;
    return options;
}

/// The header with another value in it, and the right checksum.
std::string withHeader(const std::string &file, const std::string &header) {
    auto number = static_cast<uint32_t>(header.size());
    uint32_t old = 0;
    std::memcpy(&old, file.data() + 12, 4);
    std::string start = file.substr(0, 12) + std::string(reinterpret_cast<char *>(&number), 4);
    std::string summed = start + header;
    auto sum = static_cast<uint32_t>(
        ::crc32_z(0, reinterpret_cast<const Bytef *>(summed.data()), summed.size()));
    return start + std::string(reinterpret_cast<char *>(&sum), 4) + header + file.substr(20 + old);
}

std::string headerOf(const std::string &file) {
    uint32_t bytes = 0;
    std::memcpy(&bytes, file.data() + 12, 4);
    return file.substr(20, bytes);
}

/// Reads and saves `count` tokens, restores them into a second session, and lets both go on by
/// `further` single tokens: the logits must be the same to the bit all the way.
void expectRoundTrip(const std::string &path, const SessionOptions &options, size_t count,
                     size_t further) {
    SCOPED_TRACE(::testing::Message() << options.patterns.text() << " "
                                      << options.eviction.spec << " " << count << " tokens");
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
    for (CacheType type : {CacheType::f32, CacheType::f16, CacheType::bf16, CacheType::q8_0,
                           CacheType::q4_0})
        for (size_t count : {size_t{1}, size_t{33}, size_t{97}})
            expectRoundTrip(path(), withTypes(type, type), count, 3);
    expectRoundTrip(path(), withTypes(CacheType::q8_0, CacheType::q4_0), 65, 3);
}

TEST_F(SessionFileTest, RoundTripOfRings) {
    for (const char *spec : {"window:24", "sinks:4+20", "a-shape:3+17"})
        for (size_t count : {size_t{9}, size_t{30}, size_t{100}}) // before, about and long after
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

/// A timeline that was cut after its ring had wrapped still knows that.
TEST_F(SessionFileTest, RoundTripAfterTruncating) {
    SessionOptions options = withPattern("sinks:4+20");
    std::vector<Token> ids = someIds(120);
    Session first(smallEngine(), options), second(smallEngine(), options);
    first.read(std::span(ids).first(100));
    first.truncate(98);
    ASSERT_EQ(first.tokens().size(), 98u);
    saveSession(first, path());
    restoreSession(second, path());
    for (Session *session : {&first, &second}) {
        session->truncate(96);
        session->read(std::span(ids).first(110));
    }
    EXPECT_TRUE(sameBits(second.logits(), first.logits()));
    for (Session *session : {&first, &second})
        session->truncate(50); // no layer has what this would need
    EXPECT_EQ(first.tokens().size(), second.tokens().size());
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

// ---- refusals ----------------------------------------------------------------------------------

/// The message of a refusal that left the session as it was.
std::string refusalOf(Session &session, const std::string &path) {
    std::vector<Token> tokens = session.tokens();
    std::vector<float> logits = copyOf(session.logits());
    std::string text = errorOf(ErrorKind::file, [&] { restoreSession(session, path); });
    EXPECT_EQ(session.tokens(), tokens);
    EXPECT_TRUE(sameBits(session.logits(), logits));
    EXPECT_EQ(session.read(tokens).read, 0u);
    return text;
}

TEST_F(SessionFileTest, RefusesEveryFlippedByte) {
    SessionOptions options = withTypes(CacheType::q8_0, CacheType::f32);
    Session saved(smallEngine(), options), session(smallEngine(), options);
    saved.read(someIds(33));
    saveSession(saved, path("good"), "note");
    session.read(someIds(20));
    std::string good = bytesOf(path("good"));
    size_t payload = 20 + headerOf(good).size();
    std::vector<size_t> places;
    for (size_t at = 0; at < payload + 33 * 4 + 8; at += at < 24 ? 1 : 13) // header, ids, note
        places.push_back(at);
    std::mt19937 random(5);
    for (int i = 0; i < 60; ++i)
        places.push_back(payload + random() % (good.size() - payload));
    for (size_t from_end = 1; from_end <= 12; ++from_end) // checksums
        places.push_back(good.size() - from_end);
    for (size_t at : places) {
        SCOPED_TRACE(at);
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
        writeBytes(path("bad"), bad);
        refusalOf(session, path("bad"));
    }
    std::vector<Token> more = someIds(21); // the session works on
    EXPECT_EQ(session.read(more).reused, 20u);
    restoreSession(session, path("good"));
    EXPECT_TRUE(sameBits(session.logits(), saved.logits()));
}

TEST_F(SessionFileTest, RestoreRejectsTruncated) {
    Session session(smallEngine(), withTypes(CacheType::f16, CacheType::f16));
    session.read(someIds(50));
    saveSession(session, path("good"));
    std::string good = bytesOf(path("good"));
    size_t payload = 20 + headerOf(good).size();
    for (size_t bytes : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{12}, size_t{19},
                         size_t{20}, size_t{21}, payload - 1, payload, payload + 100,
                         good.size() / 2, good.size() - 4, good.size() - 1}) {
        SCOPED_TRACE(bytes);
        writeBytes(path("bad"), good.substr(0, bytes));
        refusalOf(session, path("bad"));
    }
    writeBytes(path("bad"), good.substr(0, good.size() - 1));
    std::string text = refusalOf(session, path("bad"));
    EXPECT_TRUE(holds(text, "cut off") && holds(text, std::to_string(good.size()))) << text;
    writeBytes(path("bad"), good + "x");
    text = refusalOf(session, path("bad"));
    EXPECT_TRUE(holds(text, "too long")) << text;
    text = refusalOf(session, path("missing"));
    EXPECT_TRUE(holds(text, "No such file")) << text;
    refusalOf(session, std::filesystem::path(path()).parent_path());
    text = refusalOf(session, dataFile("text.txt"));
    EXPECT_TRUE(holds(text, "is not a session file")) << text;
}

TEST_F(SessionFileTest, RestoreRejectsHugeCount) {
    SessionOptions options = withPattern("window:24");
    Session session(smallEngine(), options);
    session.read(someIds(100));
    saveSession(session, path("good"));
    std::string good = bytesOf(path("good"));
    const uint64_t huge = (uint64_t{1} << 40) - 1;
    std::vector<std::pair<const char *, nlohmann::json>> changes;
    for (const char *key : {"tokens", "window_tokens", "written", "filled", "note_bytes"})
        for (const nlohmann::json &value :
             std::vector<nlohmann::json>{huge, huge * 1000, UINT64_MAX, -1, 0.5, "7", nullptr,
                                         nlohmann::json::array({1})})
            changes.emplace_back(key, value);
    for (const nlohmann::json &value : std::vector<nlohmann::json>{2, -1, "x"}) {
        changes.emplace_back("has_evicted", value);
        changes.emplace_back("has_logits", value);
        changes.emplace_back("rooms", value);
        changes.emplace_back("facts", value);
    }
    changes.emplace_back("has_evicted", true);
    changes.emplace_back("has_logits", false); // then the rest is too long
    changes.emplace_back("note_bytes", 1);
    changes.emplace_back("tokens", 0);
    changes.emplace_back("tokens", 99);
    changes.emplace_back("written", 99);
    changes.emplace_back("rooms", nlohmann::json::array());
    changes.emplace_back("rooms", nlohmann::json{{huge, 0, 1}, {huge, 0, 1}});
    changes.emplace_back("rooms", nlohmann::json{{UINT64_MAX, 0, 1}, {1, 2}});
    for (const auto &[key, value] : changes) {
        auto header = nlohmann::ordered_json::parse(headerOf(good));
        header[key] = value;
        std::string name = key;
        SCOPED_TRACE(name + " " + value.dump());
        writeBytes(path("bad"), withHeader(good, header.dump()));
        if ((name == "window_tokens" || name == "written") && value == huge)
            restoreSession(session, path("bad")); // nothing has that size
        else
            refusalOf(session, path("bad"));
    }
    // A header that claims to be longer than the file; one that is only brackets.
    std::string long_header = good;
    uint32_t most = UINT32_MAX;
    std::memcpy(long_header.data() + 12, &most, 4);
    writeBytes(path("bad"), long_header);
    EXPECT_TRUE(holds(refusalOf(session, path("bad")), "a header of 4294967295 bytes"));
    for (const char *part : {"[", "{\"a\":", "{\"tokens\":[["}) {
        std::string deep;
        while (deep.size() < 900000)
            deep += part;
        writeBytes(path("bad"), withHeader(good, deep));
        refusalOf(session, path("bad"));
    }
    std::string deep = "{\"tokens\":" + std::string(400000, '[') + std::string(400000, ']') + "}";
    writeBytes(path("bad"), withHeader(good, deep));
    refusalOf(session, path("bad"));
}

/// Headers with right checksums and random damage: restored or refused, nothing else.
TEST_F(SessionFileTest, SurvivesRandomHeaders) {
    SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
    options.eviction = attention::parseEviction("h2o:24");
    Session session(smallEngine(), options);
    session.read(someIds(60));
    saveSession(session, path("good"));
    std::string good = bytesOf(path("good")), header = headerOf(good);
    std::mt19937 random(11);
    const std::string letters = "0123456789[]{}\",:-e. ";
    size_t restored = 0;
    for (int round = 0; round < 400; ++round) {
        std::string bad = header;
        for (int change = 0; change < 1 + round % 3; ++change)
            bad[random() % bad.size()] = letters[random() % letters.size()];
        writeBytes(path("bad"), withHeader(good, bad));
        try {
            restoreSession(session, path("bad"));
            ++restored;
        } catch (const Error &error) {
            EXPECT_EQ(error.kind(), ErrorKind::file) << error.what();
        }
    }
    EXPECT_LT(restored, 200u);
    restoreSession(session, path("good"));
    EXPECT_EQ(session.read(someIds(61)).read, 1u);
}

TEST_F(SessionFileTest, RefusesAnotherModelAndOtherOptions) {
    SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
    Session saved(smallEngine(), options);
    saved.read(someIds(40));
    saveSession(saved, path());

    struct Case {
        SessionOptions options;
        const char *what, *there, *here;
    };
    std::vector<Case> cases(7, {options, "", "", ""});
    cases[0] = {withTypes(CacheType::q8_0, CacheType::f16), "type of keys", "f16", "q8_0"};
    cases[1] = {withTypes(CacheType::f16, CacheType::f32), "type of values", "f16", "f32"};
    cases[2].options.rope = attention::parseRope("linear:2");
    cases[2] = {cases[2].options, "scheme of positions", "model", "linear:2"};
    cases[3].options.rope = attention::parseRope("dynamic-ntk");
    cases[3] = {cases[3].options, "scheme of positions", "model", "dynamic-ntk"};
    cases[4] = {withPattern("window:24"), "attention of layer 0", "full", "window:24"};
    cases[5] = {withPattern("window:24@1"), "attention of layer 1", "full", "window:24"};
    cases[6].options.eviction = attention::parseEviction("h2o:32");
    cases[6] = {cases[6].options, "eviction", "none", "h2o:32"};
    for (const Case &wanted : cases) {
        Session session(smallEngine(), wanted.options);
        session.read(someIds(10));
        std::string text = refusalOf(session, path());
        EXPECT_TRUE(holds(text, wanted.what) && holds(text, wanted.there) &&
                    holds(text, wanted.here))
            << text;
    }

    // The same numbers and names, one weight of another model.
    std::vector<std::string> paths;
    for (uint64_t seed : {1, 2}) {
        paths.push_back(path("model" + std::to_string(seed) + ".gguf"));
        testing::makeTinyLlama({.seed = seed, .model_dim = 64, .head_dim = 16, .ffn_dim = 64})
            .save(paths.back());
    }
    std::filesystem::copy(paths[0], path("copy.gguf"));
    paths.push_back(path("copy.gguf"));
    auto readWith = [&](const std::string &model) {
        auto session = std::make_unique<Session>(engineFor(model, "auto"), options);
        session->read(someIds(10));
        return session;
    };
    saveSession(*readWith(paths[0]), path("tiny"));
    EXPECT_NO_THROW(restoreSession(*readWith(paths[2]), path("tiny")));
    std::string text = refusalOf(*readWith(paths[1]), path("tiny"));
    EXPECT_TRUE(holds(text, "the model is") && holds(text, "there and")) << text;
    refusalOf(saved, path("tiny"));
}

TEST_F(SessionFileTest, MasksOfBlocksAreLookedAt) {
    auto withMask = [](const char *text) {
        SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
        auto mask = std::make_shared<const attention::BlockMask>(attention::parseBlockMask(text));
        options.patterns =
            attention::LayerPatterns(std::vector<std::string>{"blocks:mask.txt"}, mask);
        return options;
    };
    Session first(smallEngine(), withMask("block 16\n1\n11\n111\n"));
    Session same(smallEngine(), withMask("block 16\n1\n11\n111\n"));
    Session other(smallEngine(), withMask("block 16\n1\n11\n101\n"));
    first.read(someIds(64));
    saveSession(first, path());
    restoreSession(same, path());
    EXPECT_TRUE(sameBits(same.logits(), first.logits()));
    other.read(someIds(64));
    EXPECT_TRUE(holds(refusalOf(other, path()), "attention of layer 0 is blocks:mask.txt"));
}

// ---- writing -----------------------------------------------------------------------------------

TEST_F(SessionFileTest, AFullDiskLeavesTheOldFile) {
    Session session(smallEngine(), withTypes(CacheType::f32, CacheType::f32));
    session.read(someIds(30));
    saveSession(session, path());
    std::string old = bytesOf(path());
    session.read(someIds(90));
    struct rlimit before {}, small {};
    ::getrlimit(RLIMIT_FSIZE, &before);
    auto handler = std::signal(SIGXFSZ, SIG_IGN);
    for (rlim_t bytes : {rlim_t{10}, rlim_t{3000}, rlim_t{60000}}) {
        small = before;
        small.rlim_cur = bytes;
        ::setrlimit(RLIMIT_FSIZE, &small);
        std::string text = errorOf(ErrorKind::file, [&] { saveSession(session, path()); });
        ::setrlimit(RLIMIT_FSIZE, &before);
        EXPECT_TRUE(holds(text, path()) && holds(text, "the old file is as it was")) << text;
        EXPECT_TRUE(bytesOf(path()) == old);
        EXPECT_EQ(files(), 1u); // nothing is left beside it
    }
    std::signal(SIGXFSZ, handler);
    saveSession(session, path());
    EXPECT_FALSE(bytesOf(path()) == old);
}

TEST_F(SessionFileTest, WritesOnlyWhereASessionMayBe) {
    Session session(smallEngine(), withTypes(CacheType::f16, CacheType::f16));
    errorOf(ErrorKind::usage, [&] { saveSession(session, path()); }); // nothing was read
    session.read(someIds(10));
    std::string text =
        errorOf(ErrorKind::file, [&] { saveSession(session, path("missing/session")); });
    EXPECT_TRUE(holds(text, "missing/session") && holds(text, "No such file")) << text;
    errorOf(ErrorKind::file, [&] { saveSession(session, "/proc/session"); });

    writeBytes(path("text"), "dear diary, ");
    text = errorOf(ErrorKind::file, [&] { saveSession(session, path("text")); });
    EXPECT_TRUE(holds(text, "is not a session")) << text;
    EXPECT_EQ(bytesOf(path("text")), "dear diary, ");
    errorOf(ErrorKind::file, [&] { saveSession(session, "/dev/null"); });
    errorOf(ErrorKind::file,
            [&] { saveSession(session, std::filesystem::path(path()).parent_path()); });

    writeBytes(path("empty"), ""); // as mktemp makes it
    std::filesystem::create_symlink(path("empty"), path("link"));
    uint64_t bytes = saveSession(session, path("link"));
    EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
    EXPECT_EQ(std::filesystem::file_size(path("empty")), bytes);
    using std::filesystem::perms;
    EXPECT_EQ(std::filesystem::status(path("empty")).permissions(),
              perms::owner_read | perms::owner_write);
    EXPECT_EQ(files(), 3u);
}

} // namespace
} // namespace longscope::engine
