// The document panel, used as a person does: paste, read, find, select, follow marks.
#include "tests/panels/document_desk.h"

#include "ui/panels/document_facts.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <string>

namespace longscope::ui {
namespace {

using namespace document_test;
using tests::Harness;
using Clock = std::chrono::steady_clock;

void clickSection(ImGuiTestContext *ctx, int section) {
    const ImGuiID rows = ctx->WindowInfo("outline/sections").ID;
    ctx->ItemClick(ctx->GetID(("$$" + std::to_string(section) + "/##section").c_str(), rows));
}

TEST(Document, OffersWaysInWhenNoneIsOpen) {
    Desk desk;
    desk.snapshot.documents = {};
    desk.follows = false;
    int opened = 0;
    desk.panel.open_file = [&] { ++opened; };
    Harness harness({.draw = [&] { desk.draw(); }});
    harness.run("ways in", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Document");
        ctx->ItemClick("Open...");
        EXPECT_EQ(opened, 1);
        ctx->ItemClick("Sample");
        EXPECT_TRUE(desk.last<command::OpenSample>());
        ImGui::SetClipboardText("");
        const size_t before = desk.commands.size();
        ctx->ItemClick("Paste");
        EXPECT_EQ(desk.commands.size(), before);
        EXPECT_TRUE(desk.panel.animating()); // says so for a while
        ImGui::SetClipboardText("Grüße vom Hafen");
        ctx->ItemClick("Paste");
        ASSERT_TRUE(desk.last<command::PasteDocument>());
        EXPECT_EQ(desk.last<command::PasteDocument>()->text, "Grüße vom Hafen");
        ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_V);
        EXPECT_EQ(desk.commands.size(), before + 2);
    });
}

TEST(Document, PastesTenMegabytes) {
    Desk desk;
    Harness harness({.draw = [&] { desk.draw(); }});
    harness.run("paste", [&](ImGuiTestContext *ctx) {
        const std::string text = bigText(10'000'000);
        ImGui::SetClipboardText(text.c_str());
        focusText(ctx);
        const auto since = Clock::now();
        ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_V);
        EXPECT_TRUE(desk.last<command::PasteDocument>());
        EXPECT_EQ(desk.text().size(), text.size());
        EXPECT_TRUE(tests::waitFor(ctx, [&] { return desk.view().isWrapped(); }));
        std::printf("pasted and wrapped after %.0f ms\n",
                    std::chrono::duration<double, std::milli>(Clock::now() - since).count());
        ctx->KeyPress(ImGuiKey_End);
        ctx->Yield(2);
        EXPECT_EQ(desk.view().lastByteSeen(), text.size());
    });
}

TEST(Document, SwitchesAndCloses) {
    Desk desk;
    desk.snapshot.documents.open.push_back(sample::makeDocument(9, "second.txt", "Two words"));
    Harness harness({.draw = [&] { desk.draw(); }});
    harness.run("switch", [&](ImGuiTestContext *ctx) {
        focusText(ctx);
        ctx->KeyPress(ImGuiKey_PageDown);
        ctx->Yield();
        const size_t top = desk.view().topByte();
        EXPECT_GT(top, 0U);
        ctx->ItemClick("##document");
        ctx->ItemClick("//$FOCUSED/$$9/second.txt");
        EXPECT_EQ(desk.snapshot.documents.current, 9U);
        ctx->Yield();
        EXPECT_TRUE(desk.view().text() == "Two words");
        ctx->SetRef("//Document");
        ctx->ItemClick("Close");
        ctx->Yield();
        EXPECT_EQ(desk.snapshot.documents.current, sample::kDocument);
        EXPECT_EQ(desk.view().topByte(), top); // where it was left
    });
}

TEST(Document, GoesToASection) {
    Desk desk;
    desk.size.y = 420;
    Harness harness({.draw = [&] { desk.draw(); }});
    harness.run("outline", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Document");
        ctx->Yield(2);
        const Section &section = desk.snapshot.documents.shown()->outline[5];
        clickSection(ctx, 5);
        ctx->Yield(3);
        EXPECT_LE(desk.view().topByte(), section.start);
        EXPECT_EQ(desk.view().readingByte(), section.start);
        // Filtered, the only one left is another.
        const size_t letters = desk.text().find("Letters 4");
        ctx->ItemInputValue("**/##filter", "Letters");
        clickSection(ctx, 4);
        ctx->Yield(3);
        EXPECT_EQ(sectionAt(*desk.snapshot.documents.shown(), desk.view().readingByte()),
                  sectionAt(*desk.snapshot.documents.shown(), letters));
        ctx->ItemUncheck("Sections");
        EXPECT_FALSE(ctx->ItemExists("**/##filter"));
    });
}

