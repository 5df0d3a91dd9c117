// Models that are put together in their own way, latent attention (deepseek2) and gemma4: the
// engine against the scalar forward pass, on both kernel families.
#include "compute/core/error.h"
#include "compute/engine/packing.h"
#include "compute/engine/plan.h"
#include "compute/engine/session_file.h"
#include "compute/model/config.h"
#include "compute/reference/forward.h"
#include "tests/support/engines.h"
#include "tests/support/family_models.h"

#include <gtest/gtest.h>

#include <algorithm>
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

/// A model in a file, and what the scalar pass says of it.
class Subject {
  public:
    explicit Subject(const GgufWriter &writer, const reference::ForwardOptions &options = {})
        : file_(writer) {
        std::vector<std::byte> bytes = writer.build();
        model::Gguf file = model::Gguf::parse(bytes, "special");
        model::Config config = model::readConfig(file);
        for (int i = 0; i < kTokens; ++i)
            ids.push_back(static_cast<Token>((i * 37 + 11) % static_cast<int>(config.vocab)));
        wanted = reference::forward(file, config, ids, options);
    }

    std::unique_ptr<Engine> engine(const std::string &kernels) const {
        return std::make_unique<Engine>(
            EngineOptions{.model_path = file_.path(), .device = "", .kernels = kernels});
    }

    static constexpr int kTokens = 43;
    std::vector<Token> ids;
    std::vector<float> wanted; ///< [tokens, vocab]

  private:
    testing::TemporaryModel file_;
};

SessionOptions exactOptions(uint32_t chunk_tokens) {
    return {.k = CacheType::f32, .v = CacheType::f32, .chunk_tokens = chunk_tokens};
}

std::vector<float> logitsOf(Engine &engine, std::span<const Token> ids, uint32_t chunk_tokens) {
    return testing::logitsOf(engine, ids, exactOptions(chunk_tokens));
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
    session.read(subject.ids);
    std::map<std::string, uint64_t> booked;
    for (const gpu::BookedPart &part : engine->device().booked())
        booked[part.name] = part.bytes;
    EXPECT_EQ(booked["weights"], plan.weight_bytes);
    EXPECT_EQ(booked["kv cache"], plan.cache_bytes);
    auto scratch = static_cast<double>(booked["scratch"]);
    EXPECT_NEAR(static_cast<double>(plan.scratch_bytes), scratch, 0.1 * scratch);
}

// In F32: families_test.cpp.
INSTANTIATE_TEST_SUITE_P(Types, SpecialFamily,
                         ::testing::Values(Case{"deepseek2", "bare", QuantType::q8_0},
                                           Case{"deepseek2", "apart", QuantType::q8_0},
                                           Case{"deepseek2", "apart", QuantType::f16},
                                           Case{"deepseek2", "apart", QuantType::bf16},
                                           Case{"gemma4", "full", QuantType::q8_0, 1e-5}),
                         [](const auto &one) {
                             return std::format("{}_{}_{}", one.param.architecture,
                                                one.param.variant,
                                                model::traitsOf(one.param.type).name);
                         });

