// LoRA adapters: a model with adapters on equals the model whose weights had them added.
#include "compute/engine/impl.h"
#include "compute/reference/forward.h"
#include "tests/support/engines.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>

#include <format>
#include <random>

namespace longscope::engine {
namespace {

using model::QuantType;
using testing::GgufWriter;
using testing::nmse;

const testing::TinyLlamaOptions kTiny = {.layers = 2, .biases = true, .scales = true};

/// An adapter of some matrices of the tiny model, with the same numbers for the same seed.
class Adapter {
  public:
    Adapter(uint32_t rank, float alpha, uint32_t seed) : rank_(rank), alpha_(alpha), random_(seed) {
        writer_.set("general.architecture", "llama").set("general.type", "adapter");
        writer_.set("adapter.type", "lora");
        if (alpha > 0)
            writer_.set("adapter.lora.alpha", alpha);
    }

    /// Adds A and B for a tensor of `base`, and scale * B A to that tensor.
    void add(GgufWriter &base, const std::string &name, float scale) {
        for (auto &tensor : base.tensors())
            if (tensor.name == name) {
                uint64_t in = tensor.shape[0], out = tensor.shape[1];
                std::vector<float> a = numbers(in * rank_), b = numbers(rank_ * out);
                writer_.tensorF32(name + ".lora_a", {in, rank_}, a);
                writer_.tensorF32(name + ".lora_b", {rank_, out}, b);
                float factor = alpha_ > 0 ? scale * alpha_ / static_cast<float>(rank_) : scale;
                auto *weights = reinterpret_cast<float *>(tensor.data.data());
                for (uint64_t row = 0; row < out; ++row)
                    for (uint64_t column = 0; column < in; ++column)
                        for (uint32_t r = 0; r < rank_; ++r)
                            weights[row * in + column] +=
                                factor * b[row * rank_ + r] * a[r * in + column];
            }
    }
    GgufWriter &writer() { return writer_; }

  private:
    std::vector<float> numbers(uint64_t count) {
        std::normal_distribution<float> normal(0, 0.1f);
        std::vector<float> values(count);
        for (float &value : values)
            value = normal(random_);
        return values;
    }

    GgufWriter writer_;
    uint32_t rank_;
    float alpha_;
    std::mt19937 random_;
};

std::vector<Token> someTokens() {
    std::vector<Token> ids;
    for (int i = 0; i < 21; ++i)
        ids.push_back((i * 37 + 11) % 271);
    return ids;
}

const SessionOptions kOptions = {.k = CacheType::f32, .v = CacheType::f32, .chunk_tokens = 16};

TEST(Adapters, EqualTheMergedModel) {
    GgufWriter base = makeTinyLlama(kTiny), merged = base;
    Adapter first(5, 16, 1), second(8, 0, 2); // the second without alpha
    for (const char *name :
         {"blk.0.attn_q.weight", "blk.0.attn_v.weight", "blk.1.attn_output.weight",
          "blk.1.ffn_gate.weight", "blk.1.ffn_down.weight", "output.weight"})
        first.add(merged, name, 1);
    for (const char *name : {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.0.ffn_up.weight"})
        second.add(merged, name, -0.5f);
    auto bytes = merged.build();
    model::Gguf file = model::Gguf::parse(bytes, "merged");
    std::vector<float> want = reference::forward(file, model::readConfig(file), someTokens());

    testing::TemporaryModel model(base), one(first.writer()), two(second.writer());
    for (const char *kernels : {"lanes", "subgroup"}) {
        Engine engine({.model_path = model.path(),
                       .device = "",
                       .kernels = kernels,
                       .adapters = {{one.path(), 1}, {two.path(), -0.5f}}});
        EXPECT_LT(nmse(testing::logitsOf(engine, someTokens(), kOptions), want), 1e-9) << kernels;
        uint64_t planned = planWeights(engine.file(), engine.config(), engine.impl().tiling,
                                       engine.impl().adapters)
                               .device_bytes;
        EXPECT_EQ(engine.weightBytes(), planned);
    }
    Engine plain({.model_path = model.path(), .device = "", .kernels = "lanes"});
    EXPECT_GT(nmse(testing::logitsOf(plain, someTokens(), kOptions), want), 1e-3);
}

TEST(Adapters, AreAddedToQuantizedWeights) {
    testing::TinyLlamaOptions options = kTiny;
    options.type = QuantType::q4_0;
    GgufWriter base = makeTinyLlama(options);
    GgufWriter merged = testing::dequantised(base);
    Adapter adapter(4, 8, 3);
    adapter.add(merged, "blk.1.attn_q.weight", 2);
    adapter.add(merged, "blk.0.ffn_down.weight", 2);
    auto bytes = merged.build();
    model::Gguf file = model::Gguf::parse(bytes, "merged");
    std::vector<float> want = reference::forward(file, model::readConfig(file), someTokens());
    testing::TemporaryModel model(base), one(adapter.writer());
    Engine engine({.model_path = model.path(),
                   .device = "",
                   .kernels = "auto",
                   .adapters = {{one.path(), 2}}});
    EXPECT_LT(nmse(testing::logitsOf(engine, someTokens(), kOptions), want), 1e-9);
}

void expectRefusal(const GgufWriter &adapter, const std::string &part) {
    testing::TemporaryModel model(makeTinyLlama(kTiny)), one(adapter);
    std::string message = errorOf(ErrorKind::model, [&] {
        Engine engine({.model_path = model.path(), .device = "", .adapters = {{one.path(), 1}}});
    });
    EXPECT_TRUE(holds(message, part)) << message << "\nhas no: " << part;
}

TEST(Adapters, RefusesWhatDoesNotFit) {
    GgufWriter base = makeTinyLlama(kTiny);
    auto adapterOf = [&](const char *name) {
        Adapter adapter(4, 8, 1);
        GgufWriter copy = base;
        adapter.add(copy, name, 1);
        return adapter.writer();
    };
    const char *query = "blk.0.attn_q.weight";
    expectRefusal(base, "is no LoRA adapter: general.type is 'model'");
    expectRefusal(adapterOf(query).set("general.architecture", "qwen2"),
                  "is an adapter for the architecture 'qwen2'");
    expectRefusal(adapterOf(query).removeTensor("blk.0.attn_q.weight.lora_b"),
                  "blk.0.attn_q.weight.lora_b is missing");
    const std::vector<float> zeros(4 * 100);
    expectRefusal(adapterOf(query).tensorF32("blk.0.attn_q.weight.lora_b", {4, 100}, zeros),
                  "blk.0.attn_q.weight is [256, 256] in the model, the adapter has A [256, 4] and "
                  "B [4, 100]");
    expectRefusal(adapterOf("token_embd.weight").removeTensor(""),
                  "adapts the tensor token_embd.weight, which cannot be adapted here");
    GgufWriter stranger = adapterOf(query);
    stranger.tensorF32("blk.7.attn_q.weight.lora_a", {256, 4}, std::vector<float>(1024));
    stranger.tensorF32("blk.7.attn_q.weight.lora_b", {4, 256}, std::vector<float>(1024));
    expectRefusal(stranger, "adapts the tensor blk.7.attn_q.weight, which");
    expectRefusal(adapterOf(query).tensorF32("surprise", {1}, std::vector<float>(1)),
                  "tensor surprise is neither .lora_a nor .lora_b");
}

} // namespace
} // namespace longscope::engine