TEST(Document, Finds) {
    Desk desk;
    Harness harness({.draw = [&] { desk.draw(); }});
    harness.run("find", [&](ImGuiTestContext *ctx) {
        focusText(ctx);
        ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_F);
        ctx->Yield(2);
        ctx->KeyChars("CRANE");
        ctx->Yield(3);
        const size_t hits = desk.panel.findBar().found().hits().size();
        EXPECT_GT(hits, 10U);
        const std::string of = " of " + std::to_string(hits);
        EXPECT_EQ(desk.panel.findBar().countText(), "1" + of);
        ctx->KeyPress(ImGuiKey_Enter);
        ctx->Yield(2);
        EXPECT_EQ(desk.panel.findBar().countText(), "2" + of);
        ctx->KeyPress(ImGuiKey_Enter);
        ctx->Yield(2);
        ctx->KeyPress(ImGuiMod_Shift | ImGuiKey_Enter);
        ctx->Yield(2);
        EXPECT_EQ(desk.panel.findBar().countText(), "2" + of);
        ctx->KeyPress(ImGuiKey_F3);
        EXPECT_EQ(desk.panel.findBar().countText(), "3" + of);
        for (int i = 0; i < 3; ++i)
            ctx->ItemClick("find bar/##previous");
        EXPECT_EQ(desk.panel.findBar().countText(), std::to_string(hits) + of);
        ctx->Yield();
        EXPECT_GT(desk.view().topByte(), desk.text().size() / 2);
        ctx->ItemClick("find bar/Aa");
        ctx->Yield(2);
        EXPECT_EQ(desk.panel.findBar().countText(), "Not found");
        ctx->ItemClick("find bar/##find");
        ctx->KeyPress(ImGuiKey_Escape);
        ctx->Yield(2);
        EXPECT_FALSE(desk.panel.findBar().isOpen());
    });
}

TEST(Document, SelectsAndCopies) {
    Desk desk;
    Harness harness({.draw = [&] { desk.draw(); }});
    harness.run("select", [&](ImGuiTestContext *ctx) {
        focusText(ctx);
        ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_A);
        ctx->KeyPress(ImGuiMod_Ctrl | ImGuiKey_C);
        EXPECT_TRUE(ImGui::GetClipboardText() == desk.text());

        ctx->MouseMoveToPos(spot(ctx, 0, 12)); // "A note": on "note"
        ctx->MouseDoubleClick();
        EXPECT_EQ(desk.view().selectedText(), "note");
        ctx->MouseClickMulti(ImGuiMouseButton_Left, 3);
        EXPECT_EQ(desk.view().selectedText(), "A note on the harbour, put together for tests.\n");

        ctx->SleepNoSkip(1, 0.1F);
        ctx->MouseMoveToPos(spot(ctx, 2, 0));
        ctx->MouseClick();
        EXPECT_EQ(desk.view().selectedText(), "");
        ctx->KeyDown(ImGuiMod_Shift);
        ctx->MouseMoveToPos(spot(ctx, 4, 0));
        ctx->MouseClick();
        ctx->KeyUp(ImGuiMod_Shift);
        EXPECT_EQ(desk.view().selectedText(), "# Supply 1\n\n");

        ctx->SleepNoSkip(1, 0.1F);
        ctx->MouseMoveToPos(spot(ctx, 0, 0));
        ctx->MouseDown();
        ctx->MouseMoveToPos(spot(ctx, 2, 2000));
        ctx->Yield(2);
        ctx->MouseUp();
        const size_t end = desk.text().find("# Supply 1") + 10;
        EXPECT_EQ(desk.view().selectedText(), desk.text().substr(0, end));

        ctx->MouseMoveToPos(spot(ctx, 0, 12));
        ctx->MouseClick(ImGuiMouseButton_Right);
        ctx->ItemClick("//$FOCUSED/Copy");
        EXPECT_EQ(ImGui::GetClipboardText(), desk.text().substr(0, end));
    });
}

