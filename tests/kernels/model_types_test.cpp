// A model of each weight type must give the logits of its dequantised F32 self, on both kernel
// families, and those of the scalar forward pass.
#include "compute/engine/session.h"
#include "compute/model/config.h"
#include "compute/reference/forward.h"
#include "tests/support/engines.h"
#include "tests/support/gguf_writer.h"

#include <gtest/gtest.h>

namespace longscope::engine {
namespace {

using model::QuantType;
using testing::dequantised;
using testing::GgufWriter;
using testing::nmse;
using testing::TinyLlamaOptions;

std::vector<Token> someTokens(uint32_t vocab, size_t count) {
    std::vector<Token> ids;
    for (size_t i = 0; i < count; ++i)
        ids.push_back(static_cast<Token>((i * 37 + 11) % vocab));
    return ids;
}

std::vector<float> logitsOf(const GgufWriter &writer, const std::string &kernels,
                            std::span<const Token> ids) {
    testing::TemporaryModel file(writer);
    Engine engine({.model_path = file.path(), .device = "", .kernels = kernels});
    return testing::logitsOf(engine, ids,
                             {.k = CacheType::f32, .v = CacheType::f32, .chunk_tokens = 16});
}

void expectLogits(const GgufWriter &writer, std::span<const Token> ids,
                  std::span<const float> want) {
    for (const char *kernels : {"lanes", "subgroup"})
        EXPECT_LT(nmse(logitsOf(writer, kernels, ids), want), 1e-9) << kernels;
}

std::vector<float> referenceLogits(const GgufWriter &writer, std::span<const Token> ids) {
    auto bytes = writer.build();
    model::Gguf file = model::Gguf::parse(bytes, "tiny");
    return reference::forward(file, model::readConfig(file), ids);
}

const QuantType kTypes[] = {
    QuantType::f32,   QuantType::f16,     QuantType::bf16,  QuantType::q4_0,    QuantType::q4_1,
    QuantType::q5_0,  QuantType::q5_1,    QuantType::q8_0,  QuantType::q2_k,    QuantType::q3_k,
    QuantType::q4_k,  QuantType::q5_k,    QuantType::q6_k,  QuantType::iq4_nl,  QuantType::iq4_xs,
    QuantType::mxfp4, QuantType::iq1_s,   QuantType::iq1_m, QuantType::iq2_xxs, QuantType::iq2_xs,
    QuantType::iq2_s, QuantType::iq3_xxs, QuantType::iq3_s, QuantType::tq1_0,   QuantType::tq2_0,
    QuantType::nvfp4, QuantType::q1_0,    QuantType::q2_0,
};

class WeightType : public ::testing::TestWithParam<QuantType> {};

TEST_P(WeightType, ModelEqualsItsDequantisedSelf) {
    TinyLlamaOptions options{.seed = 7, .type = GetParam()};
    GgufWriter quantised = testing::makeTinyLlama(options);
    auto ids = someTokens(200, 37);
    std::vector<float> want = referenceLogits(dequantised(quantised), ids);
    expectLogits(quantised, ids, want);
}

INSTANTIATE_TEST_SUITE_P(All, WeightType, ::testing::ValuesIn(kTypes), [](const auto &type) {
    return std::string(model::traitsOf(type.param).name);
});

struct Shape {
    const char *name;
    TinyLlamaOptions options;
};

class ModelShape : public ::testing::TestWithParam<Shape> {};

TEST_P(ModelShape, EqualsTheScalarForwardPass) {
    GgufWriter writer = testing::makeTinyLlama(GetParam().options);
    auto ids = someTokens(200, 41);
    std::vector<float> want = referenceLogits(writer, ids);
    expectLogits(writer, ids, want);
}

INSTANTIATE_TEST_SUITE_P(
    Llama, ModelShape,
    ::testing::Values(Shape{"everything_optional",
                            {.seed = 2, .biases = true, .scales = true, .rope_freqs = true}},
                      Shape{"tied_head", {.seed = 3, .tied_head = true}},
                      Shape{"one_kv_head", {.seed = 4, .heads = 4, .kv_heads = 1}},
                      Shape{"no_groups",
                            {.seed = 5, .layers = 3, .heads = 2, .kv_heads = 2, .head_dim = 128}},
                      Shape{"groups_of_three",
                            {.seed = 6,
                             .layers = 1,
                             .model_dim = 288,
                             .heads = 9,
                             .kv_heads = 3,
                             .head_dim = 32,
                             .ffn_dim = 96}},
                      Shape{"head_dim_80",
                            {.seed = 8,
                             .model_dim = 320,
                             .heads = 4,
                             .kv_heads = 2,
                             .head_dim = 80,
                             .ffn_dim = 200,
                             .biases = true}},
                      Shape{"head_dim_256",
                            {.seed = 9,
                             .model_dim = 256,
                             .heads = 2,
                             .kv_heads = 1,
                             .head_dim = 256,
                             .ffn_dim = 64}},
                      Shape{"odd_sizes",
                            {.seed = 10,
                             .model_dim = 100,
                             .heads = 5,
                             .kv_heads = 5,
                             .head_dim = 20,
                             .ffn_dim = 130}}),
    [](const auto &shape) { return std::string(shape.param.name); });

/// output.scale multiplies the logits of an NVFP4 head, and of no other.
TEST(HeadScale, CountsForNvfp4Only) {
    auto ids = someTokens(200, 5);
    for (auto [type, factor] : {std::pair{QuantType::nvfp4, 0.25f}, {QuantType::q8_0, 1.0f}}) {
        GgufWriter writer = testing::makeTinyLlama({.seed = 12, .layers = 1, .type = type});
        std::vector<float> want = referenceLogits(writer, ids);
        for (float &logit : want)
            logit *= factor;
        writer.tensorF32("output.scale", {1}, std::vector<float>{0.25f});
        EXPECT_LT(nmse(referenceLogits(writer, ids), want), 1e-12);
        expectLogits(writer, ids, want);
    }
}

/// Types may differ from tensor to tensor, as in every "Q4_K_M": q, k and v then cannot be joined.
TEST(MixedTypes, EqualTheScalarForwardPass) {
    GgufWriter writer = testing::makeTinyLlama({.seed = 11, .biases = true, .scales = true});
    for (auto &tensor : writer.tensors()) {
        bool is_v = tensor.name.find("attn_v.weight") != std::string::npos;
        bool is_up = tensor.name.find("ffn_up.weight") != std::string::npos;
        if (!is_v && !is_up)
            continue;
        auto type = is_v ? QuantType::q6_k : QuantType::q5_0;
        tensor.data = testing::randomWeights(type, tensor.shape[0] * tensor.shape[1], 0.05f, 3);
        tensor.type = static_cast<uint32_t>(type);
    }
    auto ids = someTokens(200, 23);
    std::vector<float> want = referenceLogits(writer, ids);
    expectLogits(writer, ids, want);
}

} // namespace
} // namespace longscope::engine
