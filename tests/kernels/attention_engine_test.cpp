// The whole engine under every pattern, scheme of positions and cache type against the scalar
// forward pass; and what must hold among sessions: chunks of any size, decode, rings, eviction.
#include "compute/engine/attention.h"
#include "compute/engine/session.h"
#include "compute/reference/forward.h"
#include "tests/support/engines.h"
#include "tests/support/errors.h"
#include "tests/support/gguf_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <format>
#include <map>
#include <random>

namespace longscope::engine {
namespace {

using attention::LayerPatterns;
using testing::engineFor;
using testing::nmse;

constexpr size_t kTokens = 256;

/// A small random model, trained for fewer tokens than the tests read.
Engine &smallEngine(const char *family) {
    return engineFor("a llama of a short window", family, [] {
        return testing::makeTinyLlama({.layers = 3,
                                       .model_dim = 96,
                                       .heads = 6,
                                       .kv_heads = 2,
                                       .head_dim = 32,
                                       .ffn_dim = 128,
                                       .context_tokens = 128});
    });
}

std::vector<Token> someIds(size_t count) {
    std::vector<Token> ids;
    uint32_t state = 7;
    for (size_t i = 0; i < count; ++i) {
        state = state * 1664525u + 1013904223u;
        ids.push_back(static_cast<Token>((state >> 8) % 250));
    }
    return ids;
}

LayerPatterns patternsOf(const std::string &setting) {
    std::vector<std::string> parts;
    for (size_t at = 0; at < setting.size();) {
        size_t end = std::min(setting.find(' ', at), setting.size());
        parts.push_back(setting.substr(at, end - at));
        at = end + 1;
    }
    return LayerPatterns(parts);
}

SessionOptions optionsOf(const std::string &patterns, const std::string &rope = "model",
                         CacheType k = CacheType::f32, CacheType v = CacheType::f32) {
    SessionOptions options{.context_tokens = kTokens, .k = k, .v = v, .chunk_tokens = 48};
    options.patterns = patternsOf(patterns);
    options.rope = attention::parseRope(rope);
    return options;
}

std::vector<float> allLogits(Session &session, std::span<const Token> ids) {
    std::vector<float> all;
    session.readAllLogits(ids, 0, [&](uint64_t, std::span<const float> row) {
        all.insert(all.end(), row.begin(), row.end());
    });
    return all;
}

std::vector<float> lastLogits(Session &session, std::span<const Token> ids) {
    session.read(ids);
    return {session.logits().begin(), session.logits().end()};
}

std::vector<float> wanted(const SessionOptions &options, std::span<const Token> ids) {
    static std::map<std::string, std::vector<float>> known; // both families ask for the same
    std::string key = std::format("{}|{}|{}|{}", options.patterns.text(), options.ropeScheme().spec,
                                  static_cast<int>(options.k), static_cast<int>(options.v));
    std::vector<float> &found = known[key];
    if (found.empty()) {
        Engine &engine = smallEngine("auto");
        reference::ForwardOptions forward;
        forward.k = options.k;
        forward.v = options.v;
        forward.patterns = options.patterns;
        forward.rope = options.ropeScheme();
        found = reference::forward(engine.file(), engine.config(), ids, forward);
    }
    return found;
}

class AttentionFamily : public ::testing::TestWithParam<const char *> {
  protected:
    void expectTwin(const SessionOptions &options, double tolerance) {
        std::vector<Token> ids = someIds(kTokens);
        Session session(smallEngine(GetParam()), options);
        double error = nmse(allLogits(session, ids), wanted(options, ids));
        EXPECT_LT(error, tolerance) << options.patterns.text() << " " << options.ropeScheme().spec;
    }
};

const std::vector<std::string> kStatic = {"window:17",
                                          "sinks:3+20",
                                          "a-shape:3+20",
                                          "rolling:3+21",
                                          "chunked:32",
                                          "shifted:32",
                                          "dilated:9x3",
                                          "longformer:16+5",
                                          "bigbird:8,2,1,2",
                                          "fixed:16,3",
                                          "strided:11",
                                          "strided:11,code",
                                          "mixed:window:9#0,4|chunked:20#1-2|full",
                                          "window:17@0 full@1 sinks:2+30@2",
                                          "sinks:2+30@0 sinks:4+9@2",
                                          "sinks:4+24@0 rolling:4+24@1"};

TEST_P(AttentionFamily, EveryStaticPatternMatchesTheTwin) {
    for (const std::string &spec : kStatic)
        expectTwin(optionsOf(spec, "yarn:2"), 1e-9);
}

TEST_P(AttentionFamily, EverySchemeOfPositionsMatchesTheTwin) {
    for (const char *rope :
         {"model", "none", "linear:2", "ntk:2", "dynamic-ntk", "ntk-parts:2", "yarn:2", "llama3:2",
          "self-extend:3,32", "rerope:40", "leaky-rerope:40,3"})
        expectTwin(optionsOf("full", rope), 1e-9);
}

TEST_P(AttentionFamily, PatternsAndSchemesTogether) {
    expectTwin(optionsOf("window:60", "self-extend:3,32"), 1e-9);
    expectTwin(optionsOf("strided:11", "rerope:20"), 1e-9);
    expectTwin(optionsOf("a-shape:4+80", "leaky-rerope:40,3"), 1e-9);
    expectTwin(optionsOf("sinks:4+50", "linear:2"), 1e-9);
}

TEST_P(AttentionFamily, EveryCacheTypeMatchesTheTwin) {
    using enum CacheType;
    for (auto [k, v] :
         {std::pair{f16, f16}, {bf16, bf16}, {q8_0, q8_0}, {q4_0, q4_0}, {q8_0, q4_0}, {f16, q8_0}})
        // A value on the edge between two codes may fall to either side.
        expectTwin(optionsOf("full", "yarn:2", k, v), k == q4_0 || v == q4_0 ? 1e-4 : 1e-6);
    expectTwin(optionsOf("sinks:3+20", "yarn:2", q8_0, f16), 1e-6);
    expectTwin(optionsOf("full", "self-extend:3,32", q8_0, f16), 1e-6);
}

TEST_P(AttentionFamily, ChunksOfAnySizeAndDecodeGiveTheSame) {
    std::vector<Token> ids = someIds(kTokens - 1);
    std::vector<std::string> specs = kStatic;
    specs.insert(specs.end(), {"full"});
    for (const std::string &spec : specs) {
        SessionOptions options = optionsOf(spec, spec == "full" ? "self-extend:3,32" : "yarn:2");
        Session session(smallEngine(GetParam()), options);
        std::vector<float> want = lastLogits(session, ids);
        for (uint32_t chunk : {1u, 7u, 256u}) {
            options.chunk_tokens = chunk;
            Session other(smallEngine(GetParam()), options);
            other.read(std::span(ids).first(101));
            for (size_t count : {102u, 103u, 250u, 251u, 252u}) // single steps between chunks
                other.read(std::span(ids).first(count));
            EXPECT_LT(nmse(lastLogits(other, ids), want), 1e-9) << spec << " chunk " << chunk;
        }
    }
}

TEST_P(AttentionFamily, PatternsThatCoverEverythingEqualFull) {
    std::vector<Token> ids = someIds(kTokens);
    Session full(smallEngine(GetParam()), optionsOf("full", "yarn:2"));
    std::vector<float> want = lastLogits(full, ids);
    for (const char *spec :
         {"window:256", "sinks:6+250", "chunked:256", "bigbird:256,1,1,0", "fixed:256,1",
          "dilated:256x1", "vertical-slash:256,256", "xattention:1", "flexprefill:1", "topk:999"}) {
        Session session(smallEngine(GetParam()), optionsOf(spec, "yarn:2"));
        EXPECT_LT(nmse(lastLogits(session, ids), want), 1e-9) << spec;
    }
}

TEST_P(AttentionFamily, DynamicPatternsSkipWorkAndStayNear) {
    std::vector<Token> ids = someIds(kTokens);
    SessionOptions options = optionsOf("full", "yarn:2");
    options.chunk_tokens = 256;
    Session full(smallEngine(GetParam()), options);
    std::vector<float> want = lastLogits(full, ids);
    for (const char *spec : {"vertical-slash:40,60", "xattention:0.6,8,16", "topk:4,16"}) {
        options.patterns = patternsOf(spec);
        Session session(smallEngine(GetParam()), options);
        double error = nmse(lastLogits(session, ids), want);
        EXPECT_LT(error, 0.5) << spec;
        EXPECT_GT(error, 0) << spec << ": nothing was left out";
        EXPECT_LT(session.attentionWork().visible_pairs, full.attentionWork().visible_pairs)
            << spec;
    }
}

TEST_P(AttentionFamily, RingsKeepMemoryFlatAndRefuseWhatTheyForgot) {
    SessionOptions options = optionsOf("sinks:4+28");
    options.chunk_tokens = 16;
    Session session(smallEngine(GetParam()), options);
    SessionOptions full = optionsOf("full", "yarn:2");
    EXPECT_LT(session.cacheBytes(), Session(smallEngine(GetParam()), full).cacheBytes() / 4);
    std::vector<Token> ids = someIds(kTokens);
    std::vector<float> want = lastLogits(session, ids);
    EXPECT_EQ(session.forgotten(), (attention::Interval{4, kTokens - 27})); // the next one has 27
    session.truncate(kTokens - 3);                                          // still there
    EXPECT_EQ(session.tokens().size(), kTokens - 3);
    EXPECT_LT(nmse(lastLogits(session, ids), want), 1e-9);
    session.truncate(100); // forgotten: read again from the beginning
    EXPECT_EQ(session.tokens().size(), 0u);
    EXPECT_LT(nmse(lastLogits(session, ids), want), 1e-9);
}

TEST_P(AttentionFamily, EvictionWithRoomForAllIsFullAndElseBounded) {
    std::vector<Token> ids = someIds(kTokens - 20);
    SessionOptions options = optionsOf("full", "yarn:2");
    auto run = [&](const std::string &evict) {
        SessionOptions own = options;
        own.eviction = attention::parseEviction(evict);
        Session session(smallEngine(GetParam()), own);
        session.read(std::span(ids).first(ids.size() - 10));
        for (size_t count = ids.size() - 9; count < ids.size(); ++count)
            session.read(std::span(ids).first(count));
        return lastLogits(session, ids);
    };
    std::vector<float> want = run("none");
    for (const char *evict : {"h2o:256", "tova:256", "snapkv:256", "quest:256"})
        EXPECT_LT(nmse(run(evict), want), 1e-9) << evict;
    for (const char *evict : {"h2o:64", "tova:64", "snapkv:80", "quest:64"}) {
        double error = nmse(run(evict), want);
        EXPECT_LT(error, 1.0) << evict;
        EXPECT_GT(error, 0) << evict << ": nothing was left out";
    }
}

/// Dynamic NTK turns keys by the length of the text, not by what was read of it so far.
TEST_P(AttentionFamily, ATextReadInPiecesHasThePositionsOfTheWhole) {
    std::vector<Token> ids = someIds(600);
    SessionOptions options = optionsOf("full", "dynamic-ntk");
    options.context_tokens = 600;
    Session whole(smallEngine(GetParam()), options), pieces(smallEngine(GetParam()), options);
    std::vector<float> want = allLogits(whole, ids), got;
    for (uint64_t most : {200, 430, 600})
        pieces.readAllLogits(
            ids, pieces.tokens().size(),
            [&](uint64_t, std::span<const float> row) {
                got.insert(got.end(), row.begin(), row.end());
            },
            {}, nullptr, most);
    EXPECT_LT(nmse(got, want), 1e-9);
}

INSTANTIATE_TEST_SUITE_P(AttentionEngine, AttentionFamily, ::testing::Values("lanes", "subgroup"),
                         [](const auto &which) { return std::string(which.param); });

TEST(AttentionOptions, WindowsBeyondTheTrainedOneNeedAWord) {
    SessionOptions options{.context_tokens = 200};
    std::string text =
        errorOf(ErrorKind::usage, [&] { Session session(smallEngine("auto"), options); });
    EXPECT_TRUE(holds(text, "200") && holds(text, "128") && holds(text, "--rope")) << text;
    options.patterns = patternsOf("window:100"); // never sees a distance beyond the trained one
    EXPECT_NO_THROW(Session(smallEngine("auto"), options));
    options.patterns = patternsOf("full");
    options.rope = attention::parseRope("yarn:2");
    EXPECT_NO_THROW(Session(smallEngine("auto"), options));
}

TEST(AttentionOptions, ContradictionsAreRefusedWithTheReason) {
    auto refused = [](const std::string &patterns, const std::string &rope,
                      const std::string &evict) {
        SessionOptions options = optionsOf(patterns, rope);
        options.eviction = attention::parseEviction(evict);
        return errorOf(ErrorKind::usage, [&] { Session session(smallEngine("auto"), options); });
    };
    EXPECT_TRUE(holds(refused("sinks:4+20", "self-extend:2,32", "none"), "a-shape"));
    EXPECT_TRUE(holds(refused("window:20", "yarn:2", "h2o:64"), "window:20"));
    EXPECT_TRUE(holds(refused("full", "rerope:20", "h2o:64"), "rerope:20"));
    EXPECT_TRUE(holds(refused("window:20@7", "yarn:2", "none"), "7"));
}

} // namespace
} // namespace longscope::engine