TEST(Document, ScrollsWithKeysAndWheel) {
    Desk desk;
    desk.size.y = 420;
    Harness harness({.draw = [&] { desk.draw(); }});
    harness.run("scroll", [&](ImGuiTestContext *ctx) {
        focusText(ctx);
        ctx->KeyPress(ImGuiKey_DownArrow, 3);
        ctx->Yield();
        const size_t third = desk.view().topByte();
        EXPECT_GT(third, 0U);
        ctx->KeyPress(ImGuiKey_UpArrow);
        ctx->Yield();
        EXPECT_LT(desk.view().topByte(), third);
        ctx->MouseWheelY(-2);
        ctx->Yield(2);
        EXPECT_GT(desk.view().topByte(), third);
        ctx->KeyPress(ImGuiKey_End);
        ctx->Yield(2);
        EXPECT_EQ(desk.view().lastByteSeen(), desk.text().size());
        ctx->KeyPress(ImGuiKey_Home);
        ctx->Yield(2);
        EXPECT_EQ(desk.view().topByte(), 0U);
        // Dragged below the text, the selection goes on.
        ctx->MouseMoveToPos(spot(ctx, 1, 30));
        ctx->MouseDown();
        ctx->MouseMoveToPos(spot(ctx, 40, 30));
        EXPECT_TRUE(
            tests::waitFor(ctx, [&] { return desk.view().lastByteSeen() == desk.text().size(); }));
        ctx->MouseUp();
        EXPECT_GT(desk.view().selectedText().size(), desk.text().size() / 2);
    });
}

TEST(Document, ShowsTokens) {
    Desk desk;
    Harness harness({.draw = [&] { desk.draw(); }});
    harness.run("tokens", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Document");
        ctx->ItemCheck("Tokens");
        ASSERT_TRUE(desk.last<command::SetPreferences>());
        EXPECT_TRUE(desk.snapshot.preferences.token_marks);
        ctx->MouseMoveToPos(spot(ctx, 0, 12));
        ctx->Yield(2);
        EXPECT_EQ(desk.panel.hoveredByte().value_or(99) / 6, 0U); // within "A note"
        tests::keepPicture(harness.picture(ctx, "Document"), "document_tokens");
        ctx->ItemUncheck("Tokens");
        EXPECT_FALSE(desk.snapshot.preferences.token_marks);
    });
}

TEST(Document, FollowsMarksAndJumps) {
    Desk desk;
    desk.size.y = 420;
    desk.snapshot.documents.marked = sample::kDocument;
    desk.snapshot.documents.marks = someMarks(desk.text());
    Harness harness({.draw = [&] { desk.draw(); }});
    harness.run("marks", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Document");
        ctx->ItemClick("##previous mark"); // from the beginning: the last one
        ctx->Yield(3);
        const size_t late = desk.text().rfind("Nobody had");
        EXPECT_LE(desk.view().topByte(), late);
        EXPECT_GE(desk.view().lastByteSeen(), late);
        EXPECT_TRUE(desk.panel.animating()); // it lights up
        ctx->ItemClick("##next mark");
        ctx->Yield(3);
        EXPECT_EQ(desk.view().topByte(), 0U);
        ctx->ItemClick("Clear marks");
        ASSERT_TRUE(desk.last<command::MarkDocument>());
        EXPECT_TRUE(desk.last<command::MarkDocument>()->marks.empty());
        ctx->Yield(3);
        EXPECT_FALSE(ctx->ItemExists("Clear marks"));

        const size_t target = desk.text().find("# Letters 4");
        desk.snapshot.documents.jump = {1, sample::kDocument, target};
        ctx->Yield(3);
        EXPECT_EQ(desk.view().readingByte(), target);
    });
}

TEST(Document, SaysWhetherItFits) {
    const ContextUse use{.system = 10, .reply = 512, .window = 8192};
    EXPECT_EQ(windowFit(3200, use).sentence, "Fits: 3,200 of 8,192 tokens.");
    EXPECT_EQ(windowFit(9392, use).sentence, "Needs 1,200 tokens more than the window of 8,192.");
    EXPECT_EQ(windowFit(9392, use).kind, FitKind::too_long);
    EXPECT_EQ(windowFit(8000, use).sentence,
              "Fits: 8,000 of 8,192 tokens, but leaves only 192 for question and reply.");
    EXPECT_EQ(windowFit(5, {}).kind, FitKind::unknown);

    const Memory memory = sample::makeMemory();
    const auto bytes = [](uint64_t tokens) {
        return MemoryPoint{tokens, sample::partsOf(tokens)}.total();
    };
    EXPECT_EQ(forecastBytes(512, *memory.forecast), bytes(512));
    EXPECT_EQ(forecastBytes(700, *memory.forecast), bytes(700));
    EXPECT_EQ(forecastBytes(100'000, *memory.forecast), bytes(100'000)); // beyond the curve
    EXPECT_EQ(memoryFit(2000, memory).kind, FitKind::fits);
    EXPECT_EQ(memoryFit(10'000'000, memory).kind, FitKind::too_long);
    EXPECT_EQ(memoryFit(10, {}).kind, FitKind::unknown);
}

} // namespace
} // namespace longscope::ui
