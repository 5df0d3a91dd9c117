// Choosing tokens and finding stop strings: pure, no device is used.
#include "compute/core/error.h"
#include "compute/engine/sampler.h"
#include "compute/engine/stop_strings.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <set>

namespace longscope::engine {
namespace {

using model::Token;

constexpr std::array<float, 5> kLogits = {1.0f, 3.0f, 2.0f, 3.0f, -1.0f};

SamplingOptions plain(float temperature, uint64_t seed = 1) {
    return {.temperature = temperature,
            .top_k = 0,
            .top_p = 1,
            .min_p = 0,
            .repeat_penalty = 1,
            .repeat_window = 64,
            .seed = seed};
}

std::set<Token> seen(const SamplingOptions &options, std::span<const float> logits = kLogits) {
    Sampler sampler(options);
    std::set<Token> tokens;
    for (int i = 0; i < 4000; ++i)
        tokens.insert(sampler.sample(logits, {}));
    return tokens;
}

TEST(Sampler, GreedyTakesTheLowestIdOfATie) {
    Sampler sampler(plain(0));
    EXPECT_EQ(sampler.sample(kLogits, {}), 1);
    EXPECT_EQ(sampler.sample(kLogits, {}), 1);
}

TEST(Sampler, GreedyIgnoresWhatIsNotANumber) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const std::array<float, 3> logits = {nan, -5.0f, -INFINITY};
    EXPECT_EQ(Sampler(plain(0)).sample(logits, {}), 1);
    EXPECT_EQ(seen(plain(1), logits), std::set<Token>{1});
    const std::array<float, 2> broken = {nan, nan};
    EXPECT_THROW(Sampler(plain(0)).sample(broken, {}), Error);
}

TEST(Sampler, TopKKeepsTheBestAndTheLowerIdOfATie) {
    SamplingOptions options = plain(5);
    options.top_k = 1;
    EXPECT_EQ(seen(options), (std::set<Token>{1}));
    options.top_k = 2;
    EXPECT_EQ(seen(options), (std::set<Token>{1, 3}));
    options.top_k = 3;
    EXPECT_EQ(seen(options), (std::set<Token>{1, 2, 3}));
    options.top_k = 100;
    EXPECT_EQ(seen(options), (std::set<Token>{0, 1, 2, 3, 4}));
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
    // probabilities 0.5, 0.3, 0.2
    const std::array<float, 3> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
    SamplingOptions options = plain(1);
    options.top_p = 0.45f;
    EXPECT_EQ(seen(options, logits), (std::set<Token>{0}));
    options.top_p = 0.55f;
    EXPECT_EQ(seen(options, logits), (std::set<Token>{0, 1}));
    options.top_p = 0.85f;
    EXPECT_EQ(seen(options, logits), (std::set<Token>{0, 1, 2}));
    options.top_p = 0; // one token always stays
    EXPECT_EQ(seen(options, logits), (std::set<Token>{0}));
}

TEST(Sampler, MinPIsAShareOfTheLargestProbability) {
    const std::array<float, 3> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
    SamplingOptions options = plain(1);
    options.min_p = 0.5f; // 0.25 and more
    EXPECT_EQ(seen(options, logits), (std::set<Token>{0, 1}));
    options.min_p = 1;
    EXPECT_EQ(seen(options, logits), (std::set<Token>{0}));
}

TEST(Sampler, TopPCountsWhatMinPRemoved) {
    // Together they keep the shorter prefix: top-p 0.85 would keep three, min-p 0.5 two.
    const std::array<float, 3> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
    SamplingOptions options = plain(1);
    options.top_p = 0.85f;
    options.min_p = 0.5f;
    EXPECT_EQ(seen(options, logits), (std::set<Token>{0, 1}));
}

TEST(Sampler, RepeatPenaltyDividesPositiveAndMultipliesNegative) {
    SamplingOptions options = plain(0);
    options.repeat_penalty = 2;
    const std::array<float, 3> positive = {3.0f, 2.0f, 1.0f};
    const std::vector<Token> once = {0}, often = {0, 0, 0, 0};
    EXPECT_EQ(Sampler(options).sample(positive, {}), 0);
    EXPECT_EQ(Sampler(options).sample(positive, once), 1);  // 3 / 2 < 2
    EXPECT_EQ(Sampler(options).sample(positive, often), 1); // once, however often it occurs
    const std::array<float, 2> negative = {-1.0f, -1.5f};
    EXPECT_EQ(Sampler(options).sample(negative, once), 1); // -1 * 2 < -1.5
    options.repeat_window = 2;
    const std::vector<Token> long_ago = {0, 2, 2};
    EXPECT_EQ(Sampler(options).sample(positive, long_ago), 0);
    const std::vector<Token> foreign = {-1, 99};
    EXPECT_EQ(Sampler(options).sample(positive, foreign), 0);
}

TEST(Sampler, TheSameSeedGivesTheSameTokens) {
    auto tokensOf = [](uint64_t seed) {
        Sampler sampler(plain(1, seed));
        std::vector<Token> tokens;
        for (int i = 0; i < 50; ++i)
            tokens.push_back(sampler.sample(kLogits, {}));
        return tokens;
    };
    EXPECT_EQ(tokensOf(7), tokensOf(7));
    EXPECT_NE(tokensOf(7), tokensOf(8));
    Sampler random(plain(1, 0));
    EXPECT_NE(random.seed(), 0u);
    EXPECT_EQ(Sampler(plain(1, 42)).seed(), 42u);
}

TEST(Sampler, FrequenciesFollowTheTemperature) {
    const std::array<float, 3> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
    for (float temperature : {1.0f, 0.5f}) {
        Sampler sampler(plain(temperature, 3));
        std::array<double, 3> counts{};
        const int draws = 40000;
        for (int i = 0; i < draws; ++i)
            counts[static_cast<size_t>(sampler.sample(logits, {}))] += 1.0 / draws;
        std::array<double, 3> wanted = {0.5, 0.3, 0.2};
        double sum = 0;
        for (double &p : wanted)
            sum += p = std::pow(p, 1 / static_cast<double>(temperature));
        for (size_t i = 0; i < 3; ++i) // four standard deviations of 40000 draws are 0.01
            EXPECT_NEAR(counts[i], wanted[i] / sum, 0.01) << "temperature " << temperature;
    }
}

TEST(Sampler, RefusesSettingsOutOfRange) {
    EXPECT_THROW(Sampler(plain(-1)), Error);
    SamplingOptions options = plain(1);
    options.top_p = 1.5f;
    EXPECT_THROW(Sampler{options}, Error);
    options = plain(1);
    options.min_p = -0.1f;
    EXPECT_THROW(Sampler{options}, Error);
    options = plain(1);
    options.repeat_penalty = 0;
    EXPECT_THROW(Sampler{options}, Error);
}

std::string pushAll(StopStrings &stops, const std::vector<std::string> &pieces) {
    std::string text;
    for (const std::string &piece : pieces)
        text += stops.push(piece) + "|";
    return text + stops.finish();
}

TEST(StopStrings, WithoutAnyTheTextPasses) {
    StopStrings stops({});
    EXPECT_EQ(pushAll(stops, {"a", "b"}), "a|b|");
    StopStrings empty({""});
    EXPECT_EQ(pushAll(empty, {"a", "b"}), "a|b|");
}

TEST(StopStrings, HoldsBackWhatMayBecomeOne) {
    StopStrings stops({"\n\nUser:"});
    EXPECT_EQ(pushAll(stops, {"one\n", "\nUs", "es\n\nU", "ser: two", "three"}),
              "one||\n\nUses|||");
    EXPECT_TRUE(stops.found());
}

TEST(StopStrings, GivesBackWhatDidNot) {
    StopStrings stops({"END"});
    EXPECT_EQ(pushAll(stops, {"x E", "N"}), "x ||EN");
    EXPECT_FALSE(stops.found());
}

TEST(StopStrings, TheEarliestOfSeveralWins) {
    StopStrings stops({"bcd", "abc"});
    EXPECT_EQ(pushAll(stops, {"xxa", "bcd"}), "xx||");
    StopStrings inside({"aab"});
    EXPECT_EQ(pushAll(inside, {"aa", "ab"}), "|a|"); // the second a begins it again
    EXPECT_TRUE(inside.found());
}

} // namespace
} // namespace longscope::engine
