// Classification: its arithmetic with a scorer that counts words, the engine's likelihoods against
// logits taken one by one, and how often the default model finds the topic of short texts.
#include "compute/engine/likelihood.h"
#include "compute/reading/classify.h"
#include "compute/reading/engine_scorer.h"
#include "compute/reading/words.h"
#include "tests/support/default_model.h"
#include "tests/support/engines.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <format>
#include <map>

namespace longscope::reading {
namespace {

using document::Document;
using Strings = std::vector<std::string>;

Document plain(std::string_view text) {
    return document::importText(text, "note.txt", false);
}

uint64_t countWords(std::string_view text) {
    return plainWords(text).size();
}

Classification classify(Scorer &scorer, const Document &document, const ClassifyOptions &options) {
    return Classifier(scorer, options).classify(document, {}, {});
}

/// Likes a label by how often the text has it; every label has two tokens.
class CountingScorer final : public Scorer {
  public:
    uint64_t window = 1000;
    std::vector<ScoreRequest> asked;

    TextModelFacts facts() const override {
        TextModelFacts facts;
        facts.name = facts.fingerprint = "counts";
        facts.parameters = 1;
        facts.window_tokens = window;
        return facts;
    }
    uint64_t countTokens(std::string_view text) override { return countWords(text); }
    uint64_t countPrompt(const std::vector<model::Message> &messages) override {
        uint64_t tokens = 0;
        for (const model::Message &message : messages)
            tokens += countWords(message.content) + 2;
        return tokens;
    }
    ScoreReply score(const ScoreRequest &request, const ProgressSink &, std::stop_token) override {
        asked.push_back(request);
        ScoreReply reply;
        reply.prompt_tokens = countPrompt(request.messages) + countTokens(request.begun);
        EXPECT_LE(reply.prompt_tokens + 2, window);
        const std::string &prompt = request.messages.back().content;
        Strings words = plainWords(prompt.substr(0, prompt.find("\n\nWhat is the text about?")));
        for (const std::string &continuation : request.continuations) {
            auto count = std::ranges::count(words, continuation.substr(1));
            reply.likelihoods.push_back({-10 + 0.5 * static_cast<double>(count), 2});
        }
        return reply;
    }
};

TEST(Classify, CalibrationsAreSimpleSums) {
    Likelihood text[] = {{-6, 3}, {-4, 1}}, prior[] = {{-12, 3}, {-5, 1}};
    EXPECT_EQ(calibrated(text, prior, Calibration::sum), (std::vector<double>{-6, -4}));
    EXPECT_EQ(calibrated(text, prior, Calibration::mean), (std::vector<double>{-2, -4}));
    EXPECT_EQ(calibrated(text, prior, Calibration::prior), (std::vector<double>{6, 1}));
    EXPECT_EQ(calibrated(text, prior, Calibration::prior_mean), (std::vector<double>{2, 1}));
    double far[] = {-2000, -2001};
    EXPECT_NEAR(softmax(far)[0], 1 / (1 + std::exp(-1)), 1e-12);
}

TEST(Classify, CombinesLogarithmsWeightedByTokens) {
    Classification result;
    result.sections = {{.start = 0, .end = 10, .tokens = 300, .probabilities = {0.5, 0.4, 0.1}},
                       {.start = 10, .end = 20, .tokens = 100, .probabilities = {0.1, 0.8, 0.1}}};
    combineSections(result);
    double a = std::pow(0.5, 0.75) * std::pow(0.1, 0.25);
    double b = std::pow(0.4, 0.75) * std::pow(0.8, 0.25), c = 0.1;
    EXPECT_NEAR(result.probabilities[0], a / (a + b + c), 1e-12);
    EXPECT_NEAR(result.probabilities[1], b / (a + b + c), 1e-12);
    EXPECT_NEAR(result.probabilities[2], c / (a + b + c), 1e-12);
    EXPECT_EQ(result.winner, 1u);
    EXPECT_EQ(result.second, 0u);
    // What the sections add up to is the lead.
    EXPECT_NEAR(result.sections[0].lead + result.sections[1].lead, std::log(b / a), 1e-12);
    EXPECT_LT(result.sections[0].lead, 0);
    EXPECT_EQ(decidingSections(result), std::vector<size_t>{1});
    // A certain section does not outweigh all others.
    result.sections[1].probabilities = {0, 1, 0};
    combineSections(result);
    EXPECT_TRUE(std::isfinite(result.sections[1].lead));
}

TEST(Classify, ReadsWholeWhatFitsAndSectionsElse) {
    CountingScorer scorer;
    Document d = plain("The boat and the boat and the fish.");
    Classification whole = classify(scorer, d, {.labels = {"fish", "boat", "tree"}});
    EXPECT_TRUE(whole.whole);
    ASSERT_EQ(whole.sections.size(), 1u);
    EXPECT_EQ(whole.calls, 2u); // the question without a document, too
    double sum = std::exp(0.5) + std::exp(1) + 1;
    EXPECT_NEAR(whole.probabilities[0], std::exp(0.5) / sum, 1e-12);
    EXPECT_NEAR(whole.probabilities[1], std::exp(1) / sum, 1e-12);
    EXPECT_EQ(whole.winner, 1u);

    std::string text;
    for (int i = 0; i < 40; ++i)
        text += i == 20 ? "# Sea\n\nThe fish, the fish, the fish, the fish and the other fish.\n\n"
                        : std::format("# Part {}\n\nThe boat is number {} in this row.\n\n", i, i);
    d = document::importText(text, "note.md", true);
    scorer.window = 120;
    Classification parts = classify(scorer, d, {.labels = {"fish", "boat"}, .section_tokens = 30});
    EXPECT_FALSE(parts.whole);
    EXPECT_GT(parts.sections.size(), 10u);
    EXPECT_EQ(parts.winner, 1u);
    EXPECT_EQ(parts.sections.front().start, 0u);
    EXPECT_EQ(parts.sections.back().end, d.text.size() - 1); // white space at the end is of none
    size_t fish = d.text.find("The fish");
    for (const ClassifiedSection &section : parts.sections)
        EXPECT_EQ(section.lead < 0, section.start <= fish && fish < section.end);
    for (size_t i : decidingSections(parts))
        EXPECT_GT(parts.sections[i].lead, 0);
    // By sections though it fits.
    scorer.window = 100000;
    EXPECT_GT(
        classify(scorer, d,
                 {.labels = {"fish", "boat"}, .by = ClassifyBy::sections, .section_tokens = 30})
            .sections.size(),
        10u);
}

TEST(Classify, RefusesWithNumbers) {
    CountingScorer scorer;
    Document d = plain("Some words are here, and more of them are there.");
    auto with = [&](ClassifyOptions options) {
        return errorOf(ErrorKind::usage, [&] { classify(scorer, d, options); });
    };
    EXPECT_TRUE(holds(with({.labels = {"one"}}), "1 label"));
    EXPECT_TRUE(holds(with({.labels = {"one", "two", "one"}}), "\"one\" is given twice"));
    EXPECT_TRUE(holds(with({.labels = {"one", ""}}), "label 2 of 2 is empty"));
    scorer.window = 40;
    EXPECT_TRUE(holds(with({.labels = {"one", "two"}}), "the window has 40"));
    d = plain(std::string(4000, 'a') + " a b c d" + std::string(400, ' ') + "a b");
    std::string many;
    for (int i = 0; i < 300; ++i)
        many += "word ";
    d = plain(many);
    scorer.window = 200;
    EXPECT_TRUE(holds(with({.labels = {"one", "two"}, .by = ClassifyBy::whole}), "300 tokens"));
}

// ---- the engine
// ----------------------------------------------------------------------------------

TEST(EngineScorer, SumsLogSoftmaxOfTheLogits) {
    testing::TemporaryModel file(testing::makeTinyLlama({}));
    engine::Worker worker;
    engine::LoadModel load;
    load.engine.model_path = file.path();
    ASSERT_EQ(worker.waitForEnd(worker.push(load))->task.error, "");
    EngineModel model(worker);
    EngineScorer scorer(model);
    ScoreRequest request{.messages = {{"user", "What is <|im_end|> this about?"}},
                         .begun = "Category:",
                         .continuations = {" sea", " s", " sea and land", " <|im_end|>", ""}};
    ScoreReply reply = scorer.score(request, {}, {});
    ASSERT_EQ(reply.likelihoods.size(), 5u);
    // The same by reading prompt and continuation whole, from an empty timeline.
    engine::Engine &engine = testing::engineFor(file.path(), "auto");
    model::RenderedChat chat = engine.chatTemplate().render(request.messages, true);
    std::vector<model::Token> prompt = model::encodeChat(engine.tokenizer(), chat);
    auto append = [&](std::vector<model::Token> tokens, std::string_view text) {
        for (model::Token token :
             engine.tokenizer().encode(text, {.parse_special = false, .add_bos = false}))
            tokens.push_back(token);
        return tokens;
    };
    prompt = append(prompt, "Category:");
    EXPECT_EQ(reply.prompt_tokens, prompt.size());
    for (size_t i = 0; i < 5; ++i) {
        std::vector<model::Token> all = append(prompt, request.continuations[i]);
        std::vector<float> logits = testing::logitsOf(engine, all, {});
        size_t vocab = engine.config().vocab;
        double sum = 0;
        for (size_t at = prompt.size(); at < all.size(); ++at)
            sum +=
                engine::logProbability(std::span(logits).subspan((at - 1) * vocab, vocab), all[at]);
        // Chunks of another length add in another order: halves of the cache, 10 tokens.
        EXPECT_NEAR(reply.likelihoods[i].log_probability, sum, 0.02) << i;
        EXPECT_EQ(reply.likelihoods[i].tokens, all.size() - prompt.size()) << i;
    }
    EXPECT_LT(reply.likelihoods[0].log_probability, 0);
    EXPECT_EQ(reply.likelihoods[4].log_probability, 0);
    // The prompt is not read again, but for its last token, whose logits are wanted.
    ScoreReply again = scorer.score(request, {}, {});
    EXPECT_GE(again.reused_tokens + 1, again.prompt_tokens);
    for (size_t i = 0; i < 5; ++i)
        EXPECT_NEAR(again.likelihoods[i].log_probability, reply.likelihoods[i].log_probability,
                    0.02);
    request.messages[0].content = std::string(20000, 'x');
    EXPECT_TRUE(holds(errorOf(ErrorKind::usage, [&] { scorer.score(request, {}, {}); }), "4096"));
}

struct Topic {
    std::string label;
    Document document;
};

std::vector<Topic> topics() {
    std::vector<Topic> all;
    for (const auto &entry : std::filesystem::directory_iterator(LONGSCOPE_TEST_DATA "/topics")) {
        std::string name = entry.path().stem().string();
        all.push_back(
            {name.substr(0, name.find('-')), document::importFile(entry.path().string())});
    }
    std::ranges::sort(all, {}, [](const Topic &topic) { return topic.document.path; });
    return all;
}

/// Asks the model once for each prompt.
class Remembering final : public Scorer {
  public:
    explicit Remembering(Scorer &scorer) : scorer_(scorer) {}
    TextModelFacts facts() const override { return scorer_.facts(); }
    uint64_t countTokens(std::string_view text) override { return scorer_.countTokens(text); }
    uint64_t countPrompt(const std::vector<model::Message> &messages) override {
        return scorer_.countPrompt(messages);
    }
    ScoreReply score(const ScoreRequest &request, const ProgressSink &progress,
                     std::stop_token stop) override {
        auto &reply = replies_[request.messages.back().content + request.continuations.front()];
        if (reply.likelihoods.empty())
            reply = scorer_.score(request, progress, stop);
        return reply;
    }

