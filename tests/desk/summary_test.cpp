// Summaries: quotes of small models, sources, what does not fit, what is stopped.
#include "tests/desk/chat_fixture.h"
#include "tests/support/default_model.h"

#include <algorithm>
#include <thread>

namespace longscope::app {
namespace {

using Clock = std::chrono::steady_clock;

class SummaryTest : public ChatTest {};

TEST_F(SummaryTest, ASmallModelIsNotAskedUnlessTheUserWantsIt) {
    useTinyModel(512);
    start();
    push(command::OpenSample{});
    waitFor([](const ui::Snapshot &now) { return now.documents.current != 0; });
    push(command::Summarize{command::Strategy::automatic, 120, 4});
    auto picture = waitGrown(2);
    EXPECT_EQ(picture->chat.messages[0]->text, "Summarize What a long context costs (120 words)");
    EXPECT_TRUE(last(picture).note.starts_with("Quotes only, because ")) << last(picture).note;
    EXPECT_NE(last(picture).note.find("million parameters"), std::string::npos);
    EXPECT_EQ(last(picture).prompt_tokens, 0u);
    ASSERT_EQ(last(picture).sentences.size(), 4u);
    auto document = picture->documents.shown();
    for (const ui::CheckedSentence &sentence : last(picture).sentences) {
        EXPECT_TRUE(sentence.quoted);
        ASSERT_EQ(sentence.sources.size(), 1u);
        const ui::Source &source = sentence.sources[0];
        EXPECT_NE(source.place.find("paragraph"), std::string::npos) << source.place;
        EXPECT_LT(source.start, source.end);
        EXPECT_LE(source.end, document->text->size());
        EXPECT_NE(last(picture).text.find(sentence.text.substr(0, 12)), std::string::npos);
    }
    push(command::Summarize{command::Strategy::whole, 120, 4});
    picture = waitGrown(4);
    EXPECT_NE(last(picture).note.find("the window has 512"), std::string::npos)
        << last(picture).note;
}

TEST_F(SummaryTest, AStopWhileReadingTakesEffectAtOnce) {
    useTinyModel(16384);
    start();
    push(command::OpenSample{});
    waitFor([](const ui::Snapshot &now) { return now.documents.current != 0; });
    push(command::Summarize{command::Strategy::whole, 120, 4});
    waitFor([](const ui::Snapshot &now) {
        return !now.tasks.empty() && now.tasks[0].progress.label.starts_with("reading") &&
               now.tasks[0].progress.done > 0;
    });
    auto before = Clock::now();
    push(command::Stop{});
    auto picture = waitFor([](const ui::Snapshot &now) {
        return now.chat.messages.size() == 2 && !now.chat.messages[1]->growing;
    });
    EXPECT_LT(Clock::now() - before, 200ms);
    EXPECT_TRUE(last(picture).sentences.empty());
    EXPECT_NE(last(picture).note.find("stopped"), std::string::npos) << last(picture).note;
}

TEST_F(SummaryTest, QuotesNeedNoModelAndSurviveARestart) {
    start();
    push(command::OpenSample{});
    waitFor([](const ui::Snapshot &now) { return now.documents.current != 0; });
    push(command::Summarize{command::Strategy::extract, 120, 3});
    auto picture = waitGrown(2);
    ASSERT_EQ(last(picture).sentences.size(), 3u);
    EXPECT_EQ(last(picture).kind, ui::MessageKind::summary);
    EXPECT_EQ(last(picture).document_title, "What a long context costs");
    EXPECT_EQ(picture->model, nullptr);
    auto before = last(picture);
    start();
    ASSERT_EQ(now()->chat.messages.size(), 2u);
    ui::Message after = last(now());
    EXPECT_EQ(after.text, before.text);
    ASSERT_EQ(after.sentences.size(), 3u);
    EXPECT_EQ(after.sentences[1].sources[0].start, before.sentences[1].sources[0].start);
    EXPECT_EQ(after.sentences[1].sources[0].place, before.sentences[1].sources[0].place);
    push(command::Regenerate{after.id}); // the request is known, too
    picture = waitFor([](const ui::Snapshot &now) {
        return now.tasks.empty() && now.chat.messages.back()->branches == 2;
    });
    EXPECT_EQ(last(picture).text, before.text);
}

TEST_F(SummaryTest, SentencesOfASummaryHaveSources) {
    useModel(testing::findDefaultModel());
    ASSERT_FALSE(model_.empty()) << testing::kNoDefaultModel;
    start();
    push(command::OpenDocument{std::string(LONGSCOPE_TEST_DATA) + "/harbour.md"});
    waitFor([](const ui::Snapshot &now) { return now.documents.current != 0; });
    push(command::Summarize{command::Strategy::whole, 40, 3});
    auto picture = waitFor(
        [](const ui::Snapshot &now) {
            return now.chat.messages.size() == 2 && now.tasks.empty() &&
                   !now.chat.messages.back()->growing;
        },
        300s);
    const ui::Message &summary = last(picture);
    EXPECT_TRUE(summary.text.starts_with("**Written by")) << summary.text;
    EXPECT_TRUE(summary.note.starts_with("Written in one go")) << summary.note;
    ASSERT_FALSE(summary.sentences.empty());
    const std::string &text = *picture->documents.shown()->text;
    for (const ui::CheckedSentence &sentence : summary.sentences)
        for (const ui::Source &source : sentence.sources) {
            EXPECT_LE(source.end, text.size());
            EXPECT_FALSE(source.place.empty());
        }
    EXPECT_GT(summary.prompt_tokens, 100u);
    ASSERT_TRUE(picture->attention.timeline);
    EXPECT_EQ(picture->attention.timeline->document, picture->documents.current);
    EXPECT_FALSE(picture->attention.timeline->document_bytes.empty());
    auto written = std::ranges::find(picture->attention.timeline->parts, ui::PartKind::assistant,
                                     &ui::Timeline::Part::kind);
    ASSERT_NE(written, picture->attention.timeline->parts.end());
    EXPECT_EQ(written->message, summary.id);

    // A question over it.
    push(command::SetWithDocument{true});
    push(command::SetSampling{{.temperature = 0, .reply_tokens = 24}});
    push(command::Send{"What is the text about?"});
    picture = waitFor(
        [](const ui::Snapshot &now) {
            return now.chat.messages.size() == 4 && now.tasks.empty() &&
                   !now.chat.messages[3]->growing;
        },
        300s);
    EXPECT_EQ(last(picture).kind, ui::MessageKind::answer);
    ASSERT_FALSE(last(picture).sentences.empty());
    EXPECT_FALSE(last(picture).sentences[0].sources.empty()) << last(picture).text;
}

} // namespace
} // namespace longscope::app
