// Patterns, schemes of positions and cache types on models with windows, latent heads and partial
// rotation of their own: a layer sees what both its window and its pattern show.
#include "tests/support/family_models.h"

#include "compute/core/error.h"
#include "compute/reference/forward.h"
#include "tests/support/nmse.h"
#include "tests/support/reference_logits.h"

#include <gtest/gtest.h>

#include <cmath>

namespace longscope::testing {
namespace {

using attention::CacheType;
using reference::ForwardOptions;

constexpr double kSame = 1e-9;  // mean square: rotations and their inverse are rounded to f32
constexpr double kOther = 1e-7; // a key more or less

struct Model {
    std::vector<std::byte> bytes;
    model::Gguf file;
    model::Config config;

    Model(std::string_view architecture, std::string_view variant)
        : bytes(makeFamily(architecture, findVariant(architecture, variant)).build()),
          file(model::Gguf::parse(bytes, "family.gguf")), config(model::readConfig(file)) {}
    std::vector<float> logits(const ForwardOptions &options = {}) const {
        return logits(config, options);
    }
    std::vector<float> logits(const model::Config &changed, const ForwardOptions &options) const {
        std::vector<int32_t> tokens;
        for (int32_t i = 0; i < 30; ++i)
            tokens.push_back((i * 37 + 11) % 256);
        return reference::forward(file, changed, tokens, options);
    }
};

ForwardOptions patternOf(const std::string &spec) {
    ForwardOptions options;
    options.patterns = attention::LayerPatterns(std::span(&spec, 1));
    return options;
}
ForwardOptions ropeOf(const char *spec) {
    ForwardOptions options;
    options.rope = attention::parseRope(spec);
    return options;
}

TEST(FamilyOptions, AWindowOfTheModelIsAPattern) {
    Model model("gemma2", "bare"); // windows of 12 in layers 0 and 2
    model::Config open = model.config;
    for (model::LayerConfig &layer : open.layer)
        layer.window = 0;
    std::vector<float> own = model.logits();
    EXPECT_EQ(model.logits(open, patternOf("window:12@0,2")), own);
    EXPECT_GT(nmse(model.logits(open, {}), own), kOther);
    model::Config chunks = open;
    for (model::LayerConfig &layer : chunks.layer) {
        layer.window = 8;
        layer.chunked = true;
    }
    EXPECT_EQ(model.logits(open, patternOf("chunked:8")), model.logits(chunks, {}));
}

TEST(FamilyOptions, WindowAndPatternBothHide) {
    Model model("gemma2", "bare");
    std::vector<float> own = model.logits();
    EXPECT_EQ(model.logits(patternOf("window:20@0,2")), own);
    EXPECT_GT(nmse(model.logits(patternOf("window:20")), own), kOther); // layer 1
    model::Config narrow = model.config;
    narrow.layer[0].window = narrow.layer[2].window = 5;
    EXPECT_EQ(model.logits(patternOf("window:5@0,2")), model.logits(narrow, {}));
    EXPECT_EQ(model.logits(narrow, patternOf("window:12@0,2")), model.logits(narrow, {}));
}

TEST(FamilyOptions, RawKeysComeToTheSame) {
    const std::pair<const char *, const char *> models[] = {
        {"qwen35", "full"},    {"deepseek2", "bare"}, {"deepseek2", "apart"}, {"gemma3", "full"},
        {"llama4", "bare"},    {"gptneox", "bare"},   {"gemma4", "full"},     {"cohere2", "bare"},
        {"mistral3", "full"},  {"gpt-oss", "full"},   {"falcon-h1", "bare"},  {"gpt2", "bare"},
        {"deepseek2", "full"}, {"smollm3", "bare"},   {"olmo2", "full"},      {"mamba2", "bare"}};
    for (auto [architecture, variant] : models) {
        Model model(architecture, variant);
        std::vector<float> own = model.logits();
        EXPECT_LT(nmse(model.logits(ropeOf("rerope:64")), own), kSame) << architecture;
        double far = nmse(model.logits(ropeOf("rerope:4")), own);
        bool turns = model.config.rope_layout != model::RopeLayout::none;
        EXPECT_EQ(far > kOther, turns) << architecture << " " << far;
    }
    EXPECT_THROW(Model("hunyuan-dense", "bare").logits(ropeOf("rerope:4")), Error);
    EXPECT_NO_THROW(Model("hunyuan-dense", "bare").logits(ropeOf("dynamic-ntk")));
}

TEST(FamilyOptions, CacheTypesRound) {
    for (auto [architecture, variant] : {std::pair{"deepseek2", "bare"},
                                         {"deepseek2", "apart"},
                                         {"gemma4", "full"},
                                         {"falcon", "full"}}) {
        Model model(architecture, variant);
        std::vector<float> exact = model.logits();
        ForwardOptions eight, four;
        eight.k = eight.v = CacheType::q8_0;
        four.k = four.v = CacheType::q4_0;
        double fine = nmse(model.logits(eight), exact);
        double coarse = nmse(model.logits(four), exact);
        EXPECT_GT(fine, 1e-10) << architecture;
        EXPECT_LT(fine, 1e-2) << architecture;
        EXPECT_GT(coarse, fine) << architecture;
    }
    // Nothing is cached where nothing attends.
    Model mamba("mamba2", "bare");
    ForwardOptions four;
    four.k = four.v = CacheType::q4_0;
    EXPECT_EQ(mamba.logits(four), mamba.logits());
}

} // namespace
} // namespace longscope::testing
