// The chat panel does what a person asks of it, over a made-up snapshot.
#include "tests/panels/chat_stage.h"

#include "ui/panels/chat.h"
#include "ui/panels/chat_context.h"
#include "ui/panels/chat_text.h"
#include "ui/theme.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

namespace longscope::tests {
namespace {

using namespace ui;

constexpr const char *kDraft = "**/##draft";

TEST(ChatPanel, SendsWhatWasTyped) {
    Stage stage;
    stage.snapshot.chat.draft = "";
    Harness harness(stage.client());
    harness.run("sends", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick(kDraft);
        ctx->KeyCharsAppend("How long");
        ctx->KeyPress(ImGuiMod_Shift | ImGuiKey_Enter);
        ctx->KeyChars("does it last?");
        EXPECT_TRUE(stage.all<command::Send>().empty());
        ctx->KeyPress(ImGuiKey_Enter);
        ASSERT_EQ(stage.all<command::Send>().size(), 1U);
        EXPECT_EQ(stage.all<command::Send>()[0].text, "How long\ndoes it last?");
        // The field is empty, and one can type on.
        ctx->Yield(2);
        typeAndEnter(ctx, "And the water?");
        ASSERT_EQ(stage.all<command::Send>().size(), 2U);
        EXPECT_EQ(stage.all<command::Send>()[1].text, "And the water?");
        ctx->ItemClick("**/###send"); // nothing is typed: nothing is sent
        EXPECT_EQ(stage.all<command::Send>().size(), 2U);
    });
}

TEST(ChatPanel, CountsTheDraftAfterAMomentOfQuiet) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("counts", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick(kDraft);
        ctx->KeyChars("one two three");
        ctx->Yield(30);
        ASSERT_EQ(stage.all<command::CountDraft>().size(), 1U);
        EXPECT_EQ(stage.all<command::CountDraft>()[0].text, "one two three");
        EXPECT_FALSE(stage.panel.animating());
    });
}

TEST(ChatPanel, KeepsADraftForEachConversation) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("drafts", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick(kDraft);
        ctx->KeyChars("first");
        stage.snapshot.chat.open = 2;
        ctx->Yield(2);
        ctx->ItemClick(kDraft);
        ctx->KeyChars("second");
        stage.snapshot.chat.open = 3;
        ctx->Yield(2);
        ctx->ItemClick(kDraft);
        ctx->KeyPress(ImGuiKey_End);
        ctx->KeyPress(ImGuiKey_Enter);
        ASSERT_EQ(stage.all<command::Send>().size(), 1U);
        EXPECT_EQ(stage.all<command::Send>()[0].text, "first");
    });
}

TEST(ChatPanel, StopsAndRefusesToSendWhileItWorks) {
    Stage stage;
    stage.work();
    Harness harness(stage.client());
    harness.run("stops", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/###send");
        EXPECT_EQ(stage.all<command::Stop>().size(), 1U);
        stage.snapshot.tasks[0].aside = true; // the button is for the engine
        ctx->Yield(2);
        ctx->ItemClick("**/Stop##task");
        ASSERT_EQ(stage.all<command::StopTask>().size(), 1U);
        EXPECT_EQ(stage.all<command::StopTask>()[0].task, 5U);
        stage.work();
        ctx->ItemClick(kDraft);
        typeAndEnter(ctx, "now");
        EXPECT_TRUE(stage.all<command::Send>().empty());
        ctx->KeyPress(ImGuiKey_Escape);
        EXPECT_EQ(stage.all<command::Stop>().size(), 2U);
        stage.snapshot.tasks.clear(); // what was typed is still there
        ctx->Yield(2);
        ctx->ItemClick("**/###send");
        ASSERT_EQ(stage.all<command::Send>().size(), 1U);
        EXPECT_EQ(stage.all<command::Send>()[0].text, "now");
    });
}

TEST(ChatPanel, EscapeKeepsTheDraft) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("escape", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick(kDraft);
        ctx->KeyChars("kept");
        ctx->KeyPress(ImGuiKey_Escape);
        ctx->Yield(2);
        ctx->ItemClick("**/###send");
        ASSERT_EQ(stage.all<command::Send>().size(), 1U);
        EXPECT_EQ(stage.all<command::Send>()[0].text, "kept");
    });
}