/// Sizes as real files have them: DeepSeek-V2-Lite's in both forms, the two kinds of heads of
/// gemma4.
TEST(SpecialSizes, OfRealModels) {
    const testing::KeyList latent = {{"block_count", 2u},
                                     {"attention.head_count", 16u},
                                     {"attention.kv_lora_rank", 512u},
                                     {"rope.dimension_count", 64u}};
    const testing::KeyList absorbed = {{"attention.head_count_kv", 1u},
                                       {"attention.key_length", 576u},
                                       {"attention.value_length", 512u},
                                       {"attention.key_length_mla", 192u},
                                       {"attention.value_length_mla", 128u}};
    const testing::KeyList apart = {{"attention.head_count_kv", 16u},
                                    {"attention.key_length", 192u},
                                    {"attention.value_length", 128u}};
    const testing::KeyList gemma = {
        {"attention.key_length", 512u},       {"attention.value_length", 512u},
        {"rope.dimension_count", 512u},       {"attention.key_length_swa", 256u},
        {"attention.value_length_swa", 256u}, {"rope.dimension_count_swa", 256u}};
    struct Sized {
        const char *architecture, *variant;
        std::vector<testing::KeyList> keys;
        double limit;
    };
    for (const Sized &sized : {Sized{"deepseek2", "bare", {latent, absorbed}, 1e-6},
                               Sized{"deepseek2", "apart", {latent, apart}, 1e-6},
                               Sized{"gemma4", "full", {gemma}, 1e-5}}) {
        FamilyVariant variant = testing::findVariant(sized.architecture, sized.variant);
        for (const testing::KeyList &keys : sized.keys)
            variant.keys.insert(variant.keys.end(), keys.begin(), keys.end());
        Subject subject(testing::makeFamily(sized.architecture, variant));
        for (const char *kernels : {"lanes", "subgroup"}) {
            auto engine = subject.engine(kernels);
            EXPECT_LT(nmse(logitsOf(*engine, subject.ids, 40), subject.wanted), sized.limit)
                << sized.architecture << " " << sized.variant << " " << kernels;
            std::vector<float> first = logitsOf(*engine, std::span(subject.ids).first(5), 1);
            EXPECT_LT(nmse(first, std::span(subject.wanted).first(first.size())), sized.limit)
                << sized.architecture << " " << sized.variant << " " << kernels << ", one by one";
        }
    }
}

/// What a session can be asked for beside the plain reading.
struct Asked {
    const char *pattern = "full", *rope = "model";
    CacheType cache = CacheType::f32;
    double limit = 1e-6;
};

/// The head that is cached has its rotated part behind, and its values inside.
TEST(LatentAttention, PatternsPositionsAndCacheTypes) {
    for (const Asked &asked :
         {Asked{"window:16"}, Asked{"sinks:4+12"}, Asked{"rolling:4+20"},
          Asked{"full", "self-extend:4,8"}, Asked{"full", "model", CacheType::f16},
          Asked{"full", "model", CacheType::bf16}, Asked{"full", "model", CacheType::q8_0, 1e-4}}) {
        std::vector<std::string> patterns{asked.pattern};
        reference::ForwardOptions twin{.k = asked.cache,
                                       .v = asked.cache,
                                       .patterns = attention::LayerPatterns(patterns),
                                       .rope = attention::parseRope(asked.rope)};
        Subject subject(testing::makeFamily("deepseek2", testing::findVariant("deepseek2", "bare")),
                        twin);
        for (const char *kernels : {"lanes", "subgroup"}) {
            auto engine = subject.engine(kernels);
            SessionOptions options = exactOptions(16);
            options.k = options.v = asked.cache;
            options.patterns = twin.patterns;
            options.rope = twin.rope;
            EXPECT_LT(nmse(testing::logitsOf(*engine, subject.ids, options), subject.wanted),
                      asked.limit)
                << kernels << " " << asked.pattern << " " << asked.rope << " "
                << attention::cacheTypeName(asked.cache);
        }
    }
}

/// Caches without values, of another layer, of several sizes: saved and restored.
TEST(SpecialSession, GoesOnFromAFile) {
    for (auto [architecture, variant] : {std::pair{"deepseek2", "apart"}, {"gemma4", "full"}}) {
        Subject subject(
            testing::makeFamily(architecture, testing::findVariant(architecture, variant)));
        auto engine = subject.engine("auto");
        SessionOptions options{.k = CacheType::q8_0, .v = CacheType::f16, .chunk_tokens = 16};
        Session first(*engine, options), second(*engine, options);
        std::span<const Token> ids = subject.ids;
        std::string path = (std::filesystem::temp_directory_path() /
                            std::format("longscope-special-{}.session", getpid()))
                               .string();
        first.read(ids.first(30));
        saveSession(first, path, "");
        restoreSession(second, path);
        std::filesystem::remove(path);
        for (size_t end = 31; end <= 35; ++end) {
            first.read(ids.first(end));
            EXPECT_EQ(second.read(ids.first(end)).read, 1u);
            EXPECT_TRUE(std::ranges::equal(second.logits(), first.logits()))
                << architecture << " after " << end;
        }
    }
}

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
