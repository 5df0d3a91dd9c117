// The library panel: documents, search, what is removed and kept.
#include "tests/panels/lab_stage.h"

#include "ui/panels/library.h"

#include <gtest/gtest.h>

namespace longscope::tests {
namespace {

using namespace ui;
using Stage = LabStage<LibraryPanel>;

std::shared_ptr<const LibraryList> makeList() {
    auto list = std::make_shared<LibraryList>();
    list->documents = {{.id = 7,
                        .title = "Report on the harbour of Vestrand",
                        .path = "/texts/harbour.md",
                        .format = "Markdown",
                        .added_unix_s = 1'790'000'000,
                        .text_bytes = 1745,
                        .tokens = 418,
                        .result_bytes = 1200,
                        .reading_bytes = 12'000'000},
                       {.id = 9,
                        .title = "A title that is so long that it can not be shown in one line "
                                 "beside all the figures that are in this table",
                        .path = "/texts/long.pdf",
                        .format = "PDF",
                        .added_unix_s = 1'780'000'000,
                        .text_bytes = 2'400'000,
                        .stays = true}};
    list->file_bytes = 5'400'000;
    list->readings.resize(2);
    KeptReadingEntry &good = list->readings[0], &bad = list->readings[1];
    good.id = "abc-1";
    good.title = "Report on the harbour of Vestrand";
    good.model = "Harbour 135M Instruct";
    good.tokens = 9300, good.bytes = 12'000'000;
    good.last_used_unix_s = 1'790'000'000;
    good.pinned = true;
    bad.id = "abc-2";
    bad.bytes = 900;
    bad.last_used_unix_s = 1'780'000'000;
    bad.problem = "it ends within a page";
    list->most_reading_bytes = 8'000'000'000;
    return list;
}

TEST(LibraryPanel, AsksForTheListAndOpensADocument) {
    Stage stage;
    int shown = 0;
    stage.panel.show_document = [&] { ++shown; };
    Harness harness(stage.client());
    harness.run("open", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Library");
        ctx->Yield(3);
        EXPECT_EQ(stage.all<command::ListLibrary>().size(), 1U); // once, when it appeared
        stage.snapshot.library.list = makeList();
        ctx->Yield(3);
        keepPicture(harness.picture(ctx, "Library"), "library");
        ctx->ItemClick("documents/$$9/##open");
        ASSERT_EQ(stage.all<command::JumpTo>().size(), 1U);
        EXPECT_EQ(stage.all<command::JumpTo>()[0].document, 9U);
        EXPECT_EQ(shown, 1);
        TaskView task;
        task.id = 1, task.running = true;
        stage.snapshot.tasks = {task};
        ctx->Yield(2);
        stage.snapshot.tasks.clear(); // something was read: what is kept has changed
        ctx->Yield(2);
        EXPECT_EQ(stage.all<command::ListLibrary>().size(), 2U);
        stage.size = {420, 700}; // as narrow as one would make it
        ctx->Yield(3);
        keepPicture(harness.picture(ctx, "Library"), "library_narrow");
        EXPECT_GT(ctx->ItemInfo("documents/$$9/...").RectClipped.GetWidth(), 10);
        EXPECT_GT(ctx->ItemInfo("readings/abc-1/Remove").RectClipped.GetWidth(), 30);
    });
}

TEST(LibraryPanel, RemovingAsksFirst) {
    Stage stage;
    stage.snapshot.library.list = makeList();
    Harness harness(stage.client());
    harness.run("remove", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Library");
        ctx->ItemClick("documents/$$9/...");
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("Stays until it is removed");
        ASSERT_EQ(stage.all<command::LetDocumentStay>().size(), 1U);
        EXPECT_FALSE(stage.all<command::LetDocumentStay>()[0].stays);
        ctx->SetRef("//Library");
        ctx->ItemClick("documents/$$9/...");
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("Remove...");
        EXPECT_TRUE(stage.all<command::RemoveDocument>().empty());
        ctx->SetRef("//$FOCUSED");
        keepPicture(harness.picture(ctx), "library_remove");
        ctx->ItemClick("Cancel");
        EXPECT_TRUE(stage.all<command::RemoveDocument>().empty());
        ctx->SetRef("//Library");
        ctx->ItemClick("documents/$$7/...");
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("Remove...");
        ctx->SetRef("//$FOCUSED");
        ctx->ItemClick("Remove");
        ASSERT_EQ(stage.all<command::RemoveDocument>().size(), 1U);
        EXPECT_EQ(stage.all<command::RemoveDocument>()[0].document, 7U);
    });
}

TEST(LibraryPanel, SearchGoesOverAllDocumentsAndToAPlace) {
    Stage stage;
    stage.snapshot.library.list = makeList();
    Harness harness(stage.client());
    harness.run("search", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Library");
        ctx->ItemClick("##search");
        ctx->KeyChars("pier");
        ctx->Yield(2);
        ASSERT_FALSE(stage.all<command::SearchLibrary>().empty());
        EXPECT_EQ(stage.all<command::SearchLibrary>().back().words, "pier");
        auto found = std::make_shared<LibrarySearch>();
        found->words = "pier";
        found->hits = {{.document = 7,
                        .start = 520,
                        .end = 700,
                        .title = "Report on the harbour",
                        .place = "page 2, Buildings and piers, paragraph 1",
                        .snippet = "The north pier is 120 years old and carries loads"}};
        stage.snapshot.library.search = found;
        ctx->Yield(2);
        keepPicture(harness.picture(ctx, "Library"), "library_search");
        ctx->ItemClick("**/Report on the harbour, page 2, Buildings and piers, paragraph 1##0");
        ASSERT_EQ(stage.all<command::JumpTo>().size(), 1U);
        EXPECT_EQ(stage.all<command::JumpTo>()[0].byte, 520U);
        ASSERT_EQ(stage.all<command::MarkDocument>().size(), 1U);
        EXPECT_EQ(stage.all<command::MarkDocument>()[0].marks.at(0).end, 700U);
    });
}

TEST(LibraryPanel, ReadingsArePinnedAndPurged) {
    Stage stage;
    stage.snapshot.library.list = makeList();
    Harness harness(stage.client());
    harness.run("readings", [&](ImGuiTestContext *ctx) {
        ctx->SetRef("//Library");
        ctx->ItemClick("readings/abc-1/##pinned");
        ASSERT_EQ(stage.all<command::PinReading>().size(), 1U);
        EXPECT_FALSE(stage.all<command::PinReading>()[0].pinned);
        ctx->ItemClick("readings/abc-2/Remove");
        ASSERT_EQ(stage.all<command::RemoveReading>().size(), 1U);
        EXPECT_EQ(stage.all<command::RemoveReading>()[0].reading, "abc-2");
        ctx->ItemClick("Remove all that are not pinned");
        EXPECT_EQ(stage.all<command::PurgeReadings>().size(), 1U);
    });
}

} // namespace
} // namespace longscope::tests