TEST(ChatPanel, DoesNotSendWhatDoesNotFitAndSaysSo) {
    Stage stage;
    stage.snapshot.chat.use.document = 9000;
    stage.snapshot.chat.ask_way = AskWay::whole;
    Harness harness(stage.client());
    harness.run("misfit", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick(kDraft);
        typeAndEnter(ctx, "too much");
        EXPECT_TRUE(stage.all<command::Send>().empty());
        stage.snapshot.chat.ask_way = AskWay::automatic; // its best passages fit
        ctx->Yield(2);
        ctx->ItemClick("**/###send");
        EXPECT_EQ(stage.all<command::Send>().size(), 1U);
    });
    const std::string text = misfitText({.document = 9000, .reply = 300, .window = 8192});
    EXPECT_NE(text.find("needs 9,300 tokens, the window is 8,192 tokens"), std::string::npos)
        << text;
    EXPECT_EQ(misfitText({.document = 9000}), "");
    const ContextUse use{.document = 9000, .history = 200, .reply = 300, .window = 8192};
    EXPECT_EQ(misfitText(use, AskWay::automatic), "");
    EXPECT_NE(fittingText(use, AskWay::automatic).find("best passages"), std::string::npos);
    const ContextUse talk{.history = 9000, .reply = 300, .window = 8192};
    EXPECT_EQ(misfitText(talk, AskWay::automatic), "");
    EXPECT_NE(fittingText(talk, AskWay::automatic).find("in short"), std::string::npos);
    EXPECT_NE(misfitText({.draft = 9000, .window = 8192}, AskWay::automatic), "");
}

TEST(ChatPanel, LargePasteBecomesADocument) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("paste", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick(kDraft);
        ImGui::SetClipboardText("a few words");
        ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_V);
        EXPECT_TRUE(stage.all<command::PasteDocument>().empty());
        ImGui::SetClipboardText(std::string(30'000, 'x').c_str());
        ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_V);
        ctx->Yield(2);
        ASSERT_EQ(stage.all<command::PasteDocument>().size(), 1U);
        EXPECT_EQ(stage.all<command::PasteDocument>()[0].text.size(), 30'000U);
        ctx->KeyPress(ImGuiKey_Enter);
        ASSERT_EQ(stage.all<command::Send>().size(), 1U);
        EXPECT_EQ(stage.all<command::Send>()[0].text, "a few words");
    });
}

TEST(ChatPanel, MessagesAreEditedSwitchedCopiedDeleted) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("messages", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/##later##42");
        ASSERT_EQ(stage.all<command::SwitchBranch>().size(), 1U);
        EXPECT_EQ(stage.all<command::SwitchBranch>()[0].message, sample::kAnswer);
        EXPECT_EQ(stage.all<command::SwitchBranch>()[0].step, 1);
        ctx->ItemClick("**/Copy##42");
        EXPECT_EQ(std::string(ImGui::GetClipboardText()), stage.snapshot.chat.messages[1]->text);
        ctx->ItemClick("**/Regenerate##42");
        EXPECT_EQ(stage.all<command::Regenerate>().size(), 1U);
        ctx->ItemClick("**/Edit##41");
        ctx->Yield(2);
        ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_A);
        ctx->KeyChars("And the water?");
        ctx->ItemClick("**/Send again##41");
        ASSERT_EQ(stage.all<command::EditMessage>().size(), 1U);
        EXPECT_EQ(stage.all<command::EditMessage>()[0].message, sample::kQuestion);
        EXPECT_EQ(stage.all<command::EditMessage>()[0].text, "And the water?");
        ctx->ItemClick("**/Edit##41"); // not in the edit any more
        ctx->ItemClick("**/Cancel##41");
        ctx->ItemClick("**/Delete##42");
        EXPECT_EQ(stage.all<command::DeleteMessage>().size(), 1U);
        EXPECT_EQ(stage.all<command::EditMessage>().size(), 1U);
    });
}

TEST(ChatPanel, RightClicksOpenTheMenuOfAMessage) {
    Stage stage;
    stage.snapshot.attention.trace = nullptr;
    stage.snapshot.chat.messages = {makeMessage(70, Role::assistant, "Plain words to click on."),
                                    makeMessage(71, Role::user, "A question.")};
    Harness harness(stage.client());
    harness.run("menus", [&](ImGuiTestContext *ctx) {
        ctx->Yield(4);
        ImGuiWindow *list = ctx->GetWindowByRef(ctx->WindowInfo("//Chat/##messages").ID);
        ASSERT_NE(list, nullptr);
        const float em = ImGui::GetFontSize();
        ctx->MouseMoveToPos({list->Pos.x + 3 * em, list->Pos.y + 2 * em}); // on the words
        ctx->MouseClick(ImGuiMouseButton_Right);
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("**/Copy message");
        EXPECT_STREQ(ImGui::GetClipboardText(), "Plain words to click on.");
        ctx->MouseMoveToPos({list->Pos.x + 20 * em, list->Pos.y + 7.2F * em}); // beside them
        ctx->MouseClick(ImGuiMouseButton_Right);
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("**/Delete this and what follows");
        ASSERT_EQ(stage.all<command::DeleteMessage>().size(), 1U);
        EXPECT_EQ(stage.all<command::DeleteMessage>()[0].message, 71U);
    });
}