  private:
    Scorer &scorer_;
    std::map<std::string, ScoreReply> replies_;
};

TEST(Classify, TheDefaultModelFindsTopics) {
    std::string path = testing::findDefaultModel();
    ASSERT_FALSE(path.empty()) << testing::kNoDefaultModel;
    engine::Worker worker;
    engine::LoadModel load;
    load.engine.model_path = path;
    ASSERT_EQ(worker.waitForEnd(worker.push(load))->task.error, "");
    EngineModel model(worker);
    EngineScorer real(model);
    Remembering scorer(real);
    std::vector<Topic> texts = topics();
    ASSERT_EQ(texts.size(), 20u);
    const Strings names = {"sport", "cooking", "astronomy", "law"};
    const Strings longer = {"sports and games", "cooking and recipes", "stars and planets",
                            "courts and contracts"};
    size_t right = 0, right_longer = 0;
    for (const Topic &text : texts) {
        auto wanted = static_cast<size_t>(std::ranges::find(names, text.label) - names.begin());
        right += classify(scorer, text.document, {.labels = names}).winner == wanted;
        right_longer += classify(scorer, text.document, {.labels = longer}).winner == wanted;
    }
    RecordProperty("right_of_20", static_cast<int>(right));
    RecordProperty("right_of_20_with_longer_labels", static_cast<int>(right_longer));
    EXPECT_GE(right, 19u);
    EXPECT_GE(right_longer, 18u);

    // A book about cooking with a chapter that is not.
    std::string book;
    for (const Topic &text : texts)
        if (text.label == "cooking" || text.document.path.ends_with("law-3.txt"))
            book += "# Chapter\n\n" + text.document.text + "\n\n";
    Document d = document::importText(book, "book.md", true);
    Classification result =
        classify(scorer, d, {.labels = names, .by = ClassifyBy::sections, .section_tokens = 130});
    EXPECT_EQ(names[result.winner], "cooking");
    ASSERT_EQ(result.sections.size(), 6u);
    const std::vector<double> &last = result.sections.back().probabilities;
    EXPECT_GT(last[3], last[1]);
    EXPECT_LT(result.sections.back().lead, 0);
    for (size_t i : decidingSections(result))
        EXPECT_LT(i, 5u);
}

} // namespace
} // namespace longscope::reading
