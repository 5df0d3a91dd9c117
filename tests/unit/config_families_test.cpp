// What the keys of the families say for each layer, worked out by hand, and contradictions, which
// are refused with the key or tensor and both values.
#include "compute/core/error.h"
#include "compute/model/config.h"
#include "tests/support/config_refusal.h"
#include "tests/support/family_models.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace longscope::model {
namespace {

using testing::configOf;
using testing::expectRefusal;
using testing::findVariant;
using testing::GgufWriter;

GgufWriter writerOf(std::string_view architecture, std::string_view variant) {
    return testing::makeFamily(architecture, findVariant(architecture, variant));
}
Config configOf(std::string_view architecture, std::string_view variant) {
    return configOf(writerOf(architecture, variant));
}

/// One number for each layer.
template <class Value> std::vector<int64_t> ofLayers(const Config &config, Value value) {
    std::vector<int64_t> all;
    for (const LayerConfig &layer : config.layer)
        all.push_back(static_cast<int64_t>(value(layer)));
    return all;
}
using Numbers = std::vector<int64_t>;
Numbers windowsOf(const Config &config) {
    return ofLayers(config, [](const LayerConfig &layer) { return layer.window; });
}
/// -1: none
Numbers ropesOf(const Config &config) {
    return ofLayers(config, [](const LayerConfig &layer) {
        return layer.rope == kNoRope ? int64_t{-1} : int64_t{layer.rope};
    });
}
Numbers headsOf(const Config &config) {
    return ofLayers(config, [](const LayerConfig &layer) { return layer.kv_heads; });
}
Numbers expertsOf(const Config &config) {
    return ofLayers(config, [](const LayerConfig &layer) { return layer.experts_used; });
}
Numbers recurrentOf(const Config &config) {
    return ofLayers(config,
                    [](const LayerConfig &layer) { return layer.recurrence != Recurrence::none; });
}

TEST(ConfigFamilies, Windows) {
    EXPECT_EQ(windowsOf(configOf("cohere2", "bare")), (Numbers{12, 12, 12, 0, 12}));
    EXPECT_EQ(ropesOf(configOf("cohere2", "bare")), (Numbers{0, 0, 0, -1, 0}));
    EXPECT_EQ(windowsOf(configOf("cohere2", "full")), (Numbers{12, 12, 0, 12, 12}));
    EXPECT_EQ(windowsOf(configOf("gemma2", "bare")), (Numbers{12, 0, 12}));
    EXPECT_EQ(windowsOf(configOf("gemma3", "full")), (Numbers{12, 0, 12, 12, 0}));
    EXPECT_EQ(ropesOf(configOf("gemma3", "full")), (Numbers{1, 0, 1, 1, 0}));
    EXPECT_EQ(windowsOf(configOf("gpt-oss", "bare")), (Numbers{12, 0, 12}));
    EXPECT_EQ(windowsOf(configOf("llama", "careless")), (Numbers{0, 0, 0}));
    EXPECT_EQ(windowsOf(configOf("phi3", "careless")), (Numbers{0, 0, 0}));
    EXPECT_EQ(windowsOf(configOf("lfm2", "full")), (Numbers{0, 12, 0, 0, 12}));
    Config llama4 = configOf("llama4", "bare");
    EXPECT_EQ(windowsOf(llama4), (Numbers{8192, 8192, 8192, 0, 8192}));
    EXPECT_TRUE(llama4.layer[0].chunked);
    EXPECT_EQ(ropesOf(llama4), (Numbers{1, 1, 1, -1, 1}));
    EXPECT_EQ(ofLayers(llama4, [](auto &layer) { return layer.tempered; }),
              (Numbers{0, 0, 0, 1, 0}));
    EXPECT_EQ(ofLayers(llama4, [](auto &layer) { return layer.normed_heads; }),
              (Numbers{1, 1, 1, 0, 1}));
    EXPECT_FALSE(configOf("llama4", "many").layer[0].normed_heads);
    Config exaone = configOf("exaone4", "deep");
    EXPECT_EQ(windowsOf(exaone)[62], 9);
    EXPECT_EQ(windowsOf(exaone)[63], 0);
    EXPECT_EQ(exaone.layer[62].rope, kGlobalRope);
    EXPECT_EQ(exaone.layer[63].rope, kNoRope);
    EXPECT_EQ(ropesOf(configOf("exaone4", "bare")), (Numbers{0, 0, 0}));
    // A number for all layers: 0 makes all local, 1 none.
    GgufWriter gemma = writerOf("gemma3", "bare");
    EXPECT_EQ(windowsOf(configOf(gemma.set("gemma3.attention.sliding_window_pattern", 0u))),
              (Numbers{12, 12, 12}));
    EXPECT_EQ(windowsOf(configOf(gemma.set("gemma3.attention.sliding_window_pattern", 1u))),
              (Numbers{0, 0, 0}));
    EXPECT_EQ(windowsOf(configOf(gemma.set("gemma3.attention.sliding_window", 0u))),
              (Numbers{0, 0, 0}));
}

TEST(ConfigFamilies, LayersOfEachKind) {
    EXPECT_EQ(recurrentOf(configOf("lfm2", "bare")), (Numbers{1, 0, 1}));
    EXPECT_EQ(headsOf(configOf("lfm2", "full")), (Numbers{0, 3, 0, 0, 2}));
    EXPECT_EQ(recurrentOf(configOf("falcon-h1", "bare")), (Numbers{1, 1, 1}));
    EXPECT_EQ(headsOf(configOf("falcon-h1", "bare")), (Numbers{2, 2, 2}));
    EXPECT_EQ(headsOf(configOf("mamba2", "careless")), (Numbers{0, 0, 0}));
    EXPECT_EQ(recurrentOf(configOf("qwen35", "bare")), (Numbers{1, 0, 1}));
    EXPECT_EQ(recurrentOf(configOf("qwen35", "full")), (Numbers{1, 1, 0, 1, 0}));
    EXPECT_EQ(expertsOf(configOf("llama", "full")), (Numbers{0, 2, 0, 0, 2}));
    EXPECT_EQ(expertsOf(configOf("llama4", "bare")), (Numbers{0, 2, 0, 2, 0}));
    EXPECT_EQ(expertsOf(configOf("ernie4_5", "careless")), (Numbers{0, 0, 0}));
    EXPECT_EQ(expertsOf(configOf("ernie4_5-moe", "bare")), (Numbers{0, 2, 2}));
    EXPECT_EQ(expertsOf(configOf("ernie4_5-moe", "full")), (Numbers{0, 2, 0, 2, 0}));
    EXPECT_EQ(expertsOf(configOf("deepseek2", "bare")), (Numbers{0, 2, 2}));
    EXPECT_EQ(configOf("qwen2moe", "bare").experts.ffn_dim, 64u);     // 192 / 3
    EXPECT_EQ(configOf("qwen2moe", "bare").experts.shared_dim, 192u); // as the dense block
    EXPECT_EQ(configOf("deepseek2", "bare").experts.shared_dim, 128u);
    // An array of the same number, 0 where a layer has no experts.
    GgufWriter widths = writerOf("deepseek2", "bare");
    widths.set("deepseek2.expert_feed_forward_length", std::vector<int32_t>{0, 64, 64});
    EXPECT_EQ(configOf(widths).experts.ffn_dim, 64u);
    EXPECT_EQ(ropesOf(configOf("smollm3", "bare")), (Numbers{0, 0, 0, -1, 0}));
    EXPECT_EQ(ropesOf(configOf("granite", "unset")), (Numbers{-1, -1, -1}));
    EXPECT_EQ(ropesOf(configOf("granitemoe", "unset")), (Numbers{0, 0, 0}));
    EXPECT_EQ(ropesOf(configOf("jamba", "bare")), (Numbers{-1, -1, -1}));
    // One number stands for all layers.
    std::vector<std::byte> bytes =
        writerOf("qwen35", "bare").set("qwen35.attention.recurrent_layers", 0u).build();
    Config none = readKeys(Gguf::parse(bytes, "test.gguf"), [](auto &) { return false; });
    EXPECT_EQ(recurrentOf(none), (Numbers{0, 0, 0}));
    // head_count_kv is head_count where it is absent, layer by layer.
    GgufWriter jamba = writerOf("jamba", "bare");
    jamba.remove("jamba.attention.head_count_kv");
    jamba.set("jamba.attention.head_count", std::vector<int32_t>{0, 6, 0});
    bytes = jamba.build();
    Config heads = readKeys(Gguf::parse(bytes, "test.gguf"), [](auto &) { return false; });
    EXPECT_EQ(recurrentOf(heads), (Numbers{1, 0, 1}));
    EXPECT_EQ(headsOf(heads), (Numbers{0, 6, 0}));
}

TEST(ConfigFamilies, Gemma4) {
    Config config = configOf("gemma4", "full");
    EXPECT_EQ(ofLayers(config, [](auto &layer) { return layer.cache_layer; }),
              (Numbers{0, 1, 2, 1, 2}));
    EXPECT_EQ(ofLayers(config, [](auto &layer) { return layer.head_dim; }),
              (Numbers{16, 16, 32, 16, 32}));
    EXPECT_EQ(headsOf(config), (Numbers{2, 3, 1, 3, 1}));
    EXPECT_EQ(config.score_scale, 1);
    EXPECT_EQ(config.ropes.size(), 2u);
    EXPECT_EQ(config.ropes[kGlobalRope].factors.size(), 16u);
    EXPECT_TRUE(config.ropes[kLocalRope].factors.empty());
    EXPECT_EQ(config.ropes[kLocalRope].dims, 16u);
    EXPECT_EQ(config.ropes[kLocalRope].base, 300);
    EXPECT_EQ(configOf("gemma4", "bare").logits_cap, 30);
}

TEST(ConfigFamilies, Rotations) {
    constexpr float kStill = std::numeric_limits<float>::infinity();
    // Sections 1, 1, 1, 3 of 4 pairs: the fourth belongs to the fourth.
    EXPECT_EQ(configOf("qwen35", "bare").rope().factors, (std::vector<float>{1, 1, 1, kStill}));
    // Sections 3, 4, 2, 1: of 10 pairs 8 (8 % 3 = 2, not below 3 * 2) and 9 (not below 3 * 3).
    std::vector<float> imrope(12, 1.0f);
    imrope[8] = imrope[9] = kStill;
    EXPECT_EQ(configOf("qwen35", "full").rope().factors, imrope);
    // Sections 2, 2, 2, 4 of 8 pairs: from 6 on.
    Config glm = configOf("glm4", "full");
    EXPECT_EQ(glm.rope().factors, (std::vector<float>{1, 1, 1, 1, 1, 1, kStill, kStill}));
    EXPECT_EQ(glm.rope_layout, RopeLayout::neox);
    EXPECT_EQ(configOf("glm4", "bare").rope_layout, RopeLayout::norm);
    EXPECT_NEAR(configOf("hunyuan-dense", "full").rope().base, 2000 * std::pow(50.0, 32.0 / 30),
                1e-6);
    Config one = configOf(writerOf("glm4", "full").set("glm4.rope.dimension_sections", 2u));
    EXPECT_EQ(one.rope().factors, glm.rope().factors); // 2, 2, 2, 2 of 8 pairs
    Config llama4 = configOf("llama4", "full");        // its rotated layers are the local ones
    EXPECT_EQ(llama4.ropes[kLocalRope].factors.size(), 16u);
    EXPECT_EQ(llama4.ropes[kLocalRope].scaling.factor, 4);
    Config olmo = configOf("olmo2", "full"); // yarn on global layers alone
    EXPECT_EQ(olmo.ropes[kGlobalRope].scaling.type, "yarn");
    EXPECT_EQ(olmo.ropes[kLocalRope].scaling.type, "linear");
    EXPECT_EQ(olmo.ropes[kLocalRope].scaling.factor, 1);
    EXPECT_EQ(olmo.ropes[kLocalRope].base, 2000);
    Config oss = configOf("gpt-oss", "full"); // the head is what is rotated; yarn on both
    EXPECT_EQ(oss.head_dim, 32u);
    EXPECT_EQ(oss.ropes[kLocalRope].scaling.type, "yarn");
    EXPECT_EQ(oss.ropes[kLocalRope].base, 300);
    EXPECT_EQ(configOf("gpt-oss", "bare").ropes[kLocalRope].base, 10000);
    Config gemma = configOf("gemma3", "full");
    EXPECT_EQ(gemma.ropes[kGlobalRope].scaling.factor, 4);
    EXPECT_EQ(gemma.ropes[kLocalRope].scaling.factor, 1);
    EXPECT_EQ(configOf("gemma3", "bare").ropes[kLocalRope].base, 10000);
}

TEST(ConfigFamilies, Factors) {
    auto root = [](double x) { return static_cast<float>(1 / std::sqrt(x)); };
    EXPECT_FLOAT_EQ(configOf("gemma2", "deep").scoreScale(0), root(32.0 / 4));
    EXPECT_FLOAT_EQ(configOf("gemma3", "deep").scoreScale(0), root(32.0 / 4));
    EXPECT_FLOAT_EQ(configOf("gemma2", "full").scoreScale(0), root(32));
    EXPECT_FLOAT_EQ(configOf("granite", "bare").scoreScale(0), 0.4f);
    EXPECT_FLOAT_EQ(configOf("granite", "unset").scoreScale(0), root(16));
    EXPECT_FLOAT_EQ(configOf("llama", "careless").scoreScale(0), root(16));
    Config minicpm = configOf("minicpm", "bare");
    EXPECT_DOUBLE_EQ(minicpm.embedding_factor, 12);
    EXPECT_DOUBLE_EQ(minicpm.branch_factor, 1.4 / std::sqrt(3.0));
    EXPECT_DOUBLE_EQ(minicpm.logits_factor, 96 / 256.0);
    minicpm = configOf("minicpm", "switched_off");
    EXPECT_EQ(minicpm.embedding_factor, 1);
    EXPECT_EQ(minicpm.branch_factor, 1);
    EXPECT_EQ(minicpm.logits_factor, 1);
    EXPECT_EQ(configOf("granite", "bare").logits_factor, 0.5);
    EXPECT_EQ(configOf("command-r", "full").logits_factor, 0.25);
    EXPECT_EQ(configOf("command-r", "bare").logits_factor, 1);
    EXPECT_EQ(configOf("gemma2", "bare").logits_cap, 30);
    EXPECT_EQ(configOf("gemma2", "bare").softcap, 50);
    EXPECT_EQ(configOf("gemma3", "careless").softcap, 0);
    EXPECT_EQ(configOf("gemma3", "bare").logits_cap, 0);
    // ln 4 = 1.38629436; yarn with a multiplier of 0.707: (1 + 0.0707 ln 4)^2 / sqrt(24)
    EXPECT_NEAR(configOf("deepseek2", "full").scoreScale(0), 0.2460978, 1e-6);
    // linear: (1 + 0.1 ln 4)^2 / sqrt(24)
    EXPECT_NEAR(configOf("deepseek2", "apart").scoreScale(0), 0.2646427, 1e-6);
    EXPECT_NEAR(configOf("deepseek2", "bare").scoreScale(0), 0.2041241, 1e-6);
}

// ---- refusals ----------------------------------------------------------------------------------

template <class Value>
void expectKeyRefused(const char *architecture, const char *variant, const char *key,
                      const Value &value, std::string_view part) {
    GgufWriter writer = writerOf(architecture, variant);
    expectRefusal(writer.set(std::string(architecture) + "." + key, value), part);
}

TEST(ConfigFamilies, RefusesKeysThatDoNotFit) {
    using Ints = std::vector<int32_t>;
    expectKeyRefused("gemma3", "bare", "attention.sliding_window_pattern", Ints{1, 0},
                     "gemma3.attention.sliding_window_pattern has 2 values for 3 layers");
    expectKeyRefused("qwen35", "bare", "attention.recurrent_layers", Ints{1, 0},
                     "qwen35.attention.recurrent_layers has 2 values for 3 layers");
    expectKeyRefused("gemma4", "bare", "feed_forward_length", Ints{160, 160},
                     "gemma4.feed_forward_length has 2 values for 3 layers");
    expectKeyRefused("llama", "groups", "expert_group_count", 4u,
                     "2 of 6 experts from 2 of 4 groups cannot be (llama.expert_group_count)");
    expectKeyRefused("llama", "groups", "expert_group_used_count", 4u,
                     "from 4 of 3 groups cannot be");
    expectKeyRefused("qwen3moe", "bare", "expert_used_count", 7u,
                     "7 of 6 experts are used (qwen3moe.expert_used_count)");
    expectKeyRefused("deepseek2", "bare", "expert_gating_func", 4u,
                     "deepseek2.expert_gating_func is 4, expected 1 (softmax)");
    expectKeyRefused("deepseek2", "bare", "expert_feed_forward_length", Ints{0, 64, 32},
                     "deepseek2.expert_feed_forward_length is 64 in one layer and 32 in another");
    expectKeyRefused("qwen35", "bare", "rope.dimension_sections", Ints{0, 0, 0, 0},
                     "qwen35.rope.dimension_sections is [0, 0, 0, 0]");
    expectKeyRefused("mamba2", "bare", "ssm.group_count", 4u,
                     "mamba2.ssm.inner_size 192, time_step_rank 6, state_size 16 and group_count "
                     "4 do not go together");
    expectKeyRefused("qwen35", "bare", "ssm.state_size", 8u, "qwen35.ssm.inner_size 96");
    expectKeyRefused("falcon", "bare", "rope.dimension_count", 8u,
                     "8 of 16 head dimensions are rotated; falcon rotates all");
    expectKeyRefused("gptneox", "bare", "rope.dimension_count", 18u,
                     "18 of 16 head dimensions are rotated; gptneox rotates an even part");
    expectKeyRefused("deepseek2", "bare", "rope.dimension_count", 24u,
                     "24 of 24 dimensions of a key are rotated (deepseek2.rope.dimension_count)");
    expectKeyRefused("gemma4", "full", "attention.shared_kv_layers", 4u,
                     "4 of 5 layers share the keys of earlier ones");
    expectKeyRefused("gemma4", "full", "attention.head_count_kv", Ints{2, 3, 1, 2, 1},
                     "layer 3 with 2 KV heads of 16 reads the keys of layer 1, which has 3 of 16");
    expectKeyRefused("gemma4", "full", "attention.key_length_swa", 17u, "heads of 17 dimensions");
    expectKeyRefused("rwkv6", "bare", "wkv.head_size", 20u, "heads of 20 do not divide 96");
    expectKeyRefused("starcoder2", "bare", "attention.head_count_kv", 4u,
                     "6 attention heads cannot share 4 KV heads evenly (layer 0, "
                     "starcoder2.attention.head_count_kv)");
}

TEST(ConfigFamilies, RefusesMissingKeys) {
    const std::tuple<const char *, const char *, const char *> needed[] = {
        {"gptneox", "bare", "use_parallel_residual"},
        {"gpt-oss", "bare", "attention.sliding_window"},
        {"cohere2", "bare", "attention.sliding_window"},
        {"gemma4", "bare", "attention.sliding_window"},
        {"gemma4", "bare", "attention.sliding_window_pattern"},
        {"gemma4", "bare", "embedding_length_per_layer_input"},
        {"granite", "bare", "logit_scale"},
        {"lfm2moe", "bare", "expert_gating_func"},
        {"lfm2", "bare", "shortconv.l_cache"},
        {"bloom", "bare", "attention.layer_norm_epsilon"},
        {"jamba", "bare", "ssm.state_size"},
        {"rwkv6", "bare", "wkv.head_size"},
        {"deepseek2", "bare", "attention.kv_lora_rank"},
        {"gpt-oss", "bare", "expert_feed_forward_length"},
        {"qwen3moe", "bare", "expert_count"},
    };
    for (auto [architecture, variant, key] : needed) {
        std::string full = std::string(architecture) + "." + key;
        expectRefusal(writerOf(architecture, variant).remove(full),
                      "key " + full + " is missing or 0");
    }
}

TEST(ConfigFamilies, RefusesTensorsThatDoNotFit) {
    const float zeros[512] = {};
    auto removed = [&](const char *architecture, const char *name, const char *part) {
        expectRefusal(writerOf(architecture, "bare").removeTensor(name), part);
    };
    auto added = [&](const char *architecture, const char *name, std::vector<uint64_t> shape,
                     const char *part) {
        uint64_t count = 1;
        for (uint64_t size : shape)
            count *= size;
        expectRefusal(
            writerOf(architecture, "bare").tensorF32(name, shape, std::span(zeros).first(count)),
            part);
    };
    removed("deepseek2", "blk.1.attn_k_b.weight",
            "tensor blk.1.attn_k_b.weight [16, 32, 6] is missing (architecture deepseek2)");
    removed("gpt2", "position_embd.weight", "position_embd.weight [96, 256] is missing");
    removed("bloom", "token_embd_norm.weight", "token_embd_norm.weight [96] is missing");
    removed("lfm2moe", "blk.1.exp_probs_b.bias", "blk.1.exp_probs_b.bias [6] is missing");
    removed("falcon-h1", "blk.0.ffn_norm", "blk.0.ffn_norm [96] is missing");
    added("gpt-oss", "blk.1.attn_sinks.weight", {5},
          "tensor blk.1.attn_sinks.weight has the shape [5], the keys say [6] (architecture "
          "gpt-oss)");
    added("mamba2", "blk.0.ssm_norm.weight", {32, 6},
          "blk.0.ssm_norm.weight has the shape [32, 6], the keys say [96, 2]");
    added("qwen3moe", "blk.2.ffn_up_exps.scale", {3},
          "blk.2.ffn_up_exps.scale has the shape [3], the keys say [6]");
    added("gemma2", "output.weight", {2, 2}, "output.weight [2, 2] has no place in a gemma2");
    added("stablelm", "blk.0.attn_q_norm.weight", {16, 6}, "has no place in a stablelm");
    added("olmo", "output_norm.weight", {96}, "output_norm.weight [96] has no place in a olmo");
    added("gemma", "blk.0.attn_output.bias", {96}, "has no place in a gemma of 3 layers");
    added("qwen3next", "blk.0.attn_qkv.weight", {1}, "blk.0.attn_qkv.weight has the shape [1]");
}

} // namespace
} // namespace longscope::model