TEST(ChatPanel, SourcesOfASummaryJumpIntoTheDocument) {
    Stage stage;
    stage.snapshot.chat.messages.push_back(makeSummary(*stage.snapshot.documents.shown()));
    Harness harness(stage.client());
    harness.run("sources", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/Money 2##51_1_0");
        ASSERT_EQ(stage.all<command::JumpTo>().size(), 1U);
        EXPECT_EQ(stage.all<command::JumpTo>()[0].byte, 100U);
        ASSERT_EQ(stage.all<command::MarkDocument>().size(), 1U);
        EXPECT_EQ(stage.all<command::MarkDocument>()[0].document, sample::kDocument);
        EXPECT_EQ(stage.all<command::MarkDocument>()[0].marks.at(0).kind, MarkKind::source);
        ctx->ItemClick("**/where from?##51_1");
        ASSERT_EQ(stage.all<command::TraceWords>().size(), 1U);
        const auto trace = stage.all<command::TraceWords>()[0];
        EXPECT_EQ(
            stage.snapshot.chat.messages.back()->text.substr(trace.start, trace.end - trace.start),
            "The council paid for new cranes.");
    });
    keepPicture(harness.picture(), "chat_summary");
}

TEST(ChatPanel, AsksWhereASentenceCameFrom) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("trace", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/Where from?##42");
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("**/The coal lasts for thirty days, the water for ten.##0");
        ASSERT_EQ(stage.all<command::TraceWords>().size(), 1U);
        EXPECT_EQ(stage.all<command::TraceWords>()[0].start, 0U);
        // The answer of the sample is shown below the message: its place is a link.
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/Supply 1, paragraph 1##trace0");
        ASSERT_EQ(stage.all<command::JumpTo>().size(), 1U);
        EXPECT_EQ(stage.all<command::MarkDocument>().at(0).marks.at(0).kind, MarkKind::attention);
    });
}

TEST(ChatPanel, SummarizesInTheWayThatWasChosen) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("summarize", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/##how");
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("Extract");
        ctx->ItemClick("Summarize now");
        ASSERT_EQ(stage.all<command::Summarize>().size(), 1U);
        EXPECT_EQ(stage.all<command::Summarize>()[0].strategy, command::Strategy::extract);
        EXPECT_EQ(stage.all<command::Summarize>()[0].key_sentences, 8U);
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/###with");
        ASSERT_EQ(stage.all<command::SetWithDocument>().size(), 1U);
        EXPECT_FALSE(stage.all<command::SetWithDocument>()[0].with_document);
    });
}

TEST(ChatPanel, ListsSearchesRenamesAndDeletesConversations) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("list", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick("Conversations");
        ctx->ItemClick("**/2/...");
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("Rename");
        ctx->Yield(2);
        ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_A);
        typeAndEnter(ctx, "Newer");
        ASSERT_EQ(stage.all<command::RenameConversation>().size(), 1U);
        EXPECT_EQ(stage.all<command::RenameConversation>()[0].title, "Newer");
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/2/...");
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("Delete");
        ASSERT_EQ(stage.all<command::DeleteConversation>().size(), 1U);
        EXPECT_EQ(stage.all<command::DeleteConversation>()[0].conversation, 2U);
        ctx->SetRef("//Chat");
        ctx->ItemClick("**/##search");
        ctx->KeyChars("OLD");
        ctx->Yield(2);
        EXPECT_FALSE(ctx->ItemExists("**/3/##open"));
        ASSERT_FALSE(stage.all<command::FindConversations>().empty()); // in the messages, too
        EXPECT_EQ(stage.all<command::FindConversations>().back().words, "OLD");
        ctx->ItemClick("**/2/##open");
        ASSERT_EQ(stage.all<command::OpenConversation>().size(), 1U);
        EXPECT_EQ(stage.all<command::OpenConversation>()[0].conversation, 2U);
    });
}

TEST(ChatPanel, PresetsAndSamplingAreSentOnceWhenTheyAreDone) {
    Stage stage;
    Harness harness(stage.client());
    harness.run("options", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick("Prompt");
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("Precise");
        ctx->Yield(2);
        ASSERT_EQ(stage.all<command::SetSampling>().size(), 1U);
        EXPECT_FLOAT_EQ(stage.all<command::SetSampling>()[0].sampling.temperature, 0.2F);
        ctx->ComboClick("##preset/Brief");
        ctx->Yield(2);
        ASSERT_EQ(stage.all<command::SetSystemPrompt>().size(), 1U);
        EXPECT_NE(stage.all<command::SetSystemPrompt>()[0].text.find("three short sentences"),
                  std::string::npos);
    });
}

