// Session files that cannot come back are refused with the reason, and the session at hand stays as
// it was; what cannot be written leaves the old file as it was.
#include "compute/engine/session_facts.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/session_files.h"

#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <zlib.h>

#include <csignal>
#include <random>

namespace longscope::engine {
namespace {

using testing::dataFile;
using testing::engineFor;
using SessionRefusalTest = SessionFileTest;

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

TEST_F(SessionRefusalTest, RefusesEveryFlippedByte) {
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

TEST_F(SessionRefusalTest, RestoreRejectsTruncated) {
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

TEST_F(SessionRefusalTest, RestoreRejectsHugeCount) {
    SessionOptions options = withPattern("window:24");
    Session session(smallEngine(), options);
    session.read(someIds(100));
    saveSession(session, path("good"));
    std::string good = bytesOf(path("good"));
    const uint64_t huge = (uint64_t{1} << 40) - 1;
    std::vector<std::pair<const char *, nlohmann::json>> changes;
    for (const char *key :
         {"tokens", "window_tokens", "written", "filled", "note_bytes", "state_bytes"})
        for (const nlohmann::json &value : std::vector<nlohmann::json>{
                 huge, huge * 1000, UINT64_MAX, -1, 0.5, "7", nullptr, nlohmann::json::array({1})})
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
TEST_F(SessionRefusalTest, SurvivesRandomHeaders) {
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

TEST_F(SessionRefusalTest, RefusesAnotherModelAndOtherOptions) {
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

TEST_F(SessionRefusalTest, MasksOfBlocksAreLookedAt) {
    for (const std::string spec : {"blocks:mask.txt", "mixed:blocks:mask.txt#0-1|full",
                                   "mixed:window:9#0|blocks:mask.txt"}) {
        auto withMask = [&](const char *text) {
            SessionOptions options = withTypes(CacheType::f16, CacheType::f16);
            auto mask =
                std::make_shared<const attention::BlockMask>(attention::parseBlockMask(text));
            options.patterns = attention::LayerPatterns(std::span(&spec, 1), mask);
            return options;
        };
        Session first(smallEngine(), withMask("block 16\n1\n11\n111\n"));
        Session same(smallEngine(), withMask("block 16\n1\n11\n111\n"));
        Session other(smallEngine(), withMask("block 16\n1\n11\n101\n"));
        first.read(someIds(64));
        saveSession(first, path());
        restoreSession(same, path());
        EXPECT_TRUE(sameBits(same.logits(), first.logits())) << spec;
        EXPECT_EQ(sessionFingerprint(same), sessionFingerprint(first)) << spec;
        EXPECT_NE(sessionFingerprint(other), sessionFingerprint(first)) << spec;
        other.read(someIds(64));
        std::string text = refusalOf(other, path());
        EXPECT_TRUE(holds(text, "attention of layer 0 is " + spec)) << text;
    }
}

// ---- writing -----------------------------------------------------------------------------------

TEST_F(SessionRefusalTest, AFullDiskLeavesTheOldFile) {
    Session session(smallEngine(), withTypes(CacheType::f32, CacheType::f32));
    session.read(someIds(30));
    saveSession(session, path());
    std::string old = bytesOf(path());
    session.read(someIds(90));
    struct rlimit before {
    }, small{};
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

TEST_F(SessionRefusalTest, WritesOnlyWhereASessionMayBe) {
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
