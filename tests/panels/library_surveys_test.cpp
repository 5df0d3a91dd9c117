// Questions to several documents in the library panel, and which label fits them.
#include "tests/panels/lab_stage.h"

#include "ui/panels/library.h"

#include <gtest/gtest.h>

namespace longscope::tests {
namespace {

using namespace ui;
using Stage = LabStage<LibraryPanel>;
using State = SurveyRow::State;

std::shared_ptr<LibraryList> makeList(size_t count = 3) {
    auto list = std::make_shared<LibraryList>();
    for (uint64_t id = 1; id <= count; ++id)
        list->documents.push_back({.id = id,
                                   .title = "Report " + std::to_string(id),
                                   .path = "/texts/report.md",
                                   .format = "Markdown",
                                   .added_unix_s = 1'790'000'000,
                                   .text_bytes = 8000,
                                   .tokens = id == 2 ? 0U : 1500U}); // one was not counted yet
    list->most_reading_bytes = 8'000'000'000;
    return list;
}

std::shared_ptr<Survey> makeAnswers() {
    auto survey = std::make_shared<Survey>();
    survey->id = 4;
    survey->question = "Who paid for the new weir?";
    survey->note = "Quoted, because Harbour 135M is too small to be believed.";
    SurveyRow answer{.document = 7,
                     .title = "Report on the harbour of Vestrand",
                     .state = State::done,
                     .text = "The miller paid for the new weir, in three parts | over four years.",
                     .found = true};
    answer.places = {{520, 580, "page 2, Buildings, paragraph 1", "", 0.8},
                     {581, 620, "page 2, Buildings, paragraph 1", "", 0.4}};
    SurveyRow none{.document = 9, .title = "The mill", .state = State::done, .text = "Not found"};
    none.places = {{40, 90, "The mill, paragraph 3", "", 0.2}};
    SurveyRow failed{.document = 11,
                     .title = "A title that is so long that it can not be shown in one line",
                     .state = State::failed,
                     .text = "it is no longer in the library"};
    survey->rows = {answer, none, failed, {.document = 12, .title = "Minutes"}};
    return survey;
}

std::shared_ptr<Survey> makeLabels() {
    auto survey = std::make_shared<Survey>();
    survey->id = 5;
    survey->labels = {"sport", "a label of several words", "law"};
    SurveyRow row{
        .document = 7, .title = "Report on the harbour", .state = State::done, .found = true};
    row.probabilities = {0.02, 0.9, 0.08};
    row.sections = 12;
    row.places = {{100, 200, "page 2, Buildings, paragraph 1", "The north pier is", 0.97}};
    SurveyRow whole = row;
    whole.title = "A short note";
    whole.sections = 1;
    whole.places.clear();
    survey->rows = {row, whole};
    return survey;
}

TEST(LibrarySurveys, TickedDocumentsAreAsked) {
    Stage stage;
    stage.snapshot.library.list = makeList();
    stage.snapshot.documents = {};
    Harness harness(stage.client());
    harness.run("ask", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Library");
        ctx->ItemClick("documents/$$1/##chosen");
        ctx->ItemClick("documents/$$3/##chosen");
        EXPECT_TRUE(stage.all<command::JumpTo>().empty()); // a tick does not open it
        EXPECT_TRUE(isDisabled(ctx, "Ask 2 documents###start"));
        EXPECT_NE(stage.text(ctx).find("Write a question."), std::string::npos);
        ctx->ItemClick("##question");
        ctx->KeyChars("Who paid?");
        ctx->Yield(2);
        keepPicture(harness.picture(ctx, "Library"), "library_ask");
        ctx->ItemClick("Ask 2 documents###start");
        ASSERT_EQ(stage.all<command::StartSurvey>().size(), 1U);
        command::StartSurvey start = stage.all<command::StartSurvey>()[0];
        EXPECT_EQ(start.documents, (std::vector<uint64_t>{1, 3}));
        EXPECT_EQ(start.question, "Who paid?");
        EXPECT_TRUE(start.labels.empty());
        ctx->ItemClick("documents/##all");
        ctx->ItemClick("##question");
        ctx->KeyPress(ImGuiKey_Enter);
        ASSERT_EQ(stage.all<command::StartSurvey>().size(), 2U);
        EXPECT_EQ(stage.all<command::StartSurvey>()[1].documents.size(), 3U);
        EXPECT_FALSE(stage.all<command::StartSurvey>()[1].by_vectors);
        ctx->ItemClick("also by meaning");
        EXPECT_NE(stage.text(ctx).find("text is read for it: about 5,000 tokens"),
                  std::string::npos);
        ctx->ItemClick("documents/##all"); // none again: the open one is meant
        EXPECT_TRUE(isDisabled(ctx, "###start"));
        auto shown = std::make_shared<Document>();
        shown->id = 2, shown->title = "Report 2", shown->text = std::make_shared<std::string>("A");
        stage.snapshot.documents.open = {shown};
        stage.snapshot.documents.current = 2;
        ctx->Yield(2);
        ctx->ItemClick("Ask Report 2###start");
        ASSERT_EQ(stage.all<command::StartSurvey>().size(), 3U);
        EXPECT_EQ(stage.all<command::StartSurvey>()[2].documents, (std::vector<uint64_t>{2}));
        EXPECT_TRUE(stage.all<command::StartSurvey>()[2].by_vectors);
    });
}

TEST(LibrarySurveys, LabelsAreWrittenWithCommasAndTheCostIsSaid) {
    Stage stage;
    stage.snapshot.library.list = makeList();
    stage.snapshot.prompt_tokens_per_second = 100;
    Harness harness(stage.client());
    harness.run("labels", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Library");
        ctx->ItemClick("documents/##all");
        ctx->ItemClick("Which label fits");
        ctx->ItemClick("##labels");
        ctx->KeyChars("sport");
        EXPECT_TRUE(isDisabled(ctx, "###start"));
        ctx->KeyChars(", , the law,cooking ");
        const std::string text = stage.text(ctx);
        EXPECT_NE(text.find("All of the text is read: about 5,000 tokens, 50 s."),
                  std::string::npos)
            << text;
        ctx->ItemClick("###start");
        ASSERT_EQ(stage.all<command::StartSurvey>().size(), 1U);
        EXPECT_EQ(stage.all<command::StartSurvey>()[0].labels,
                  (std::vector<std::string>{"sport", "the law", "cooking"}));
        EXPECT_EQ(stage.all<command::StartSurvey>()[0].question, "");
    });
}