TEST(ChatPanel, ExportsToTheChosenPath) {
    Stage stage;
    std::string suggested;
    stage.panel.choose_save_path = [&](auto chosen, const char *name) {
        suggested = name;
        chosen("/tmp/chat.html");
    };
    Harness harness(stage.client());
    harness.run("export", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Chat");
        ctx->ItemClick("Export");
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("Save as HTML...");
        ctx->Yield(2);
        ASSERT_EQ(stage.all<command::ExportConversation>().size(), 1U);
        EXPECT_EQ(stage.all<command::ExportConversation>()[0].path, "/tmp/chat.html");
        EXPECT_EQ(stage.all<command::ExportConversation>()[0].format, command::ExportFormat::html);
        EXPECT_EQ(suggested, "Coal-and-water.html");
        ctx->SetRef("//Chat");
        ctx->ItemClick("Export");
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("Copy conversation");
        EXPECT_NE(std::string(ImGui::GetClipboardText()).find("thirty days"), std::string::npos);
    });
}

TEST(ChatPanel, FollowsWhatGrowsUntilOneScrollsUp) {
    Stage stage;
    auto text = std::make_shared<std::string>();
    auto grow = [&](int lines) {
        for (int i = 0; i < lines; i++)
            *text += "A line of the answer that grows.\n\n";
        auto message = makeMessage(60, Role::assistant, *text);
        message->growing = true;
        stage.snapshot.chat.messages = {message};
    };
    grow(60);
    Harness harness(stage.client());
    harness.run("follows", [&](ImGuiTestContext *ctx) {
        ctx->Yield(6);
        ImGuiWindow *list = ctx->GetWindowByRef(ctx->WindowInfo("//Chat/##messages").ID);
        ASSERT_NE(list, nullptr);
        EXPECT_GT(list->ScrollMax.y, 100);
        EXPECT_NEAR(list->Scroll.y, list->ScrollMax.y, 2);
        grow(20);
        ctx->Yield(4);
        EXPECT_NEAR(list->Scroll.y, list->ScrollMax.y, 2);
        ctx->SetRef("//Chat");
        ctx->MouseMoveToPos({list->Pos.x + 100, list->Pos.y + 100});
        ctx->MouseWheelY(5);
        ctx->Yield(4);
        const float scroll = list->Scroll.y;
        EXPECT_LT(scroll, list->ScrollMax.y - 20);
        grow(20);
        ctx->Yield(4);
        EXPECT_NEAR(list->Scroll.y, scroll, 1);
        ctx->ItemClick("**/Jump to newest");
        ctx->Yield(4);
        EXPECT_NEAR(list->Scroll.y, list->ScrollMax.y, 2);
    });
}

double percentile(std::vector<double> values, double share) {
    std::sort(values.begin(), values.end());
    return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

TEST(ChatPanel, LongConversationsStayCheap) {
    Stage stage;
    stage.snapshot.attention.trace = nullptr;
    stage.snapshot.chat.messages.clear();
    std::string block =
        "Some **bold** words, `code`, and a list:\n\n- one\n- two\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```c\nint main(void) { return 0; }\n```\n\n";
    for (uint64_t i = 0; i < 200; i++) {
        const bool user = i % 2 == 0;
        std::string text = user ? "A question of a few words?" : block + block + block;
        if (i == 199) // 130 KB
            while (text.size() < 130'000)
                text += block;
        stage.snapshot.chat.messages.push_back(
            makeMessage(1000 + i, user ? Role::user : Role::assistant, std::move(text)));
    }
    Harness harness(stage.client());
    harness.frames(100);
    ASSERT_FALSE(stage.panel.animating());
    const double worst = percentile(stage.milliseconds, 1);
    stage.milliseconds.clear();
    harness.frames(200);
    const double still = percentile(stage.milliseconds, 0.5),
                 p99 = percentile(stage.milliseconds, 0.99);
    // A token more in each frame.
    stage.milliseconds.clear();
    for (int i = 0; i < 200; i++) {
        auto grown = std::make_shared<Message>(*stage.snapshot.chat.messages.back());
        grown->text += " word";
        grown->growing = true;
        stage.snapshot.chat.messages.back() = grown;
        harness.frames(1);
    }
    const double growing = percentile(stage.milliseconds, 0.5);
    const double growing99 = percentile(stage.milliseconds, 0.99);
    std::printf(
        "chat, 200 messages, the last of 130 KB: still %.2f ms (99th percentile %.2f), growing "
        "%.2f ms (%.2f), first frames at most %.1f ms\n",
        still, p99, growing, growing99, worst);
    EXPECT_LT(p99, 20); // the machine of a test may be busy; the aim is a few
    EXPECT_LT(growing, 20);
}

} // namespace
} // namespace longscope::tests
