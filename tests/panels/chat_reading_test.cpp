// What the chat shows of reading: passages, ways of asking, turns sent in short, turns found.
#include "tests/panels/chat_stage.h"

#include <gtest/gtest.h>

#include <format>

namespace longscope::tests {
namespace {

using namespace ui;

std::shared_ptr<Message> makeQuotedAnswer(const Document &document) {
    auto answer = makeMessage(61, Role::assistant,
                              "**Quoted from the document**\n\n> The harbour keeps coal for thirty "
                              "days.");
    answer->kind = MessageKind::answer;
    answer->document = document.id;
    answer->document_title = document.title;
    answer->sentences = {{"The harbour keeps coal for thirty days.",
                          true,
                          true,
                          {{10, 60, 0.9F, "page 3, Supply 1, paragraph 1"}}}};
    answer->passages = {{10, 200, 0.9F, "page 3, Supply 1"},
                        {400, 500, 0.4F, "page 5, Money 2"},
                        {700, 800, 0.3F, "page 9, Night"}};
    answer->note =
        "Only the best passages were looked at, because text and question need more than 8,192 "
        "tokens and the window of 8,192 has room for 7,680 beside the reply.";
    return answer;
}

TEST(ChatReading, PassagesOfAnAnswerAreLinksThatMarkThemAll) {
    Stage stage;
    stage.snapshot.chat.messages.push_back(makeQuotedAnswer(*stage.snapshot.documents.shown()));
    Harness harness(stage.client());
    harness.run("passages", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/page 5, Money 2##passage61_1");
        ASSERT_EQ(stage.all<command::JumpTo>().size(), 1U);
        EXPECT_EQ(stage.all<command::JumpTo>()[0].byte, 400U);
        ASSERT_EQ(stage.all<command::MarkDocument>().size(), 1U);
        EXPECT_EQ(stage.all<command::MarkDocument>()[0].marks.size(), 3U);
        ctx->ItemClick("**/page 3, Supply 1, paragraph 1##61_0_0"); // that of the sentence
        ASSERT_EQ(stage.all<command::JumpTo>().size(), 2U);
        EXPECT_EQ(stage.all<command::JumpTo>()[1].byte, 10U);
        // Nobody wrote a quote.
        EXPECT_EQ(ctx->ItemInfo("**/Where from?##61", ImGuiTestOpFlags_NoError).ID, 0U);
    });
    keepPicture(harness.picture(), "chat_passages");
}

TEST(ChatReading, NotFoundShowsTheClosestPlaces) {
    Stage stage;
    auto answer = makeQuotedAnswer(*stage.snapshot.documents.shown());
    answer->found = false;
    answer->text = "Not found: the nearest sentence has 20 % of what the question asks for, and "
                   "50 % are needed.";
    answer->sentences.clear();
    stage.snapshot.chat.messages.push_back(answer);
    Harness harness(stage.client());
    harness.run("not found", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/page 9, Night##passage61_2");
        ASSERT_EQ(stage.all<command::MarkDocument>().size(), 1U);
        EXPECT_EQ(stage.all<command::MarkDocument>()[0].marks[0].note, "One of the closest places");
    });
    keepPicture(harness.picture(), "chat_not_found");
}

TEST(ChatReading, TheWayOfAskingIsChosen) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("ways", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/##ask");
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("Best passages");
        ASSERT_EQ(stage.all<command::SetAskWay>().size(), 1U);
        EXPECT_EQ(stage.all<command::SetAskWay>()[0].way, AskWay::passages);
        keepPicture(harness.picture(ctx), "chat_ask_ways");
        ctx->ItemClick("Passages by meaning, too");
        ASSERT_EQ(stage.all<command::SetByVectors>().size(), 1U);
        EXPECT_TRUE(stage.all<command::SetByVectors>()[0].by_vectors);
    });
}

TEST(ChatReading, TurnsInShortAreShownAndTakenBack) {
    Stage stage;
    auto compacted = std::make_shared<Compacted>();
    compacted->turns = 6;
    compacted->sentences = {{1, Role::user, "My house number 11 stands in Street 1."},
                            {4, Role::assistant, "The mill grinds rye."}};
    auto question = makeMessage(80, Role::user, "Where is my house?");
    question->compacted = compacted;
    stage.snapshot.chat.messages.push_back(question);
    Harness harness(stage.client());
    harness.run("short", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->Yield(4);
        keepPicture(harness.picture(ctx), "chat_in_short");
        ctx->ItemClick("**/Undo");
        ASSERT_EQ(stage.all<command::SetCompacted>().size(), 1U);
        EXPECT_EQ(stage.all<command::SetCompacted>()[0].message, 80U);
        EXPECT_FALSE(stage.all<command::SetCompacted>()[0].in_short);
        auto whole = std::make_shared<Compacted>(*compacted);
        whole->in_short = false;
        auto changed = std::make_shared<Message>(*question);
        changed->compacted = whole;
        stage.snapshot.chat.messages.back() = changed;
        ctx->Yield(4);
        ctx->ItemClick("**/Send them in short");
        EXPECT_TRUE(stage.all<command::SetCompacted>().back().in_short);
    });
}

TEST(ChatReading, FoundTurnsAreGoneTo) {
    Stage stage;
    stage.snapshot.chat.messages.clear();
    for (uint64_t i = 0; i < 40; ++i)
        stage.snapshot.chat.messages.push_back(
            makeMessage(100 + i, i % 2 ? Role::assistant : Role::user,
                        std::format("Message {} says something of its own.", i)));
    Harness harness(stage.client());
    harness.run("find", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->Yield(8);
        ctx->ItemClick("**/Find");
        ctx->Yield(2);
        ctx->KeyChars("message 3");
        ctx->Yield(2);
        ASSERT_FALSE(stage.all<command::FindTurns>().empty());
        EXPECT_EQ(stage.all<command::FindTurns>().back().words, "message 3");
        stage.snapshot.chat.found_turns_words = "message 3";
        stage.snapshot.chat.found_turns = {{103, "turn 4, assistant", "Message 3 says ## more"}};
        ctx->Yield(2);
        keepPicture(harness.picture(ctx), "chat_find");
        ImGuiWindow *list = ctx->GetWindowByRef(ctx->WindowInfo("//Chat/##messages").ID);
        ASSERT_NE(list, nullptr);
        EXPECT_GT(list->Scroll.y, 100);
        ctx->ItemClick("**/##103");
        ctx->Yield(8);
        EXPECT_LT(list->Scroll.y, list->ScrollMax.y / 2); // near the beginning
        const float there = list->Scroll.y;
        ctx->Yield(8);
        EXPECT_EQ(list->Scroll.y, there); // and it stays
        ctx->ItemClick("**/Close##find");
        ctx->Yield(2);
        EXPECT_EQ(ctx->ItemInfo("**/##find", ImGuiTestOpFlags_NoError).ID, 0U);
    });
}

TEST(ChatReading, AStoppedSummaryGoesOn) {
    Stage stage;
    auto summary = makeSummary(*stage.snapshot.documents.shown());
    summary->can_go_on = true;
    stage.snapshot.chat.messages.push_back(summary);
    Harness harness(stage.client());
    harness.run("go on", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/Go on##51");
        ASSERT_EQ(stage.all<command::Regenerate>().size(), 1U);
        EXPECT_EQ(stage.all<command::Regenerate>()[0].message, 51U);
    });
}

} // namespace
} // namespace longscope::tests
