// The reference's forward pass under patterns, schemes of positions and cache types: settings that
// come to the same must give the same logits, others must not, and each key has a known position.
#include "compute/reference/forward.h"

#include "tests/support/gguf_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace longscope::reference {
namespace {

using attention::CacheType;

constexpr size_t kTokens = 23;

struct Model {
    std::vector<std::byte> bytes;
    model::Gguf file;
    model::Config config;

    explicit Model(const testing::GgufWriter &writer)
        : bytes(writer.build()), file(model::Gguf::parse(bytes, "test.gguf")),
          config(model::readConfig(file)) {}
};

testing::GgufWriter tinyWriter(uint32_t layers = 2) {
    testing::TinyLlamaOptions options;
    options.layers = layers;
    options.model_dim = 32;
    options.heads = 4;
    options.kv_heads = 2;
    options.head_dim = 8;
    options.ffn_dim = 64;
    options.context_tokens = 16; // fewer than are read: scaling begins to matter
    return testing::makeTinyLlama(options);
}

std::vector<int32_t> someTokens() {
    std::vector<int32_t> tokens;
    for (size_t i = 0; i < kTokens; ++i)
        tokens.push_back(static_cast<int32_t>((i * 37 + 11) % 256));
    return tokens;
}

ForwardOptions optionsOf(const std::string &pattern, const std::string &rope = "model",
                         CacheType k = CacheType::f32, CacheType v = CacheType::f32) {
    ForwardOptions options;
    options.k = k;
    options.v = v;
    options.patterns = attention::LayerPatterns(std::span(&pattern, 1));
    options.rope = attention::parseRope(rope);
    return options;
}

std::vector<float> logitsOf(const Model &model, const ForwardOptions &options) {
    return forward(model.file, model.config, someTokens(), options);
}

/// Root of the summed squares of the difference, over that of `b`; of the rows first .. end - 1.
double difference(std::span<const float> a, std::span<const float> b, size_t first = 0,
                  size_t end = kTokens) {
    size_t vocab = b.size() / kTokens;
    double error = 0, power = 0;
    for (size_t i = first * vocab; i < end * vocab; ++i) {
        auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
        error += (x - y) * (x - y);
        power += y * y;
    }
    return std::sqrt(error / power);
}

constexpr double kSame = 2e-5;  // rotations and their inverse are rounded to f32
constexpr double kOther = 1e-3; // a key more or less, a position moved

TEST(ReferenceForwardPatterns, WideOnesAreFull) {
    Model model(tinyWriter());
    std::vector<float> full = logitsOf(model, {});
    for (const char *pattern : {"full", "window:23", "sinks:4+19", "a-shape:1+40", "chunked:23",
                                "longformer:20+3", "fixed:40,1"})
        EXPECT_LT(difference(logitsOf(model, optionsOf(pattern)), full), kSame) << pattern;
    for (const char *pattern :
         {"window:7", "sinks:2+5", "a-shape:2+5", "chunked:7", "dilated:4x2"}) {
        std::vector<float> logits = logitsOf(model, optionsOf(pattern));
        EXPECT_GT(difference(logits, full, 8), kOther) << pattern;
        EXPECT_EQ(difference(logits, full, 0, 1), 0) << pattern; // the first token sees itself only
    }
}

TEST(ReferenceForwardPatterns, OfSomeLayersOnly) {
    Model model(tinyWriter());
    std::vector<float> full = logitsOf(model, {});
    std::vector<float> first = logitsOf(model, optionsOf("window:7@0"));
    std::vector<float> second = logitsOf(model, optionsOf("window:7@1"));
    std::vector<float> both = logitsOf(model, optionsOf("window:7"));
    EXPECT_GT(difference(first, full), kOther);
    EXPECT_GT(difference(second, full), kOther);
    EXPECT_GT(difference(first, second), kOther);
    EXPECT_GT(difference(first, both), kOther);
    EXPECT_EQ(difference(first, full, 0, 7), 0); // nothing is out of sight yet
}

TEST(ReferenceForwardPatterns, SinksMoveThePositionsOfAShape) {
    Model model(tinyWriter(1));
    std::vector<float> sinks = logitsOf(model, optionsOf("sinks:2+6"));
    std::vector<float> a_shape = logitsOf(model, optionsOf("a-shape:2+6"));
    EXPECT_LT(difference(sinks, a_shape, 0, 8), kSame); // up to S + W tokens nothing has moved
    EXPECT_GT(difference(sinks, a_shape, 8), kOther);
    // Row i sees what the last row of a text sees that has only the sinks and the window.
    std::vector<int32_t> tokens = someTokens(), kept(tokens.begin(), tokens.begin() + 2);
    kept.insert(kept.end(), tokens.end() - 6, tokens.end());
    std::vector<float> alone = forward(model.file, model.config, kept);
    size_t vocab = model.config.vocab;
    for (size_t i = 0; i < vocab; ++i)
        EXPECT_NEAR(sinks[(kTokens - 1) * vocab + i], alone[7 * vocab + i], 1e-4f);
}

TEST(ReferenceForwardRope, SchemesThatComeToTheSame) {
    Model model(tinyWriter());
    std::vector<float> plain = logitsOf(model, {});
    for (const char *rope : {"model", "none", "linear:1", "ntk:1", "yarn:1", "llama3:1",
                             "self-extend:1,4", "rerope:23", "leaky-rerope:5,1"})
        EXPECT_LT(difference(logitsOf(model, optionsOf("full", rope)), plain), kSame) << rope;
    for (const char *rope : {"linear:2", "ntk:2", "dynamic-ntk", "ntk-parts:4", "yarn:2",
                             "self-extend:3,4", "rerope:6", "leaky-rerope:6,2"}) {
        std::vector<float> logits = logitsOf(model, optionsOf("full", rope));
        EXPECT_GT(difference(logits, plain, 8), kOther) << rope;
    }
    for (const char *rope : {"self-extend:3,4", "rerope:6", "leaky-rerope:6,2"})
        EXPECT_LT(difference(logitsOf(model, optionsOf("full", rope)), plain, 0, 4), kSame) << rope;
}

TEST(ReferenceForwardRope, DynamicNtkFollowsTheTokens) {
    Model model(tinyWriter());
    ForwardOptions options = optionsOf("full", "dynamic-ntk");
    options.rope_tokens = 32; // alpha 2 of 16 trained
    EXPECT_LT(difference(logitsOf(model, options), logitsOf(model, optionsOf("full", "ntk:2"))),
              kSame);
    options.rope_tokens = 16;
    EXPECT_LT(difference(logitsOf(model, options), logitsOf(model, {})), kSame);
}

TEST(ReferenceForwardRope, LongropeOfTheFile) {
    const float far[] = {1, 2, 4, 8}, near[] = {1, 1, 1, 1};
    testing::GgufWriter writer = tinyWriter();
    std::vector<float> plain = logitsOf(Model(writer), {});
    writer.set("llama.rope.scaling.type", "longrope");
    writer.set("llama.rope.scaling.original_context_length", 256u);
    writer.tensorF32("rope_factors_long.weight", {4}, far);
    writer.tensorF32("rope_factors_short.weight", {4}, near);
    Model model(writer);
    ForwardOptions options; // 23 tokens
    EXPECT_LT(difference(logitsOf(model, options), plain), kSame);
    options.rope_tokens = 256;
    EXPECT_LT(difference(logitsOf(model, options), plain), kSame);
    options.rope_tokens = 257;
    EXPECT_GT(difference(logitsOf(model, options), plain), kOther);
}

TEST(ReferenceForwardCache, RoundsKeysAndValues) {
    Model model(tinyWriter());
    std::vector<float> exact = logitsOf(model, {});
    double last = 0;
    for (CacheType type : {CacheType::f16, CacheType::bf16, CacheType::q8_0, CacheType::q4_0}) {
        double k = difference(logitsOf(model, optionsOf("full", "model", type)), exact);
        double v =
            difference(logitsOf(model, optionsOf("full", "model", CacheType::f32, type)), exact);
        EXPECT_GT(k, 0);
        EXPECT_GT(v, 0);
        EXPECT_LT(k + v, type == CacheType::q4_0 ? 0.3 : 0.03) << cacheTypeName(type);
        last = k + v;
    }
    EXPECT_GT(last, 1e-2); // 4 bits show
    // Keys that must be turned anew are rounded before they are turned: other rounding errors.
    std::vector<float> turned = logitsOf(model, optionsOf("full", "rerope:23", CacheType::q4_0));
    std::vector<float> cached = logitsOf(model, optionsOf("full", "model", CacheType::q4_0));
    EXPECT_GT(difference(turned, cached), kOther);
    EXPECT_LT(difference(turned, exact), 0.3);
    // Sinks keep rotated keys: with nothing to forget the rounding is that of full attention.
    EXPECT_LT(
        difference(logitsOf(model, optionsOf("sinks:3+20", "model", CacheType::q4_0)), cached),
        kSame);
}

} // namespace
} // namespace longscope::reference
