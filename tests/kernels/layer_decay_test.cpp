// How fast recurrent layers forget, of every kind of recurrent layer: against the scalar forward
// pass, in chunks of odd lengths, while a text is read and looking again.
#include "compute/engine/layer_decay.h"
#include "compute/engine/mixer_plan.h"
#include "compute/engine/plan.h"
#include "compute/reference/forward.h"
#include "tests/support/engines.h"
#include "tests/support/family_models.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <format>

namespace longscope::engine {
namespace {

struct DecayCase {
    std::string architecture, variant, kernels;
};

std::vector<DecayCase> decayCases() {
    std::vector<DecayCase> cases;
    for (const char *architecture : {"mamba", "mamba2", "jamba", "granitehybrid", "falcon-h1",
                                     "qwen3next", "qwen35", "rwkv6", "lfm2"})
        for (const char *variant : {"bare", "full"})
            for (const char *kernels : {"lanes", "subgroup"})
                cases.push_back({architecture, variant, kernels});
    return cases;
}

void PrintTo(const DecayCase &c, std::ostream *out) {
    *out << c.architecture << " " << c.variant << " " << c.kernels;
}

class LayerDecay : public ::testing::TestWithParam<DecayCase> {
  protected:
    static constexpr size_t kTokens = 37;

    LayerDecay()
        : engine_(testing::engineFor(
              GetParam().architecture + " " + GetParam().variant, GetParam().kernels, [] {
                  return testing::makeFamily(
                      GetParam().architecture,
                      testing::findVariant(GetParam().architecture, GetParam().variant));
              })) {
        for (size_t i = 0; i < kTokens; ++i)
            ids_.push_back(static_cast<Token>((i * 29 + 5) % engine_.config().vocab));
    }
    static SessionOptions options(uint32_t chunk_tokens) {
        return {.context_tokens = 64,
                .k = CacheType::f32,
                .v = CacheType::f32,
                .chunk_tokens = chunk_tokens};
    }
    /// Means of the first `count` tokens by the scalar pass.
    std::vector<std::vector<double>> twin(size_t count) {
        std::vector<std::vector<double>> means;
        reference::forward(engine_.file(), engine_.config(), std::span(ids_).first(count),
                           {.mean_log_decays = &means});
        means.resize(engine_.config().layers);
        return means;
    }
    void expectEqual(const std::vector<double> &got, const std::vector<double> &wanted,
                     const std::string &what) {
        ASSERT_EQ(got.size(), wanted.size()) << what;
        for (size_t i = 0; i < got.size(); ++i) // inputs come through several layers in 24 bits
            EXPECT_NEAR(got[i], wanted[i], 1e-4 * std::abs(wanted[i]) + 1e-6)
                << what << ", rate " << i;
    }

    Engine &engine_;
    std::vector<Token> ids_;
};

TEST_P(LayerDecay, IsThatOfTheScalarPass) {
    const model::Config &config = engine_.config();
    const auto wanted = twin(kTokens);
    size_t rates = 0;
    for (uint32_t chunk : {64u, 7u}) {
        Session session(engine_, options(chunk));
        DecayCollector collector(engine_.device(), config);
        session.read(ids_, {}, {}, &collector);
        for (uint32_t layer = 0; layer < config.layers; ++layer) {
            const std::vector<double> got = collector.meanLog(layer);
            const uint32_t expected =
                config.layer[layer].recurs() ? mixerShape(config).decays() : 0;
            EXPECT_EQ(got.size(), expected) << layer;
            expectEqual(got, wanted[layer], std::format("chunks of {}, layer {}", chunk, layer));
            rates += got.size();
            for (double rate : got)
                EXPECT_LT(rate, 0) << "what decays becomes less";
        }
    }
    EXPECT_EQ(rates > 0, GetParam().architecture != "lfm2");
}

/// The means of tokens 20 .. 36 are what those of all have beyond those of the first 20.
TEST_P(LayerDecay, OfAPartIsSeenLookingAgain) {
    const model::Config &config = engine_.config();
    Session session(engine_, options(16));
    session.read(ids_);
    DecayCollector collector(engine_.device(), config);
    constexpr size_t kFirst = 20;
    ASSERT_TRUE(session.lookAgain(kFirst, kTokens, config.layers, collector));
    const auto all = twin(kTokens), before = twin(kFirst);
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        std::vector<double> wanted;
        for (size_t i = 0; i < all[layer].size(); ++i)
            wanted.push_back((all[layer][i] * kTokens - before[layer][i] * kFirst) /
                             static_cast<double>(kTokens - kFirst));
        expectEqual(collector.meanLog(layer), wanted, std::format("layer {}", layer));
    }
}

INSTANTIATE_TEST_SUITE_P(All, LayerDecay, ::testing::ValuesIn(decayCases()), [](const auto &test) {
    std::string name =
        std::format("{}_{}_{}", test.param.architecture, test.param.variant, test.param.kernels);
    std::ranges::replace(name, '-', '_');
    return name;
});

} // namespace
} // namespace longscope::engine
