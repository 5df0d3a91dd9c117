// Windows of the model's own: which layers keep them, how far such a model reads, and what does not
// go with layers that differ.
#include "compute/core/error.h"
#include "tests/support/layer_configs.h"

#include <gtest/gtest.h>

namespace longscope::engine {
namespace {

using test::emptyConfig;
using test::exactOptions;
using test::layerOf;
using test::mixedConfig;
using test::ropeOf;

std::string specsOf(const model::Config &config, std::vector<std::string> specs) {
    SessionOptions options = exactOptions();
    options.patterns = attention::LayerPatterns(specs);
    options = withNativeWindows(config, withNativeWindows(config, options));
    std::string all;
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        all += options.patterns.of(layer).spec() + " ";
    return all;
}

TEST(NativeWindows, StayUnlessTheLayerIsNamed) {
    model::Config config = mixedConfig(model::RopeLayout::norm);
    EXPECT_EQ(specsOf(config, {}), "full window:20 full window:20 chunked:16 ");
    EXPECT_EQ(specsOf(config, {"sinks:4+9"}),
              "sinks:4+9 window:20 sinks:4+9 window:20 chunked:16 ");
    EXPECT_EQ(specsOf(config, {"full@4", "window:7@0,1,3", "window:9"}),
              "window:9 window:7 window:9 window:7 full ");
    EXPECT_EQ(describeWindows(config, exactOptions()),
              "layer 4 keeps the model's own chunks of 16 tokens; layers 1, 3 keep the model's own "
              "window of 20 tokens");
    EXPECT_EQ(describeWindows(emptyConfig({layerOf(0, 1, 1, 32, 0)}), exactOptions()), "");
}

TEST(NativeWindows, OnlyLayersThatRotateAndSeeEverythingLimitTheWindow) {
    model::Config config = mixedConfig(model::RopeLayout::norm);
    SessionOptions options;
    EXPECT_EQ(reachOf(config, options), 4096u);
    config.layer[0].rope = model::kNoRope;
    EXPECT_EQ(reachOf(config, options), UINT64_MAX);
    config.layer[1].rope = model::kGlobalRope; // its window is short
    EXPECT_EQ(reachOf(config, options), UINT64_MAX);
}

std::string refusalOf(const model::Config &config, const char *pattern, const char *evict,
                      const char *rope = "model") {
    SessionOptions options = exactOptions(rope);
    options.patterns = attention::LayerPatterns(std::vector<std::string>{pattern});
    options.eviction = attention::parseEviction(evict);
    try {
        checkOptions(config, options);
    } catch (const Error &error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        return error.what();
    }
    return "";
}

TEST(NativeWindows, EvictionWantsLayersThatAreAlike) {
    model::Config mixed = mixedConfig(model::RopeLayout::norm);
    model::Config alike =
        emptyConfig({layerOf(0, 4, 2, 32, model::kGlobalRope), layerOf(1, 4, 2, 32, 0)});
    alike.ropes = {ropeOf(32, 10000)};
    for (const char *evict : {"h2o:64", "tova:64", "snapkv:80", "quest:64"}) {
        EXPECT_EQ(refusalOf(alike, "full", evict), "");
        EXPECT_NE(refusalOf(mixed, "full", evict).find("model's own window of 20"),
                  std::string::npos);
    }
    model::Config other = alike;
    other.layer[1].kv_heads = 4;
    EXPECT_NE(refusalOf(other, "full", "h2o:64").find("layer 1"), std::string::npos);
    model::LayerConfig recurrent;
    recurrent.recurrence = model::Recurrence::mamba1;
    EXPECT_NE(refusalOf(emptyConfig({recurrent}), "full", "tova:64").find("no layer attends"),
              std::string::npos);
    alike.alibi_bias = 8;
    EXPECT_NE(refusalOf(alike, "full", "snapkv:80").find("ALiBi"), std::string::npos);
    EXPECT_NE(refusalOf(alike, "sinks:4+60", "none").find("ALiBi"), std::string::npos);
    EXPECT_EQ(refusalOf(alike, "a-shape:4+60", "none"), "");
}

/// Layers may have different numbers of heads: a pattern is held against those of its own.
TEST(NativeWindows, PatternsNameHeadsThatExist) {
    model::Config config =
        emptyConfig({layerOf(0, 4, 2, 32, model::kGlobalRope), layerOf(1, 2, 2, 32, 0)});
    config.ropes = {ropeOf(32, 10000)};
    EXPECT_EQ(refusalOf(config, "mixed:window:9#0-1|full", "none"), "");
    EXPECT_EQ(refusalOf(config, "mixed:window:9#3|full@0", "none"), "");
    EXPECT_EQ(refusalOf(config, "mixed:window:9#3|full", "none"),
              "--attention \"mixed:window:9#3|full\": there is no head 3; layer 1 has 2 heads, 0 "
              "to 1");
    EXPECT_NE(refusalOf(config, "mixed:full#0|window:9#2,40-50|full", "none").find("no head 50"),
              std::string::npos);
}

TEST(NativeWindows, SharedKeysAreReadAlike) {
    model::Config config = mixedConfig(model::RopeLayout::norm);
    config.layer[3].cache_layer = 1;
    EXPECT_EQ(refusalOf(config, "window:9@1,3", "none"), "");
    EXPECT_NE(refusalOf(config, "window:9@3", "none").find("layer 3 reads the keys of layer 1"),
              std::string::npos);
}

TEST(NativeWindows, SchemesAreForModelsThatRotate) {
    model::Config config = emptyConfig({layerOf(0, 4, 2, 32, model::kNoRope)});
    EXPECT_NE(refusalOf(config, "full", "none", "ntk:2").find("does not"), std::string::npos);
    EXPECT_EQ(refusalOf(config, "full", "none"), "");
}

} // namespace
} // namespace longscope::engine
