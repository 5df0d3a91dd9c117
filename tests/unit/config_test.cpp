// Reads models that careless tools wrote, and refuses those that the engine would get wrong.
#include "compute/model/config.h"

#include "compute/core/error.h"
#include "tests/support/config_refusal.h"

#include <gtest/gtest.h>

namespace longscope::model {
namespace {

using testing::configOf;
using testing::expectRefusal;
using testing::GgufWriter;
using testing::makeTinyLlama;
using testing::TinyLlamaOptions;

const TinyLlamaOptions kSmall = {.model_dim = 32,
                                 .heads = 4,
                                 .kv_heads = 2,
                                 .head_dim = 8,
                                 .ffn_dim = 64,
                                 .context_tokens = 512};

TEST(Architecture, KnowsLlamaAndTheNearestName) {
    ASSERT_TRUE(findArchitecture("llama"));
    EXPECT_EQ(findArchitecture("llama")->rope.layout, RopeLayout::norm);
    EXPECT_EQ(findArchitecture("Llama"), nullptr);
    EXPECT_EQ(nearestArchitecture("lama2"), "llama");
}

TEST(Config, ReadsATinyLlama) {
    Config config = configOf(makeTinyLlama(kSmall));
    EXPECT_EQ(config.architecture->name, "llama");
    EXPECT_EQ(config.name, "tiny random llama");
    EXPECT_EQ(config.layers, 2u);
    EXPECT_EQ(config.model_dim, 32u);
    EXPECT_EQ(config.ffn_dim, 64u);
    EXPECT_EQ(config.heads, 4u);
    EXPECT_EQ(config.kv_heads, 2u);
    EXPECT_EQ(config.head_dim, 8u);
    EXPECT_EQ(config.vocab, 271u);
    EXPECT_EQ(config.context_tokens, 512u);
    EXPECT_EQ(config.norm_eps, 1e-5f);
    EXPECT_EQ(config.rope().dims, 8u);
    EXPECT_EQ(config.rope().base, 10000);
    EXPECT_EQ(config.rope().scaling.type, "linear");
    EXPECT_EQ(config.rope().scaling.factor, 1);
    EXPECT_EQ(config.rope().scaling.original_context, 512u);
    EXPECT_TRUE(config.rope().factors.empty());
    EXPECT_FALSE(config.tied_head);
    uint64_t layer = 32 * (32 + 16 + 16 + 32 + 3 * 64 + 2);
    EXPECT_EQ(config.parameters, 2 * 271 * 32 + 32 + 2 * layer);
}

TEST(Config, ReadsEveryWeightType) {
    for (uint32_t type = 0; type < 64; ++type) {
        const QuantTraits *traits = findQuantTraits(type);
        if (!traits || !traits->supported)
            continue;
        TinyLlamaOptions options = {.layers = 1,
                                    .ffn_dim = 256,
                                    .vocab = 300,
                                    .type = traits->type,
                                    .biases = true,
                                    .scales = true,
                                    .rope_freqs = true,
                                    .tied_head = true};
        Config config = configOf(makeTinyLlama(options));
        EXPECT_EQ(config.vocab, 300u) << traits->name;
        EXPECT_TRUE(config.tied_head);
        EXPECT_EQ(config.rope().factors.size(), 32u);
    }
}

TEST(Config, FillsDefaults) {
    GgufWriter writer =
        makeTinyLlama({.model_dim = 32, .heads = 4, .kv_heads = 4, .head_dim = 8, .ffn_dim = 64});
    for (const char *key : {"attention.head_count_kv", "attention.key_length",
                            "attention.value_length", "rope.dimension_count", "rope.freq_base"})
        writer.remove(std::string("llama.") + key);
    writer.remove("general.name").remove("tokenizer.ggml.tokens");
    Config config = configOf(writer);
    EXPECT_EQ(config.kv_heads, 4u);
    EXPECT_EQ(config.head_dim, 8u);
    EXPECT_EQ(config.rope().dims, 8u);
    EXPECT_EQ(config.rope().base, 10000);
    EXPECT_EQ(config.name, "");
}

TEST(Config, ZeroCountsAsAbsent) {
    GgufWriter writer =
        makeTinyLlama({.model_dim = 32, .heads = 4, .kv_heads = 4, .head_dim = 8, .ffn_dim = 64});
    for (const char *key :
         {"expert_count", "attention.head_count_kv", "attention.key_length",
          "attention.value_length", "rope.dimension_count", "attention.sliding_window",
          "nextn_predict_layers", "rope.scaling.original_context_length"})
        writer.set(std::string("llama.") + key, 0u);
    for (const char *key : {"rope.freq_base", "rope.scaling.factor", "rope.scaling.attn_factor",
                            "rope.scale_linear", "attention.scale"})
        writer.set(std::string("llama.") + key, 0.0f);
    writer.set("llama.final_logit_softcapping", 30.0f); // not this family's
    Config config = configOf(writer);
    EXPECT_EQ(config.head_dim, 8u);
    EXPECT_EQ(config.rope().base, 10000);
    EXPECT_EQ(config.rope().scaling.factor, 1);
    EXPECT_EQ(config.rope().scaling.attn_factor, 1);
    EXPECT_EQ(config.rope().scaling.original_context, 4096u);
}

TEST(Config, ReadsRopeScaling) {
    GgufWriter writer = makeTinyLlama(kSmall);
    writer.set("llama.rope.scale_linear", 2.0f);
    EXPECT_EQ(configOf(writer).rope().scaling.factor, 2);
    writer.set("llama.rope.scaling.factor", 4.0f).set("llama.rope.scaling.type", "yarn");
    writer.set("llama.rope.scaling.original_context_length", 128u);
    writer.set("llama.rope.scaling.attn_factor", 0.5f);
    writer.set("llama.rope.scaling.yarn_beta_fast", 8.0f); // read by another family only
    RopeScaling scaling = configOf(writer).rope().scaling;
    EXPECT_EQ(scaling.type, "yarn");
    EXPECT_EQ(scaling.factor, 4);
    EXPECT_EQ(scaling.original_context, 128u);
    EXPECT_EQ(scaling.attn_factor, 0.5);
    EXPECT_EQ(scaling.yarn_beta_fast, 32);
    writer.set("llama.rope.scaling.type", "none");
    EXPECT_EQ(configOf(writer).rope().scaling.factor, 1);
    writer.set("llama.rope.scaling.type", "dynamic");
    expectRefusal(writer,
                  "rope.scaling.type is 'dynamic'; none, linear, yarn and longrope are supported");
    writer.set("llama.rope.scaling.type", "linear").set("llama.rope.scaling.factor", -1.0f);
    expectRefusal(writer, "llama.rope.scaling.factor is -1");
}

TEST(Config, ReadsLongropeFactors) {
    const float far[] = {1, 2, 4, 8}, near[] = {1, 1, 1, 1.5f}, zero[] = {1, 2, 0, 8};
    EXPECT_TRUE(configOf(makeTinyLlama(kSmall)).rope().long_factors.empty());
    GgufWriter writer = makeTinyLlama(kSmall);
    writer.set("llama.rope.scaling.type", "longrope");
    writer.set("llama.rope.scaling.original_context_length", 128u);
    writer.set("llama.rope.scaling.attn_factor", 1.19f);
    expectRefusal(writer, "is 'longrope', and tensor rope_factors_long.weight is missing");
    writer.tensorF32("rope_factors_long.weight", {4}, far);
    expectRefusal(writer, "tensor rope_factors_short.weight is missing");
    writer.tensorF32("rope_factors_short.weight", {4}, near);
    Config config = configOf(writer);
    EXPECT_EQ(config.rope().scaling.type, "longrope");
    EXPECT_EQ(config.rope().scaling.factor, 1);
    EXPECT_EQ(config.rope().long_factors, (std::vector<float>{1, 2, 4, 8}));
    EXPECT_EQ(config.rope().short_factors, (std::vector<float>{1, 1, 1, 1.5f}));
    EXPECT_TRUE(config.rope().factors.empty());
    writer.set("llama.rope.scaling.type", "linear"); // read, for whoever asks for them
    EXPECT_EQ(configOf(writer).rope().long_factors.size(), 4u);
    writer.tensorF32("rope_factors_long.weight", {4}, zero);
    expectRefusal(writer, "rope_factors_long.weight has the divisor 0");
    writer.tensorF32("rope_factors_long.weight", {3}, std::span(far).first(3));
    expectRefusal(writer, "rope_factors_long.weight has the shape [3], the keys say [4]");
    writer.removeTensor("rope_factors_long.weight");
    expectRefusal(writer, "tensor rope_factors_long.weight is missing");
}

TEST(Config, TakesArraysOfLayers) {
    GgufWriter writer = makeTinyLlama(kSmall);
    writer.set("llama.attention.head_count_kv", std::vector<uint32_t>{2, 2});
    writer.set("llama.feed_forward_length", std::vector<int32_t>{64, 64});
    EXPECT_EQ(configOf(writer).kv_heads, 2u);
    writer.set("llama.attention.head_count_kv", std::vector<uint32_t>{2, 4});
    expectRefusal(writer, "blk.1.attn_k.weight has the shape [32, 16], the keys say [32, 32]");
    writer.set("llama.attention.head_count_kv", std::vector<uint32_t>{2, 2, 2});
    expectRefusal(writer, "llama.attention.head_count_kv has 3 values for 2 layers");
    writer.set("llama.attention.head_count_kv", std::vector<int32_t>{-2, -2});
    expectRefusal(writer, "llama.attention.head_count_kv is -2");
}

TEST(Config, RefusesOtherArchitectures) {
    expectRefusal(makeTinyLlama(kSmall).set("general.architecture", "lama"),
                  "the architecture 'lama' is not supported (the nearest known one: 'llama')");
    expectRefusal(makeTinyLlama(kSmall).remove("general.architecture"),
                  "key general.architecture is missing");
    expectRefusal(makeTinyLlama(kSmall).set("llama.attention.causal", false), "is an encoder");
    expectRefusal(GgufWriter().set("general.architecture", "llama"), "holds a vocabulary only");
}

TEST(Config, RefusesMissingKeys) {
    for (const char *key :
         {"block_count", "embedding_length", "feed_forward_length", "context_length",
          "attention.head_count", "attention.layer_norm_rms_epsilon"}) {
        std::string full = std::string("llama.") + key;
        expectRefusal(makeTinyLlama(kSmall).remove(full), full + " is missing or 0");
        expectRefusal(makeTinyLlama(kSmall).set(full, 0u), full + " is missing or 0");
    }
}

TEST(Config, RefusesSizesThatDoNotFit) {
    auto with = [](std::string_view key, uint32_t value) {
        return makeTinyLlama(kSmall).set(std::string("llama.").append(key), value);
    };
    expectRefusal(with("attention.head_count_kv", 3), "4 attention heads cannot share 3 KV heads");
    expectRefusal(with("attention.value_length", 16), "keys of 8 and values of 16");
    expectRefusal(with("rope.dimension_count", 4), "4 of 8 head dimensions are rotated");
    expectRefusal(with("block_count", 3), "tensor blk.2.attn_norm.weight [32] is missing");
    expectRefusal(with("block_count", 0xFFFFFFFF), "llama.block_count is 4294967295");
    expectRefusal(with("block_count", 1), "tensor blk.1.attn_norm.weight [32] has no place in");
    expectRefusal(with("nextn_predict_layers", 2), "2 of 2 layers are draft heads");
    expectRefusal(with("embedding_length", 64),
                  "token_embd.weight has the shape [32, 271], the keys say [64, 271]");
    GgufWriter odd = with("attention.key_length", 9);
    expectRefusal(odd.set("llama.attention.value_length", 9u), "heads of 9 dimensions");
    expectRefusal(
        odd.set("llama.attention.key_length", 578u).set("llama.attention.value_length", 578u),
        "heads of 578 dimensions; even sizes up to 576");
    EXPECT_EQ(configOf(with("nextn_predict_layers", 1)).layers, 1u); // the second layer is skipped
}

TEST(Config, ChecksTensors) {
    const float zeros[64] = {};
    auto vectorOf = [&](size_t size) { return std::span(zeros).first(size); };
    expectRefusal(makeTinyLlama(kSmall).removeTensor("blk.1.ffn_up.weight"),
                  "tensor blk.1.ffn_up.weight [32, 64] is missing");
    expectRefusal(makeTinyLlama(kSmall).removeTensor("token_embd.weight"),
                  "tensor token_embd.weight is missing");
    expectRefusal(makeTinyLlama(kSmall).tensorF32("blk.0.attn_q.bias", {16}, vectorOf(16)),
                  "tensor blk.0.attn_q.bias has the shape [16], the keys say [32]");
    expectRefusal(makeTinyLlama(kSmall).tensorF32("blk.0.ffn_up.scale", {2}, vectorOf(2)),
                  "tensor blk.0.ffn_up.scale has the shape [2], the keys say [1]");
    expectRefusal(makeTinyLlama(kSmall).tensorF32("rope_freqs.weight", {4}, vectorOf(4)),
                  "rope_freqs.weight has the divisor 0");
    expectRefusal(makeTinyLlama(kSmall).tensorF32("output.bias", {4}, vectorOf(4)),
                  "tensor output.bias [4] has no place in a llama of 2 layers");
    expectRefusal(makeTinyLlama(kSmall).set("tokenizer.ggml.tokens", std::vector<std::string>{"a"}),
                  "token_embd.weight has 271 rows, the token list 1 entries");
    GgufWriter harmless = makeTinyLlama(kSmall);
    harmless.tensorF32("blk.0.attn_q.input_scale", {1}, vectorOf(1));
    harmless.tensorF32("blk.0.attn_q.scale", {}, vectorOf(1));
    harmless.tensorF32("blk.0.attn_k.scale", {1, 1}, vectorOf(1));
    EXPECT_NO_THROW(configOf(harmless));
}

} // namespace
} // namespace longscope::model
