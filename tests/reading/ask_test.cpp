// Questions: what is quoted, what is refused, what a model is given and what becomes of its words.
#include "compute/document/places.h"
#include "compute/reading/ask.h"

#include "compute/document/passages.h"
#include "tests/support/errors.h"
#include "tests/support/planted_facts.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace longscope::reading {
namespace {

using document::Document;

Document plain(std::string_view text) {
    return document::importText(text, "note.txt", false);
}

/// Counts words as tokens, and says what it was told to say, a word at a time.
class StubModel final : public TextModel {
  public:
    TextModelFacts facts() const override { return own; }
    uint64_t countTokens(std::string_view text) override { return document::countWords(text); }
    uint64_t countPrompt(const std::vector<model::Message> &messages) override {
        uint64_t tokens = 0;
        for (const model::Message &message : messages)
            tokens += countTokens(message.content);
        return tokens;
    }
    TextReply write(const TextRequest &request, const OnText &on_text, const ProgressSink &,
                    std::stop_token stop) override {
        requests.push_back(request);
        TextReply all{.text = reply,
                      .finish = engine::Finish::end_of_text,
                      .prompt_tokens = countPrompt(request.messages),
                      .written_tokens = countTokens(reply)};
        for (size_t at = reply.find(' '); at != std::string::npos; at = reply.find(' ', at + 1))
            if (stop.stop_requested() || (on_text && !on_text(reply.substr(0, at)))) {
                all.text = reply.substr(0, at);
                all.finish = engine::Finish::stopped;
                break;
            }
        return all;
    }

    /// Each sentence looked at the part that says so, and a little at the first one.
    AttendedShares attended(const AttendedRequest &request, std::stop_token) override {
        last_attended = request;
        AttendedShares shares;
        for (size_t i = 0; i < request.sentences.size(); ++i) {
            shares.emplace_back(request.parts.size(), -0.01);
            for (size_t part = 0; part < request.parts.size(); ++part) {
                document::Span span = request.parts[part];
                std::string text = request.text.substr(span.start, span.end - span.start);
                if (text.contains("March"))
                    shares.back()[part] = 0.5;
                else if (text.contains("one bridge"))
                    shares.back()[part] = 0.1;
            }
        }
        return shares;
    }

