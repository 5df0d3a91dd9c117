// Every family of models against figures that were computed elsewhere, and against the scalar
// forward pass.
#include "tests/support/engines.h"

#include <gtest/gtest.h>

#include <format>

namespace longscope::engine {
namespace {

using testing::dataFile;
using testing::engineFor;
using testing::nmse;

/// Random models with the logits that a trusted CPU implementation gives for them.
struct TrustedModel {
    const char *name;
    double error; ///< the GELU families: that implementation rounds GELU to f16
};
const TrustedModel kTrusted[] = {{"llama-dense", 1e-6},  {"gpt2-dense", 1e-5},
                                 {"gemma3-dense", 1e-5}, {"gpt-oss-moe", 1e-6},
                                 {"phi3-dense", 1e-6},   {"qwen35-dense", 1e-6},
                                 {"mamba2-dense", 1e-6}};

class Trusted : public ::testing::TestWithParam<std::tuple<TrustedModel, const char *>> {};

TEST_P(Trusted, LogitsMatch) {
    const auto &[model, kernels] = GetParam();
    Engine &engine = engineFor(dataFile(std::format("{}.gguf", model.name)), kernels);
    std::vector<float> got = testing::logitsOf(engine, testing::referenceIds(128),
                                               {.k = CacheType::f32, .v = CacheType::f32});
    double error = nmse(got, testing::readFloats(dataFile(std::format("{}.f32", model.name))));
    RecordProperty("nmse", std::format("{:.3g}", error));
    EXPECT_LT(error, model.error);
}

INSTANTIATE_TEST_SUITE_P(Families, Trusted,
                         ::testing::Combine(::testing::ValuesIn(kTrusted),
                                            ::testing::Values("lanes", "subgroup")),
                         [](const auto &info) {
                             std::string name = std::format("{}_{}", std::get<0>(info.param).name,
                                                            std::get<1>(info.param));
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

} // namespace
} // namespace longscope::engine
