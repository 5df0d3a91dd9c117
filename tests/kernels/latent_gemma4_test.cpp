// Models that are put together in their own way, latent attention (deepseek2) and gemma4: the engine
// against the scalar forward pass, on both kernel families.
#include "compute/core/error.h"
#include "compute/engine/packing.h"
#include "compute/engine/plan.h"
#include "compute/engine/session.h"
#include "compute/model/config.h"
#include "compute/reference/forward.h"
#include "tests/support/engines.h"
#include "tests/support/family_models.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <format>
#include <map>
#include <unistd.h>

namespace longscope::engine {
namespace {

using model::QuantType;
using testing::FamilyVariant;
using testing::GgufWriter;
using testing::nmse;

struct Case {
    std::string architecture, variant;
    QuantType type = QuantType::f32;
    double limit = 1e-6;
};

void PrintTo(const Case &one, std::ostream *out) {
    *out << one.architecture << " " << one.variant << " " << model::traitsOf(one.type).name;
}

/// A file that is removed at the end of the test, and what the scalar pass says of it.
class Subject {
  public:
    explicit Subject(const GgufWriter &writer)
        : path_((std::filesystem::temp_directory_path() /
                 std::format("longscope-special-{}.gguf", getpid()))
                    .string()) {
        writer.save(path_);
        std::vector<std::byte> bytes = writer.build();
        model::Gguf file = model::Gguf::parse(bytes, "special");
        model::Config config = model::readConfig(file);
        for (int i = 0; i < kTokens; ++i)
            ids.push_back(static_cast<Token>((i * 37 + 11) % static_cast<int>(config.vocab)));
        wanted = reference::forward(file, config, ids);
    }
    ~Subject() { std::filesystem::remove(path_); }
    Subject(const Subject &) = delete;
    Subject &operator=(const Subject &) = delete;

    std::unique_ptr<Engine> engine(const std::string &kernels) const {
        return std::make_unique<Engine>(
            EngineOptions{.model_path = path_, .device = "", .kernels = kernels});
    }

    static constexpr int kTokens = 43;
    std::vector<Token> ids;
    std::vector<float> wanted; ///< [tokens, vocab]

  private:
    std::string path_;
};

SessionOptions exactOptions(uint32_t chunk_tokens) {
    return {.k = CacheType::f32, .v = CacheType::f32, .chunk_tokens = chunk_tokens};
}

std::vector<float> logitsOf(Engine &engine, std::span<const Token> ids, uint32_t chunk_tokens) {
    Session session(engine, exactOptions(chunk_tokens));
    std::vector<float> got;
    session.readAllLogits(ids, 0, [&](uint64_t, std::span<const float> row) {
        got.insert(got.end(), row.begin(), row.end());
    });
    return got;
}

class SpecialFamily : public ::testing::TestWithParam<Case> {};

TEST_P(SpecialFamily, EqualsTheScalarForwardPass) {
    const Case &own = GetParam();
    Subject subject(testing::makeFamily(
        own.architecture, testing::findVariant(own.architecture, own.variant), own.type));
    for (const char *kernels : {"lanes", "subgroup"}) {
        auto engine = subject.engine(kernels);
        std::vector<float> whole = logitsOf(*engine, subject.ids, 64);
        EXPECT_LT(nmse(whole, subject.wanted), own.limit) << kernels;
        EXPECT_LT(nmse(logitsOf(*engine, subject.ids, 7), whole), 1e-9) << kernels;

        // The last tokens one by one.
        size_t vocab = whole.size() / subject.ids.size(), read = subject.ids.size() - 3;
        Session session(*engine, exactOptions(64));
        for (; read <= subject.ids.size(); ++read) {
            session.read(std::span(subject.ids).first(read));
            EXPECT_LT(nmse(session.logits(), std::span(whole).subspan((read - 1) * vocab, vocab)),
                      1e-9)
                << kernels << ", token " << read - 1;
        }
        for (const std::string &message : engine->device().validationMessages())
            ADD_FAILURE() << kernels << ": " << message;
    }
}

TEST_P(SpecialFamily, TakesWhatWasPlanned) {
    const Case &own = GetParam();
    Subject subject(testing::makeFamily(
        own.architecture, testing::findVariant(own.architecture, own.variant), own.type));
    auto engine = subject.engine("lanes");
    SessionOptions options = exactOptions(16);
    options.context_tokens = 64;
    SessionPlan plan = planSession(planModel(*engine), options);
    Session session(*engine, options);
    std::map<std::string, uint64_t> booked;
    for (const gpu::BookedPart &part : engine->device().booked())
        booked[part.name] = part.bytes;
    EXPECT_EQ(booked["weights"], plan.weight_bytes);
    EXPECT_EQ(booked["kv cache"], plan.cache_bytes);
}

INSTANTIATE_TEST_SUITE_P(
    All, SpecialFamily,
    ::testing::Values(Case{"deepseek2", "bare"}, Case{"deepseek2", "full"},
                      Case{"deepseek2", "apart"}, Case{"deepseek2", "bare", QuantType::q8_0},
                      Case{"deepseek2", "apart", QuantType::q8_0},
                      Case{"deepseek2", "apart", QuantType::f16},
                      Case{"deepseek2", "apart", QuantType::bf16},
                      Case{"gemma4", "bare", QuantType::f32, 1e-5},
                      Case{"gemma4", "full", QuantType::f32, 1e-5},
                      Case{"gemma4", "full", QuantType::q8_0, 1e-5}),
    [](const auto &one) {
        return std::format("{}_{}_{}", one.param.architecture, one.param.variant,
                           model::traitsOf(one.param.type).name);
    });

/// Sizes that no matrix of a head can begin at are refused when the model is loaded.
TEST(LatentSizes, OddOnesAreRefused) {
    FamilyVariant odd = testing::findVariant("deepseek2", "bare");
    odd.keys.emplace_back("attention.value_length_mla", 20u);
    Subject subject(testing::makeFamily("deepseek2", odd));
    try {
        subject.engine("lanes");
        FAIL() << "it was loaded";
    } catch (const Error &error) {
        EXPECT_NE(std::string(error.what()).find("values of 20"), std::string::npos)
            << error.what();
    }
}

/// Latent attention caches one head of kv_rank + rotated dimensions, whatever the file's form.
TEST(LatentCache, HoldsOneHeadOfBothForms) {
    for (const char *variant : {"bare", "apart"}) {
        Subject subject(
            testing::makeFamily("deepseek2", testing::findVariant("deepseek2", variant)));
        auto engine = subject.engine("lanes");
        const model::Config &config = engine->config();
        Session session(*engine, {.context_tokens = 64, .k = CacheType::f32});
        uint64_t row = padded(config.latent.kv_rank + config.rope().dims) * sizeof(float);
        EXPECT_EQ(session.cacheBytes(), config.layers * 64 * row) << variant;
    }
}

} // namespace
} // namespace longscope::engine