    TextModelFacts own{.name = "stub",
                       .fingerprint = "stub",
                       .device = {},
                       .parameters = 7'000'000'000,
                       .window_tokens = 4096};
    std::string reply = "The bridge was closed in March for repairs.";
    std::vector<TextRequest> requests;
    AttendedRequest last_attended;
};

const char *kTown =
    "Lenningham lies on the river. It has one bridge and two mills.\n\n"
    "The council met on Monday. The bridge was closed in March for repairs, which cost 2.4 million "
    "crowns. Traffic went over the weir instead.\n\n"
    "The schools have new pipes. The water is good in every village.\n";

std::string textOf(const Document &document, const Source &source) {
    return std::string(document.span(source.start, source.end));
}

TEST(Ask, FindsADeclarationWithoutAComment) {
    Document code = document::importBytes("#include <vector>\n\n"
                                          "int computeWidgetTotal(int first, int second) {\n"
                                          "    return first + second;\n}\n\n"
                                          "int other(int first) {\n    return first;\n}\n",
                                          "c.cpp");
    Answer answer = Asker(code, {}, nullptr).ask("Where is computeWidgetTotal?");
    EXPECT_TRUE(answer.found);
    ASSERT_FALSE(answer.sentences.empty());
    EXPECT_TRUE(answer.sentences[0].text.contains("int computeWidgetTotal(int first"))
        << answer.sentences[0].text;
    ASSERT_FALSE(answer.sentences[0].sources.empty());
    EXPECT_EQ(document::placeOf(code, answer.sentences[0].sources[0].start),
              "int computeWidgetTotal(int first, int second)");
}

TEST(Ask, QuotesTheBestSentenceWithItsNeighbours) {
    Document document = plain(kTown);
    Answer answer = Asker(document, {}, nullptr).ask("When was the bridge closed for repairs?");
    EXPECT_TRUE(answer.found);
    EXPECT_FALSE(answer.written);
    ASSERT_EQ(answer.sentences.size(), 3u);
    EXPECT_EQ(answer.sentences[0].text, "The council met on Monday.");
    EXPECT_TRUE(answer.sentences[1].text.starts_with("The bridge was closed in March"));
    EXPECT_EQ(answer.text, "The council met on Monday. The bridge was closed in March for repairs, "
                           "which cost 2.4 million crowns. Traffic went over the weir instead.");
    for (const SourcedSentence &sentence : answer.sentences) {
        EXPECT_TRUE(sentence.quoted && sentence.supported);
        ASSERT_EQ(sentence.sources.size(), 1u);
        EXPECT_EQ(textOf(document, sentence.sources[0]), sentence.text);
    }
    EXPECT_NEAR(answer.confidence, 1, 1e-9);
    ASSERT_FALSE(answer.sources.empty());
    EXPECT_TRUE(textOf(document, answer.sources[0]).contains("closed in March"));
    EXPECT_EQ(answer.strategy, AskStrategy::retrieve);
    EXPECT_EQ(answer.reason, "no model is used: the best sentence is quoted");
}

TEST(Ask, AWordInANeighbourCountsLess) {
    Document document = plain("Zebras graze here. Otters swim there.\n\nNothing else is known.");
    QuestionIndex index(document);
    ASSERT_EQ(index.pieces().size(), 3u);
    auto shares = index.shares("zebras otters");
    EXPECT_NEAR(shares[0], 0.7, 1e-9); // both words have the same idf
    EXPECT_NEAR(shares[1], 0.7, 1e-9);
    EXPECT_NEAR(shares[2], 0.2, 1e-9);
    for (double share : index.shares("is it?"))
        EXPECT_EQ(share, 0);
    EXPECT_NEAR(index.shares("zebras unicorns")[0],
                std::log(4 / 1.5) / (std::log(4 / 1.5) + std::log(4 / 0.5)), 1e-9);
}

TEST(Ask, SaysPlainlyThatNothingWasFound) {
    Document document = plain(kTown);
    StubModel small;
    small.own.parameters = 135'000'000;
    for (bool write : {false, true}) {
        AskOptions options;
        options.write = write;
        Answer answer = Asker(document, options, &small)
                            .ask("Which zoo lends elephants to a circus in Monday?");
        EXPECT_FALSE(answer.found);
        EXPECT_TRUE(answer.text.starts_with("Not found")) << answer.text;
        EXPECT_TRUE(answer.sentences.empty());
        EXPECT_FALSE(answer.sources.empty()) << "the closest places are shown";
        EXPECT_LT(answer.confidence, kAnswerFloor);
    }
    EXPECT_TRUE(small.requests.empty()) << "a small model answers whatever it is asked";
    Answer nothing = Asker(document, {}, nullptr).ask("Qqq?");
    EXPECT_EQ(nothing.text, "Not found: no sentence has a word of the question.");
    EXPECT_TRUE(nothing.sources.empty());
    EXPECT_FALSE(Asker(document, {}, nullptr).ask("").found);
}

TEST(Ask, WrittenSentencesSayWhereTheModelLooked) {
    Document document = plain(kTown);
    for (AskStrategy strategy : {AskStrategy::whole, AskStrategy::retrieve}) {
        SCOPED_TRACE(nameOf(strategy));
        StubModel model;
        AskOptions options;
        options.strategy = strategy;
        Answer answer =
            Asker(document, options, &model).ask("When was the bridge closed for repairs?");
        ASSERT_EQ(answer.sentences.size(), 1u);
        // The parts are the document's, wherever they stand in the prompt.
        const AttendedRequest &asked = model.last_attended;
        EXPECT_TRUE(model.requests.at(0).messages.back().content.contains(asked.text));
        ASSERT_GE(asked.parts.size(), 2u);
        for (document::Span part : asked.parts)
            EXPECT_TRUE(
                document.text.contains(asked.text.substr(part.start, part.end - part.start)));
        EXPECT_EQ(asked.sentences, std::vector<std::string>{answer.sentences[0].text});
        const std::vector<Source> &attended = answer.sentences[0].attended;
        ASSERT_EQ(attended.size(), 2u);
        EXPECT_TRUE(textOf(document, attended[0]).starts_with("The bridge was closed in March"));
        EXPECT_EQ(attended[0].score, 0.5);
        EXPECT_EQ(textOf(document, attended[1]), "It has one bridge and two mills.");
    }
}

TEST(Ask, ChoosesTheStrategyAndSaysWhy) {
    Document document = plain(kTown);
    StubModel model;
    const char *question = "When was the bridge closed?";
    Answer whole = Asker(document, {}, &model).ask(question);
    EXPECT_EQ(whole.strategy, AskStrategy::whole);
    EXPECT_TRUE(holds(whole.reason, "the window has 4096")) << whole.reason;
    ASSERT_EQ(model.requests.size(), 1u);
    EXPECT_EQ(model.requests[0].messages[0].content, "You read documents faithfully.");
    EXPECT_TRUE(
        model.requests[0].messages[1].content.starts_with("Text:\n" + document.text + "\n\n"));
    EXPECT_EQ(model.requests[0].options.sampling.temperature, 0);

    model.own.window_tokens = 60;
    AskOptions options;
    options.most_tokens = 10;
    options.places = 1;
    Answer retrieved = Asker(document, options, &model).ask(question);
    EXPECT_EQ(retrieved.strategy, AskStrategy::retrieve);
    EXPECT_TRUE(holds(retrieved.reason, "the window has 60")) << retrieved.reason;

    model.own.parameters = 135'000'000;
    Answer quoted = Asker(document, {}, &model).ask(question);
    EXPECT_EQ(quoted.strategy, AskStrategy::retrieve);
    EXPECT_FALSE(quoted.written);
    EXPECT_EQ(
        quoted.reason,
        "the model has 135 million parameters: below 1000 million the best sentence is quoted");
}

TEST(Ask, WholeThatDoesNotFitIsRefusedWithNumbers) {
    Document document = plain(kTown);
    StubModel model;
    model.own.window_tokens = 50;
    AskOptions options;
    options.strategy = AskStrategy::whole;
    std::string message = errorOf(
        ErrorKind::usage, [&] { Asker(document, options, &model).ask("When was it closed?"); });
    EXPECT_TRUE(holds(message, "the window has 50")) << message;
    options.write = false; // to quote nothing needs to fit
    Answer answer = Asker(document, options, &model).ask("When was the bridge closed?");
    EXPECT_TRUE(answer.found);
    EXPECT_EQ(answer.strategy, AskStrategy::whole);
    EXPECT_TRUE(textOf(document, answer.sources.at(0)).contains("closed in March"));
}

TEST(Ask, WritingNeedsAModel) {
    Document document = plain(kTown);
    AskOptions options;
    options.write = true;
    errorOf(ErrorKind::usage, [&] { Asker(document, options, nullptr); });
}

TEST(Ask, ChecksEverySentenceOfTheModel) {
    Document document = plain(kTown);
    StubModel model;
    model.reply = "The bridge was closed in March for repairs. The mayor of Paris paid 90 dollars "
                  "for it himself.";
    std::vector<bool> told;
    Answer answer = Asker(document, {}, &model)
                        .ask("When was the bridge closed?", [&](const SourcedSentence &sentence) {
                            told.push_back(sentence.supported);
                        });
    EXPECT_TRUE(answer.found && answer.written);
    ASSERT_EQ(answer.sentences.size(), 2u);
    EXPECT_TRUE(answer.sentences[0].supported);
    EXPECT_FALSE(answer.sentences[0].quoted);
    EXPECT_TRUE(textOf(document, answer.sentences[0].sources.at(0)).contains("closed in March"));
    EXPECT_FALSE(answer.sentences[1].supported);
    EXPECT_EQ(told, (std::vector<bool>{true, false}));
    EXPECT_NEAR(answer.confidence, 0.5, 1e-9);
    EXPECT_EQ(answer.calls, 1u);
    EXPECT_GT(answer.prompt_tokens, 0u);
    EXPECT_FALSE(answer.sources.empty());
}

TEST(Ask, TheModelMayFindNothing) {
    Document document = plain(kTown);
    StubModel model;
    model.reply = "Not found. The bridge is old.";
    Answer answer = Asker(document, {}, &model).ask("Who built the bridge?");
    EXPECT_FALSE(answer.found);
    EXPECT_TRUE(answer.sentences.empty());
    EXPECT_TRUE(answer.text.starts_with("Not found"));
    EXPECT_EQ(answer.confidence, 0);
}

TEST(Ask, ReadsAsManyPassagesAsFit) {
    std::string text;
    for (int i = 0; i < 8; ++i)
        text += "Bridge number " + std::to_string(i) + " was closed" + [] {
            std::string filler;
            for (int word = 0; word < 110; ++word)
                filler += " word";
            return filler;
        }() + " in spring.\n\n";
    Document document = plain(text);
    StubModel model;
    model.own.window_tokens = 420;
    AskOptions options;
    options.most_tokens = 20;
    Answer answer = Asker(document, options, &model).ask("Which bridge was closed?");
    EXPECT_EQ(answer.strategy, AskStrategy::retrieve);
    EXPECT_EQ(answer.sources.size(), 5u);
    EXPECT_TRUE(holds(answer.reason, "of 5 passages fit the window of 420 tokens"))
        << answer.reason;
    ASSERT_EQ(model.requests.size(), 1u);
    EXPECT_LE(model.countPrompt(model.requests[0].messages) + 20, 420u);
}

TEST(Ask, AStopKeepsWhatWasWritten) {
    Document document = plain(kTown);
    StubModel model;
    model.reply = "The bridge was closed in March for repairs. It opened again. And so on it went.";
    std::stop_source stop;
    Answer answer =
        Asker(document, {}, &model)
            .ask(
                "When was the bridge closed?",
                [&](const SourcedSentence &) { stop.request_stop(); }, {}, stop.get_token());
    EXPECT_TRUE(answer.stopped);
    ASSERT_FALSE(answer.sentences.empty());
    EXPECT_EQ(answer.sentences[0].text, "The bridge was closed in March for repairs.");
}

// The measure: the right place is among the sources shown.
TEST(Ask, FindsPlantedFactsAndRefusesWhatIsNotThere) {
    auto planted = testing::makePlantedDocument(LONGSCOPE_TEST_DATA);
    AskOptions options;
    options.strategy = AskStrategy::retrieve;
    Asker asker(planted.document, options, nullptr);
    size_t among = 0, quoted = 0;
    for (const testing::PlantedFact &fact : planted.facts) {
        Answer answer = asker.ask(fact.question(testing::Wording::close));
        among += std::ranges::any_of(answer.sources, [&](const Source &source) {
            return source.start <= fact.start && source.end >= fact.end;
        });
        quoted += answer.found && answer.text.contains(fact.fact);
    }
    RecordProperty("quoted", std::to_string(quoted));
    EXPECT_GE(among, 18u);
    EXPECT_GE(quoted, 16u);
    for (const std::string &question : testing::unanswerableQuestions()) {
        Answer answer = asker.ask(question);
        EXPECT_FALSE(answer.found) << question << " -> " << answer.text;
    }
}

} // namespace
} // namespace longscope::reading
