// Models with recurrent layers in the whole engine: against figures computed elsewhere and against
// the scalar forward pass, in any chunks, and as timelines whose states cannot be cut back.
#include "compute/engine/plan.h"
#include "compute/engine/session.h"
#include "compute/reference/forward.h"
#include "tests/support/engines.h"
#include "tests/support/family_models.h"
#include "tests/support/reference_logits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <format>
#include <random>
#include <set>

namespace longscope::engine {
namespace {

using testing::engineFor;
using testing::nmse;

const SessionOptions kPlain{.context_tokens = 200, .k = CacheType::f32, .v = CacheType::f32};

std::vector<float> copyOf(std::span<const float> logits) {
    return {logits.begin(), logits.end()};
}

std::vector<Token> someIds(const Engine &engine, size_t count, uint32_t seed = 7) {
    std::vector<Token> ids;
    for (size_t i = 0; i < count; ++i) {
        seed = seed * 1664525u + 1013904223u;
        ids.push_back(static_cast<Token>((seed >> 8) % engine.config().vocab));
    }
    return ids;
}

std::vector<float> allLogits(Engine &engine, std::span<const Token> ids,
                             const SessionOptions &options = kPlain) {
    Session session(engine, options);
    std::vector<float> all;
    session.readAllLogits(ids, 0, [&](uint64_t, std::span<const float> row) {
        all.insert(all.end(), row.begin(), row.end());
    });
    return all;
}

class RecurrentReference : public ::testing::TestWithParam<const char *> {};

TEST_P(RecurrentReference, MatchesTheTrustedLogits) {
    for (const char *name : {"qwen35-dense", "mamba2-dense"}) {
        std::string stem = testing::dataFile(name);
        Engine &engine = engineFor(stem + ".gguf", GetParam());
        double error = nmse(allLogits(engine, testing::referenceTokens()),
                            testing::referenceLogits(stem + ".f32"));
        RecordProperty(name, std::format("{:.3g}", error));
        EXPECT_LT(error, 1e-6) << name;
    }
}

INSTANTIATE_TEST_SUITE_P(Engine, RecurrentReference, ::testing::Values("lanes", "subgroup"),
                         [](const auto &family) { return std::string(family.param); });

// ---- random models of every architecture -------------------------------------------------------

struct Case {
    std::string architecture, variant;
    std::string text() const { return architecture + " " + variant; }
};
void PrintTo(const Case &which, std::ostream *out) {
    *out << which.text();
}

std::vector<Case> recurrentCases() {
    std::vector<Case> cases;
    for (const testing::Family &family : testing::families())
        if (model::findArchitecture(family.architecture)->mixer.layers !=
            model::MixerRules::Layers::none)
            for (const testing::FamilyVariant &variant : family.variants)
                if (variant.name != "careless") // reads the same
                    cases.push_back({family.architecture, variant.name});
    return cases;
}

/// Loaded once; the file is taken away at once.
Engine &engineOf(const Case &which, const char *kernels) {
    static const std::string folder = std::filesystem::temp_directory_path() /
                                      std::format("longscope-recurrent-{}", std::random_device()());
    std::string path = std::format("{}-{}-{}.gguf", folder, which.architecture, which.variant);
    static std::set<std::string> loaded;
    if (!loaded.insert(path + kernels).second)
        return engineFor(path, kernels);
    testing::makeFamily(which.architecture,
                        testing::findVariant(which.architecture, which.variant))
        .save(path);
    Engine &engine = engineFor(path, kernels);
    std::filesystem::remove(path);
    return engine;
}

class RecurrentFamilies : public ::testing::TestWithParam<Case> {};

TEST_P(RecurrentFamilies, MatchTheScalarForwardPass) {
    for (const char *kernels : {"lanes", "subgroup"}) {
        Engine &engine = engineOf(GetParam(), kernels);
        std::vector<Token> ids = someIds(engine, 41);
        std::vector<float> want = reference::forward(engine.file(), engine.config(), ids);
        // f32 against sums in double, through a few layers
        EXPECT_LT(nmse(allLogits(engine, ids), want), 1e-9) << kernels;
    }
}

TEST_P(RecurrentFamilies, OddChunksAndDecodeEqualOnePass) {
    Engine &engine = engineOf(GetParam(), "auto");
    std::vector<Token> ids = someIds(engine, 60);
    std::vector<float> want = allLogits(engine, ids);
    SessionOptions chunks = kPlain;
    chunks.chunk_tokens = 7;
    EXPECT_LT(nmse(allLogits(engine, ids, chunks), want), 1e-10);

    Session steps(engine, kPlain);
    std::vector<float> last(want.end() - engine.config().vocab, want.end());
    for (size_t count = ids.size() - 9; count <= ids.size(); ++count)
        EXPECT_EQ(steps.read(std::span(ids).first(count)).reused,
                  count + 9 == ids.size() ? 0 : count - 1);
    EXPECT_LT(nmse(copyOf(steps.logits()), last), 1e-10);
}

INSTANTIATE_TEST_SUITE_P(Engine, RecurrentFamilies, ::testing::ValuesIn(recurrentCases()),
                         [](const auto &one) {
                             std::string name = one.param.architecture + "_" + one.param.variant;
                             std::ranges::replace_if(
                                 name, [](unsigned char c) { return !std::isalnum(c); }, '_');
                             return name;
                         });

} // namespace
} // namespace longscope::engine
