// Every family of models against figures that were computed elsewhere, and against the scalar
// forward pass.
#include "compute/engine/plan.h"
#include "compute/model/config.h"
#include "compute/reference/forward.h"
#include "tests/support/engines.h"
#include "tests/support/family_models.h"
#include "tests/support/reference_logits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <format>
#include <ostream>

namespace longscope::engine {
namespace {

using testing::dataFile;
using testing::engineFor;
using testing::nmse;

/// Random models with the logits that a trusted CPU implementation gives for them.
class Trusted : public ::testing::TestWithParam<std::tuple<testing::ReferenceModel, const char *>> {
};

TEST_P(Trusted, LogitsMatch) {
    const auto &[model, kernels] = GetParam();
    Engine &engine = engineFor(dataFile(std::format("{}.gguf", model.name)), kernels);
    std::vector<float> got = testing::logitsOf(engine, testing::referenceTokens(),
                                               {.k = CacheType::f32, .v = CacheType::f32});
    double error = nmse(got, testing::referenceLogits(dataFile(std::format("{}.f32", model.name))));
    RecordProperty("nmse", std::format("{:.3g}", error));
    EXPECT_LT(error, model.tolerance);
}

INSTANTIATE_TEST_SUITE_P(Families, Trusted,
                         ::testing::Combine(::testing::ValuesIn(testing::kReferenceModels),
                                            ::testing::Values("lanes", "subgroup")),
                         [](const auto &test) {
                             std::string name = std::format("{}_{}", std::get<0>(test.param).name,
                                                            std::get<1>(test.param));
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

/// A variant of a family (tests/support/family_models.h), on a kernel family.
struct FamilyCase {
    std::string architecture, variant, kernels;
    std::string name() const {
        std::string name = architecture + "_" + variant + "_" + kernels;
        std::ranges::replace_if(
            name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
        return name;
    }
};

std::vector<FamilyCase> familyCases() {
    std::vector<FamilyCase> cases;
    for (const testing::Family &family : testing::families())
        for (const testing::FamilyVariant &variant : family.variants)
            for (const char *kernels : {"lanes", "subgroup"})
                cases.push_back({family.architecture, variant.name, kernels});
    return cases;
}

void PrintTo(const FamilyCase &c, std::ostream *out) {
    *out << c.name();
}

class Families : public ::testing::TestWithParam<FamilyCase> {
  protected:
    static constexpr size_t kTokens = 61;

    Families()
        : model_(testing::makeFamily(
              GetParam().architecture,
              testing::findVariant(GetParam().architecture, GetParam().variant))),
          engine_({.model_path = model_.path(), .device = "", .kernels = GetParam().kernels}),
          ids_(testing::referenceTokens(engine_.config().vocab)) {
        ids_.resize(kTokens);
    }
    static SessionOptions options(uint32_t chunk_tokens) {
        return {.context_tokens = 128,
                .k = CacheType::f32,
                .v = CacheType::f32,
                .chunk_tokens = chunk_tokens};
    }
    std::vector<float> lastLogits(Session &session, size_t count) {
        session.read(std::span(ids_).first(count));
        return {session.logits().begin(), session.logits().end()};
    }

    testing::TemporaryModel model_;
    Engine engine_;
    std::vector<Token> ids_;
};

TEST_P(Families, EqualTheScalarForwardPass) {
    std::vector<float> want = reference::forward(engine_.file(), engine_.config(), ids_);
    // In odd chunks, so that windows, caches and states are carried on.
    EXPECT_LT(nmse(testing::logitsOf(engine_, ids_, options(0)), want), 1e-6) << "one pass";
    EXPECT_LT(nmse(testing::logitsOf(engine_, ids_, options(7)), want), 1e-6) << "chunks of 7";
    std::vector<float> last(want.end() - engine_.config().vocab, want.end());
    Session steps(engine_, options(16));
    std::vector<float> got;
    for (size_t count = kTokens - 5; count <= kTokens; ++count) // one token at a time
        got = lastLogits(steps, count);
    EXPECT_LT(nmse(got, last), 1e-6) << "decode";
    // A cut and another way on: what is kept must be what it was.
    Session other(engine_, options(16));
    lastLogits(other, kTokens);
    std::vector<Token> changed = ids_;
    changed[40] = (changed[40] + 1) % static_cast<Token>(engine_.config().vocab);
    other.read(changed);
    EXPECT_LT(nmse(lastLogits(other, kTokens), last), 1e-6) << "after a cut";
}

TEST_P(Families, BookWhatIsPlanned) {
    ModelPlan plan = planModel(engine_);
    uint64_t before = engine_.device().bookedBytes();
    EXPECT_EQ(engine_.weightBytes(), plan.weights.device_bytes);
    Session session(engine_, options(16));
    SessionPlan planned = planSession(plan, session.options());
    lastLogits(session, kTokens);
    uint64_t booked = engine_.device().bookedBytes() - before;
    uint64_t wanted = planned.totalBytes() - planned.weight_bytes;
    EXPECT_NEAR(static_cast<double>(booked), static_cast<double>(wanted),
                0.15 * static_cast<double>(wanted) + 65536);
}

INSTANTIATE_TEST_SUITE_P(All, Families, ::testing::ValuesIn(familyCases()),
                         [](const auto &test) { return test.param.name(); });

} // namespace
} // namespace longscope::engine
