// Texts side by side against the same texts one after another: logits of every branch, and replies.
#include "compute/engine/branches.h"
#include "compute/engine/generate_together.h"
#include "tests/support/default_model.h"
#include "tests/support/engines.h"
#include "tests/support/errors.h"
#include "tests/support/family_models.h"
#include "tests/support/nmse.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <format>
#include <map>
#include <random>

namespace longscope::engine {
namespace {

using testing::engineFor;
using testing::nmse;

std::vector<Token> randomTokens(uint32_t vocab, size_t count, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<Token> tokens;
    for (size_t i = 0; i < count; ++i)
        tokens.push_back(static_cast<Token>(random() % vocab));
    return tokens;
}

std::vector<Token> joined(std::vector<Token> first, const std::vector<Token> &second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

struct Case {
    const char *architecture, *kernels;
};
class BranchesOf : public ::testing::TestWithParam<Case> {};

/// Stems of odd lengths, forks that grow unevenly: each branch gives what its text alone gives.
TEST_P(BranchesOf, GiveTheLogitsOfTheirTexts) {
    testing::TemporaryModel file(testing::makeFamily(
        GetParam().architecture, testing::findVariant(GetParam().architecture, "bare")));
    Engine &engine = engineFor(file.path(), GetParam().kernels);
    uint32_t vocab = engine.config().vocab;
    const SessionOptions options{.context_tokens = 128, .k = CacheType::f32, .v = CacheType::f32};
    Session session(engine, options), alone(engine, options);
    ASSERT_EQ(whyNoBranches(session), "");
    auto expected = [&](const std::vector<Token> &text) {
        alone.truncate(0);
        alone.read(text);
        return std::vector<float>(alone.logits().begin(), alone.logits().end());
    };
    std::vector<Token> shared = randomTokens(vocab, 11, 1);
    session.read(shared);
    const std::vector<float> before(session.logits().begin(), session.logits().end());
    {
        Branches branches(session);
        std::vector<std::vector<Token>> texts;
        for (size_t length : {1u, 13u, 6u}) {
            std::vector<Token> own = randomTokens(vocab, length, 10 + length);
            int stem = branches.readStem(own, {});
            EXPECT_LT(nmse(branches.stemLogits(stem), expected(joined(shared, own))), 1e-10);
            for (int forks = 0; forks < 3; ++forks) {
                EXPECT_EQ(branches.fork(stem), texts.size());
                texts.push_back(joined(shared, own));
            }
        }
        EXPECT_EQ(branches.room(), 128u - 11 - 20);
        for (size_t step = 0; step < 5; ++step) {
            std::vector<Branches::Next> next;
            for (uint32_t branch = 0; branch < texts.size(); ++branch)
                if ((branch + step) % 4 != 0 && (step < 4 || branch == 5)) // at last a single one
                    next.push_back({branch, static_cast<Token>((7 * branch + 31 * step) % vocab)});
            ASSERT_TRUE(branches.step(next, {}));
            for (size_t i = 0; i < next.size(); ++i) {
                texts[next[i].branch].push_back(next[i].token);
                EXPECT_LT(nmse(branches.logits(i), expected(texts[next[i].branch])), 1e-9)
                    << step << " " << i;
            }
        }
    }
    // What the session held is as it was.
    EXPECT_EQ(session.tokens(), shared);
    std::vector<Token> more = joined(shared, randomTokens(vocab, 9, 2));
    EXPECT_EQ(session.read(more).reused, shared.size());
    EXPECT_LT(nmse(session.logits(), expected(more)), 1e-10);
}

INSTANTIATE_TEST_SUITE_P(Families, BranchesOf,
                         ::testing::Values(Case{"llama", "lanes"}, Case{"llama", "subgroup"},
                                           Case{"qwen3moe", "lanes"}, Case{"gpt2", "lanes"},
                                           Case{"gpt2", "subgroup"}, Case{"qwen3", "lanes"},
                                           Case{"phi3", "lanes"}),
                         [](const auto &tested) {
                             return std::string(tested.param.architecture) + "_" +
                                    tested.param.kernels;
                         });

TEST(Branches, AreRefusedWhereKeysAreNotAllKept) {
    auto why = [](const char *architecture, const SessionOptions &options) {
        testing::TemporaryModel file(
            testing::makeFamily(architecture, testing::findVariant(architecture, "bare")));
        return whyNoBranches(Session(engineFor(file.path(), "auto"), options));
    };
    SessionOptions options{.context_tokens = 64};
    EXPECT_TRUE(holds(why("rwkv6", options), "recurrent"));
    EXPECT_TRUE(holds(why("bloom", options), "depend on where"));
    EXPECT_TRUE(holds(why("deepseek2", options), "compressed"));
    options.patterns = attention::LayerPatterns(std::vector<std::string>{"window:16"});
    EXPECT_TRUE(holds(why("llama", options), "does not keep all"));
}

TogetherRequest requestOf(const Engine &engine, std::string_view text, uint64_t tokens,
                          uint64_t seed) {
    TogetherRequest request{.prompt = engine.tokenizer().encode(text), .options = {}};
    request.options.sampling.seed = seed;
    request.options.sampling.temperature = seed == 0 ? 0.0f : 0.7f;
    request.options.max_tokens = tokens;
    return request;
}

/// The default model: the words of each reply are those it writes alone, in one turn and in
/// several, of equal prompts and of others.
TEST(GenerateTogether, WritesWhatEachRequestAloneWrites) {
    std::string path = testing::findDefaultModel();
    ASSERT_FALSE(path.empty()) << testing::kNoDefaultModel;
    Engine &engine = engineFor(path, "auto");
    std::vector<TogetherRequest> requests;
    const char *texts[] = {"The mill stands at the river. It was built in", "The mill is",
                           "The mill stands at the river. It was built in", "Of all the ferries",
                           "The mill"};
    for (uint64_t i = 0; i < std::size(texts); ++i)
        requests.push_back(requestOf(engine, texts[i], 6 + 3 * i, i % 3));
    std::vector<Generated> alone;
    for (const TogetherRequest &request : requests) {
        Session session(engine, {.context_tokens = 64, .k = CacheType::f32, .v = CacheType::f32});
        alone.push_back(generate(session, request.prompt, request.options, {}));
    }
    uint64_t all = tokensTogether(requests);
    EXPECT_LT(all, 100u);
    for (uint64_t window : {all, uint64_t{40}}) {
        SCOPED_TRACE(window);
        Session session(engine,
                        {.context_tokens = window, .k = CacheType::f32, .v = CacheType::f32});
        std::vector<std::string> heard(requests.size());
        auto hear = [&](size_t i, std::string_view so_far) {
            heard[i] = so_far;
            return true;
        };
        std::map<std::string, uint64_t> told; // by label
        auto look = [&](const Progress &now) {
            EXPECT_GE(now.done, told[now.label]) << now.label;
            EXPECT_LE(now.done, now.total) << now.label;
            told[now.label] = now.done;
        };
        auto replies = generateTogether(session, requests, hear, look);
        ASSERT_EQ(replies.size(), requests.size());
        for (size_t i = 0; i < replies.size(); ++i) {
            EXPECT_EQ(replies[i].text, alone[i].text) << i;
            EXPECT_EQ(heard[i], alone[i].text) << i;
            EXPECT_EQ(replies[i].finish, alone[i].finish) << i;
            EXPECT_EQ(replies[i].prompt.read + replies[i].prompt.reused, requests[i].prompt.size());
        }
        if (window == all) { // the same prompt is read once
            EXPECT_EQ(replies[2].prompt.read, 0u);
            uint64_t read = 0;
            for (const Generated &reply : replies)
                read += reply.prompt.read;
            EXPECT_EQ(told["reading"], read);
        }
        EXPECT_GT(told["writing"], 0u);
    }
}

/// A run that goes on begins with a session that has read nothing, one that was not stopped with
/// what the group before left: both write the same.
TEST(GenerateTogether, DoesNotDependOnWhatWasReadBefore) {
    std::string path = testing::findDefaultModel();
    ASSERT_FALSE(path.empty()) << testing::kNoDefaultModel;
    Engine &engine = engineFor(path, "auto");
    auto group = [&](const std::string &topic) {
        std::vector<TogetherRequest> requests;
        for (uint64_t i = 0; i < 8; ++i)
            requests.push_back(requestOf(
                engine,
                std::format("A story of long ago begins here. The {} of town {}", topic, i / 2), 20,
                100 + i));
        return requests;
    };
    std::vector<std::string> texts[2];
    for (bool goes_on : {false, true}) {
        Session session(engine, {.context_tokens = 512});
        if (!goes_on) {
            generateTogether(session, group("ferry"), {});
            session.read(group("mill").front().prompt); // a reply that is written alone
        }
        for (const char *topic : {"ferry", "mill"})
            for (const Generated &reply : generateTogether(session, group(topic), {}))
                texts[goes_on].push_back(reply.text);
    }
    EXPECT_EQ(texts[0], texts[1]);
}

TEST(GenerateTogether, EndsRepliesThatAreEnoughAndStops) {
    testing::TemporaryModel file(testing::makeTinyLlama({}));
    Engine &engine = engineFor(file.path(), "auto");
    std::vector<TogetherRequest> requests;
    for (uint64_t i = 0; i < 4; ++i)
        requests.push_back(requestOf(engine, i % 2 ? "one text" : "another", 12, 7 + i));
    Session session(engine, {.context_tokens = 256});
    std::vector<size_t> calls(4);
    auto enough_of_second = [&](size_t i, std::string_view) { return ++calls[i] < 2 || i != 1; };
    auto replies = generateTogether(session, requests, enough_of_second);
    for (size_t i = 0; i < 4; ++i)
        if (i == 1)
            EXPECT_EQ(replies[i].finish, Finish::stopped);
        else
            EXPECT_TRUE(replies[i].finish == Finish::length ||
                        replies[i].finish == Finish::end_of_text);
    EXPECT_EQ(calls[1], 2u);

    std::stop_source stop;
    calls.assign(4, 0);
    auto stop_soon = [&](size_t i, std::string_view) {
        if (++calls[i] == 3)
            stop.request_stop();
        return true;
    };
    replies = generateTogether(session, requests, stop_soon, {}, stop.get_token());
    EXPECT_TRUE(std::ranges::contains(replies, Finish::stopped, &Generated::finish));
    for (const Generated &reply : replies) {
        EXPECT_TRUE(reply.finish == Finish::stopped || reply.finish == Finish::end_of_text);
        EXPECT_LE(reply.tokens.size(), 5u);
    }
    requests.push_back(requestOf(engine, std::string(4000, 'x'), 1, 0));
    EXPECT_TRUE(holds(errorOf(ErrorKind::usage, [&] { generateTogether(session, requests, {}); }),
                      "the window has 256"));
    EXPECT_TRUE(generateTogether(session, {}, {}).empty());
}

} // namespace
} // namespace longscope::engine