TEST(LibrarySurveys, AnswersLeadToTheirPlaces) {
    Stage stage;
    int shown = 0;
    stage.panel.show_document = [&] { ++shown; };
    stage.snapshot.library.list = makeList();
    stage.snapshot.library.surveys = {makeAnswers()};
    Harness harness(stage.client());
    harness.run("places", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Library");
        const std::string text = stage.text(ctx);
        for (const char *part :
             {"Found in 1 of 2 documents.", "1 document could not be read.",
              "Stopped: 1 document left.", "it is no longer in the library", "Not found",
              "The miller paid for the new weir", "too small to be believed"})
            EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
        keepPicture(harness.picture(ctx, "Library"), "library_answers");
        ctx->ItemClick("**/page 2, Buildings, paragraph 1##place0");
        ASSERT_EQ(stage.all<command::JumpTo>().size(), 1U);
        EXPECT_EQ(stage.all<command::JumpTo>()[0].document, 7U);
        EXPECT_EQ(stage.all<command::JumpTo>()[0].byte, 520U);
        ASSERT_EQ(stage.all<command::MarkDocument>().size(), 1U);
        EXPECT_EQ(stage.all<command::MarkDocument>()[0].marks.size(), 2U);
        EXPECT_EQ(shown, 1);
        ctx->ItemClick("**/The mill, paragraph 3##place0"); // the closest one of what was not found
        EXPECT_EQ(stage.all<command::JumpTo>().back().document, 9U);
        ctx->ItemClick("**/Go on");
        ASSERT_EQ(stage.all<command::GoOnSurvey>().size(), 1U);
        EXPECT_EQ(stage.all<command::GoOnSurvey>()[0].survey, 4U);
        ctx->ItemClick("**/Copy");
        const std::string copied = ImGui::GetClipboardText();
        EXPECT_NE(copied.find("| The miller paid for the new weir, in three parts / over four"),
                  std::string::npos)
            << copied;
        EXPECT_NE(copied.find("| The mill | Not found |  |"), std::string::npos) << copied;
        stage.size = {420, 700};
        ctx->Yield(3);
        keepPicture(harness.picture(ctx, "Library"), "library_answers_narrow");
        ctx->ItemClick("4/Remove");
        ASSERT_EQ(stage.all<command::RemoveSurvey>().size(), 1U);
    });
}

TEST(LibrarySurveys, LabelsAreBarsWithTheSectionsThatDecided) {
    Stage stage;
    stage.snapshot.library.list = makeList();
    stage.snapshot.library.surveys = {makeLabels(), makeAnswers()};
    Harness harness(stage.client());
    harness.run("bars", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Library");
        const std::string text = stage.text(ctx);
        for (const char *part :
             {"Decided by, of 12 sections:", "90 %", "Read whole.", "The north pier is"})
            EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
        EXPECT_EQ(text.find("The miller paid"), std::string::npos); // older ones are closed
        keepPicture(harness.picture(ctx, "Library"), "library_labels");
        ctx->ItemClick("**/page 2, Buildings, paragraph 1##place0");
        ASSERT_EQ(stage.all<command::JumpTo>().size(), 1U);
        EXPECT_EQ(stage.all<command::JumpTo>()[0].byte, 100U);
        EXPECT_EQ(stage.all<command::MarkDocument>().at(0).marks.at(0).note,
                  "a label of several words 97 %");
    });
    EXPECT_NE(surveyText(*makeLabels()).find("| a label of several words 90 %, law 8"),
              std::string::npos);
}

TEST(LibrarySurveys, WhatRunsShowsHowFarItIsAndStops) {
    Stage stage;
    stage.snapshot.library.list = makeList(40); // more than there is room for
    auto survey = makeAnswers();
    survey->growing = true;
    survey->task = 21;
    stage.snapshot.library.surveys = {survey};
    TaskView task;
    task.id = 21, task.running = true, task.rate = 245;
    task.progress = {"document 2 of 4, reading", "tokens", 1280, 9300, 5, 130};
    stage.snapshot.tasks = {task};
    Harness harness(stage.client());
    harness.run("runs", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Library");
        const std::string text = stage.text(ctx);
        EXPECT_NE(text.find("document 2 of 4, reading: 1,280 of 9,300 tokens"), std::string::npos)
            << text;
        EXPECT_EQ(text.find("Stopped"), std::string::npos);
        ctx->ItemClick("**/Stop");
        ASSERT_EQ(stage.all<command::StopTask>().size(), 1U);
        EXPECT_EQ(stage.all<command::StopTask>()[0].task, 21U);
        EXPECT_FALSE(isThere(ctx, "**/Go on"));
        keepPicture(harness.picture(ctx, "Library"), "library_survey_runs");
    });
}

} // namespace
} // namespace longscope::tests
