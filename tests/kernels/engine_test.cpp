// The whole engine against figures computed elsewhere: the default model's ids, logits and greedy
// tokens on a prompt, its perplexity on a text. Logits of random models: families_test.cpp.
#include "compute/core/text.h"
#include "compute/engine/generate.h"
#include "tests/support/default_model.h"
#include "tests/support/engines.h"
#include "tests/support/reference_logits.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstring>
#include <format>

namespace longscope::engine {
namespace {

using testing::dataFile;
using testing::engineFor;
using testing::nmse;
using testing::referenceTokens;

class Family : public ::testing::TestWithParam<const char *> {};

/// Prefill in odd chunks, then decode, must give what one pass gives: same tokens, same cache.
TEST_P(Family, OddChunksAndDecodeEqualOnePass) {
    Engine &engine = engineFor(dataFile("llama-dense.gguf"), GetParam());
    std::vector<Token> ids = referenceTokens();
    auto last = [&](Session &session, size_t count) {
        session.read(std::span(ids).first(count));
        return std::vector<float>(session.logits().begin(), session.logits().end());
    };
    for (CacheType type : {CacheType::f32, CacheType::f16}) {
        Session whole(engine, {.k = type, .v = type});
        std::vector<float> want = last(whole, ids.size());
        Session chunks(engine, {.k = type, .v = type, .chunk_tokens = 7});
        EXPECT_LT(nmse(last(chunks, ids.size()), want), 1e-10);
        Session steps(engine, {.k = type, .v = type});
        std::vector<float> got;
        for (size_t count = ids.size() - 5; count <= ids.size(); ++count)
            got = last(steps, count);
        EXPECT_LT(nmse(got, want), 1e-10);
    }
}

TEST_P(Family, DefaultModelMatchesTheReferencePrompt) {
    auto want = nlohmann::json::parse(readWholeFile(dataFile("smollm2_prompt.json")));
    auto ids = want["tokens"].get<std::vector<Token>>();
    Engine &engine = engineFor(testing::findDefaultModel(), GetParam());
    EXPECT_EQ(engine.tokenizer().encode(readWholeFile(dataFile("smollm2_prompt.txt"))), ids);

    Session session(engine, {.context_tokens = 512, .k = CacheType::f32, .v = CacheType::f32});
    std::vector<std::vector<float>> rows;
    session.readAllLogits(ids, 0, [&](uint64_t, std::span<const float> row) {
        rows.emplace_back(row.begin(), row.end());
    });
    double worst = 0;
    for (const auto &position : want["positions"]) {
        const auto &row = rows.at(position["position"].get<size_t>());
        for (const auto &pair : position["top"])
            worst =
                std::max(worst, std::abs(row.at(pair[0].get<size_t>()) - pair[1].get<double>()));
        double sum = 0, squares = 0;
        for (double value : row) {
            sum += value;
            squares += value * value;
        }
        auto n = static_cast<double>(row.size());
        EXPECT_NEAR(sum / n, position["mean"].get<double>(), 0.005);
        EXPECT_NEAR(std::sqrt(squares / n), position["rms"].get<double>(), 0.005);
    }
    RecordProperty("largest_difference", std::to_string(worst));
    EXPECT_LT(worst, 0.02);

    auto greedy = want["greedy"].get<std::vector<Token>>();
    std::vector<Token> timeline = ids;
    Sampler sampler({.temperature = 0});
    for (size_t step = 0; step < greedy.size(); ++step) {
        session.read(timeline);
        Token next = sampler.sample(session.logits(), timeline);
        ASSERT_EQ(next, greedy[step]) << "at step " << step;
        timeline.push_back(next);
    }
}

INSTANTIATE_TEST_SUITE_P(Engine, Family, ::testing::Values("lanes", "subgroup"),
                         [](const auto &family) { return std::string(family.param); });

/// The usual protocol: windows of 512 that do not overlap, targets of the second half.
double perplexityOf(Session &session, std::span<const Token> ids, uint64_t windows) {
    constexpr uint64_t kContext = 512;
    double sum = 0;
    uint64_t count = 0;
    for (uint64_t w = 0; w < windows; ++w) {
        auto window = ids.subspan(w * kContext, kContext);
        session.readAllLogits(
            window, kContext / 2, [&](uint64_t position, std::span<const float> logits) {
                if (position + 1 >= kContext)
                    return;
                double most = *std::ranges::max_element(logits), total = 0;
                for (float logit : logits)
                    total += std::exp(logit - most);
                sum += most + std::log(total) - logits[static_cast<size_t>(window[position + 1])];
                ++count;
            });
    }
    return std::exp(sum / static_cast<double>(count));
}

TEST(Perplexity, OfTheDefaultModelOnProse) {
    Engine &engine = engineFor(testing::findDefaultModel(), "auto");
    auto ids = engine.tokenizer().encode(readWholeFile(dataFile("text.txt")));
    ASSERT_EQ(ids.size(), 10327u); // as Hugging Face's tokenizers library has it
    const double want = 37.9989;   // shared figure: F32 arithmetic and cache, first 8 windows
    Session f32(engine, {.context_tokens = 512, .k = CacheType::f32, .v = CacheType::f32});
    double with_f32 = perplexityOf(f32, ids, 8);
    RecordProperty("f32", std::to_string(with_f32));
    EXPECT_NEAR(with_f32, want, 0.002 * want);
    Session f16(engine, {.context_tokens = 512});
    double with_f16 = perplexityOf(f16, ids, 8);
    RecordProperty("f16", std::to_string(with_f16));
    EXPECT_NEAR(with_f16, want, 0.005 * want);
}

} // namespace
} // namespace longscope::engine
