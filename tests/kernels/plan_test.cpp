// What a session was said to cost against what it books after reading a whole window.
#include "compute/engine/plan.h"
#include "compute/engine/session.h"
#include "tests/support/engines.h"
#include "tests/support/gguf_writer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <format>
#include <map>
#include <random>
#include <set>

namespace longscope::engine {
namespace {

constexpr uint64_t kTokens = 1500;  ///< no multiple of a chunk
constexpr uint32_t kChunkRows = 64; ///< so few that a slow machine does not cut chunks smaller

/// A small random model, loaded once for each kernel family.
Engine &smallEngine(const std::string &family) {
    return testing::engineFor("a llama to plan", family, [] {
        return testing::makeTinyLlama({.layers = 4,
                                       .model_dim = 256,
                                       .heads = 8,
                                       .kv_heads = 2,
                                       .head_dim = 32,
                                       .ffn_dim = 512,
                                       .context_tokens = 4096});
    });
}

struct Asked {
    std::vector<std::string> patterns{"full"};
    const char *rope = "model", *evict = "none";
    CacheType type = CacheType::f16;
    std::string text() const {
        std::string joined;
        for (const std::string &pattern : patterns)
            joined += pattern + " ";
        return joined + rope + " " + evict + " " + std::string(attention::cacheTypeName(type));
    }
    SessionOptions options() const {
        SessionOptions made{
            .context_tokens = kTokens, .k = type, .v = type, .chunk_tokens = kChunkRows};
        made.patterns = attention::LayerPatterns(patterns);
        made.rope = attention::parseRope(rope);
        made.eviction = attention::parseEviction(evict);
        return made;
    }
};

/// Reads a whole window; bytes by the names of the parts.
std::map<std::string, uint64_t> bookedBy(Engine &engine, const SessionOptions &options) {
    Session session(engine, options);
    std::vector<Token> tokens;
    uint32_t state = 3;
    for (uint64_t i = 0; i < options.context_tokens; ++i) {
        state = state * 1664525u + 1013904223u;
        tokens.push_back(static_cast<Token>((state >> 8) % engine.config().vocab));
    }
    session.read(tokens);
    std::map<std::string, uint64_t> booked;
    for (const gpu::BookedPart &part : engine.device().booked())
        booked[part.name] = part.bytes;
    return booked;
}

class PlanFamily : public ::testing::TestWithParam<const char *> {
  protected:
    /// Weights and cache to the byte, scratch within a share.
    void expectBooked(const Asked &asked, double share) {
        Engine &engine = smallEngine(GetParam());
        SessionPlan plan = planSession(planModel(engine), asked.options());
        std::map<std::string, uint64_t> booked = bookedBy(engine, asked.options());
        EXPECT_EQ(plan.weight_bytes, booked["weights"]) << asked.text();
        EXPECT_EQ(plan.cache_bytes, booked["kv cache"]) << asked.text();
        auto scratch = static_cast<double>(booked["scratch"]);
        EXPECT_NEAR(static_cast<double>(plan.scratch_bytes), scratch, share * scratch)
            << asked.text();
        uint64_t layers = 0;
        for (uint64_t bytes : plan.layer_bytes)
            layers += bytes;
        EXPECT_EQ(layers, plan.cache_bytes);
    }
};

TEST_P(PlanFamily, EveryTypeOfTheCache) {
    using enum CacheType;
    for (CacheType type : {f32, f16, bf16, q8_0, q4_0})
        expectBooked({.type = type}, 0.05);
}

TEST_P(PlanFamily, PatternsAndPositions) {
    for (const char *pattern :
         {"window:256", "sinks:4+508", "a-shape:4+60", "dilated:64x3", "longformer:128+16",
          "bigbird:64,3,1,2", "strided:38", "fixed:64,8", "chunked:100", "shifted:128"})
        expectBooked({.patterns = {pattern}}, 0.05);
    expectBooked({.patterns = {"window:100@0-1", "sinks:4+200@2"}, .type = CacheType::q8_0}, 0.05);
    expectBooked({.rope = "self-extend:4,256"}, 0.05);
    expectBooked({.rope = "rerope:256"}, 0.05);
}

TEST_P(PlanFamily, Evictions) {
    for (const char *evict : {"h2o:300", "tova:300", "quest:256"})
        expectBooked({.evict = evict}, 0.05);
    expectBooked({.evict = "snapkv:300"}, 0.1); // the last chunk has fewer rows than the window
}

/// Which keys are chosen is not known before: the forecast is of the right size, no more.
TEST(PlanChoices, AreOfTheRightSize) {
    Engine &engine = smallEngine("lanes");
    for (const char *pattern : {"vertical-slash:100,200", "topk:4,64", "xattention:0.9"}) {
        Asked asked{.patterns = {pattern}};
        uint64_t planned = planSession(planModel(engine), asked.options()).scratch_bytes;
        uint64_t booked = bookedBy(engine, asked.options())["scratch"];
        EXPECT_LT(planned, 2 * booked) << pattern;
        EXPECT_GT(planned, booked / 2) << pattern;
    }
}

TEST_P(PlanFamily, AMapOfAttention) {
    Engine &engine = smallEngine(GetParam());
    SessionOptions options = Asked().options();
    Session session(engine, options);
    std::vector<Token> tokens(kTokens, 5);
    session.read(tokens);
    for (uint32_t size : {64u, 512u}) {
        MapRequest request{.layer = 2, .end_query = kTokens, .end_key = kTokens, .size = size};
        MapCollector collector(engine.device(), engine.config(), request);
        session.lookAgain(0, kTokens, 3, collector);
        uint64_t planned = planSession(planModel(engine), options, request).map_bytes;
        uint64_t booked = 0;
        for (const gpu::BookedPart &part : engine.device().booked())
            if (part.name == "maps")
                booked = part.bytes;
        EXPECT_LE(booked, planned);
        EXPECT_GT(booked, planned / 2) << size;
    }
}

TEST_P(PlanFamily, TheLongestWindowFitsAndOneMoreDoesNot) {
    ModelPlan model = planModel(smallEngine(GetParam()));
    SessionOptions options;
    for (CacheType type : {CacheType::f16, CacheType::q4_0}) {
        options.k = options.v = type;
        options.context_tokens = 2777;
        uint64_t total = planSession(model, options).totalBytes();
        options.context_tokens = 2778;
        ASSERT_GT(planSession(model, options).totalBytes(), total);
        Room room{.free_bytes = total, .largest_buffer_bytes = uint64_t{1} << 32};
        EXPECT_EQ(LongestContext(model, options, room).find(type, type), 2777u);
        room.largest_buffer_bytes = 1000; // one buffer of the cache is larger
        EXPECT_LT(LongestContext(model, options, room).find(type, type), 32u);
        room.free_bytes = model.weights.device_bytes;
        EXPECT_EQ(LongestContext(model, options, room).find(type, type), 0u);
    }
    // Long windows grow by the bytes of a token; a ring does not grow.
    const uint64_t free = model.weights.device_bytes + (uint64_t{1} << 30);
    const Room room{.free_bytes = free, .largest_buffer_bytes = free};
    uint64_t longest = LongestContext(model, options, room).find(CacheType::f16, CacheType::f16);
    options.k = options.v = CacheType::f16;
    options.context_tokens = longest;
    uint64_t total = planSession(model, options).totalBytes();
    EXPECT_NEAR(static_cast<double>(total), static_cast<double>(free), 1e-3 * (1 << 30));
    options.patterns = attention::LayerPatterns(std::vector<std::string>{"window:100"});
    EXPECT_GT(LongestContext(model, options, room).find(CacheType::f16, CacheType::f16),
              1000 * longest);
}

TEST_P(PlanFamily, WorkFollowsThePattern) {
    ModelPlan model = planModel(smallEngine(GetParam()));
    attention::ModelShape shape = shapeOf(model.config);
    SessionOptions options{.context_tokens = kTokens};
    Work whole = readingWork(model, options, 0, 1000);
    double pairs = 1000.0 * 1001 / 2 * 4;
    EXPECT_DOUBLE_EQ(whole.flops, 1000 * attention::linearFlops(shape) +
                                      attention::headFlops(shape) +
                                      attention::attentionFlops(shape, pairs));
    Work first = readingWork(model, options, 0, 400), rest = readingWork(model, options, 400, 1000);
    EXPECT_DOUBLE_EQ(first.flops + rest.flops, whole.flops + attention::headFlops(shape));
    Work token = writingWork(model, options, 999);
    auto token_bytes =
        static_cast<double>(4 * attention::cacheTokenBytes(shape, options.k, options.v));
    EXPECT_DOUBLE_EQ(token.bytes, static_cast<double>(model.read_bytes) + 1000 * token_bytes);
    options.patterns = attention::LayerPatterns(std::vector<std::string>{"window:50"});
    EXPECT_DOUBLE_EQ(writingWork(model, options, 999).bytes,
                     static_cast<double>(model.read_bytes) + 50 * token_bytes);
}

/// Pairs and FLOPs by formula against those that the schedules of a reading hold, where the heads
/// of a layer see different keys and their number is odd.
TEST_P(PlanFamily, FormulasWeighTheKindsOfHeads) {
    Engine &engine = testing::engineFor("a llama of three heads", GetParam(), [] {
        return testing::makeTinyLlama(
            {.layers = 2, .model_dim = 96, .heads = 3, .kv_heads = 1, .head_dim = 32});
    });
    ModelPlan model = planModel(engine);
    constexpr uint64_t kRead = 300;
    std::vector<Token> tokens(kRead, 7);
    for (const std::string spec :
         {"full", "mixed:window:40#0|full", "mixed:chunked:30#1-2|window:9", "shifted:50"}) {
        SessionOptions options{.context_tokens = kRead + 1};
        options.patterns = attention::LayerPatterns(std::span(&spec, 1));
        Session session(engine, options);
        session.read(tokens);
        auto seen = static_cast<double>(session.attentionWork().visible_pairs);
        EXPECT_DOUBLE_EQ(3 * headPairs(model, options, kRead).all_layers, seen) << spec;
        EXPECT_DOUBLE_EQ(2 * 3 * headPairs(model, options, kRead).mean, seen) << spec;
        double others = static_cast<double>(kRead) * tokenFlops(model.config) +
                        attention::headFlops(shapeOf(model.config));
        EXPECT_DOUBLE_EQ(readingWork(model, options, 0, kRead).flops, others + 4 * 32 * seen)
            << spec;
        tokens.push_back(9);
        session.read(tokens); // one more, by decode
        seen = static_cast<double>(session.attentionWork().visible_pairs);
        tokens.pop_back();
        others = tokenFlops(model.config) + attention::headFlops(shapeOf(model.config));
        EXPECT_DOUBLE_EQ(writingWork(model, options, kRead).flops, others + 4 * 32 * seen) << spec;
    }
}

INSTANTIATE_TEST_SUITE_P(Plan, PlanFamily, ::testing::Values("lanes", "subgroup"),
                         [](const auto &which) { return std::string(which.param); });

} // namespace
} // namespace longscope::engine
