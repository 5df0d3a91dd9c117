// The library in the window: what is in it, search in all of it, what goes and what stays.
#include "tests/desk/chat_fixture.h"

#include <algorithm>

namespace longscope::app {
namespace {

class LibraryPanelTest : public DeskTest {
  protected:
    Picture list() {
        auto before = now()->library.list;
        push(command::ListLibrary{});
        return waitFor([&](const ui::Snapshot &now) {
            return now.library.list && now.library.list != before && now.tasks.empty();
        });
    }
    static const ui::LibraryEntry *entryOf(const Picture &picture, uint64_t id) {
        for (const ui::LibraryEntry &entry : picture->library.list->documents)
            if (entry.id == id)
                return &entry;
        return nullptr;
    }
    Picture search(const std::string &words) {
        push(command::SearchLibrary{words});
        return waitFor([&](const ui::Snapshot &now) {
            return now.library.search && now.library.search->words == words;
        });
    }
};

constexpr std::string_view kHeron = "# Birds of the lake\n\nThe grey heron nests in the reeds.\n\n"
                                    "The kingfisher came back in May.\n";
constexpr std::string_view kMill = "# The mill\n\nThe mill grinds rye for the whole valley.\n";

TEST_F(LibraryPanelTest, OpenedDocumentsAreListedWithTheirTokens) {
    useTinyModel();
    start();
    EXPECT_EQ(now()->library.list, nullptr); // nobody has asked
    uint64_t heron = openText("heron.md", kHeron), mill = openText("mill.md", kMill);
    auto picture = list();
    ASSERT_EQ(picture->library.list->documents.size(), 2u);
    EXPECT_EQ(picture->library.list->documents[0].id, mill); // the newest first
    const ui::LibraryEntry *entry = entryOf(picture, heron);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->title, "Birds of the lake");
    EXPECT_EQ(entry->format, "Markdown");
    EXPECT_GT(entry->added_unix_s, 1'700'000'000);
    EXPECT_EQ(entry->tokens, 0u);
    EXPECT_GT(picture->library.list->file_bytes, 0u);
    push(command::LoadModel{}); // counts what is open, and the list follows
    picture = waitFor([&](const ui::Snapshot &now) {
        return now.library.list && now.tasks.empty() && now.library.list->documents.size() == 2 &&
               now.library.list->documents[1].tokens > 0;
    });
    EXPECT_EQ(entryOf(picture, heron)->tokens,
              picture->documents.find(heron)->token_starts->size());
}

TEST_F(LibraryPanelTest, WordsAreFoundInClosedDocumentsWhichOpenAtTheirPlace) {
    start();
    uint64_t heron = openText("heron.md", kHeron);
    push(command::LetDocumentStay{heron, true});
    openText("mill.md", kMill);
    push(command::CloseDocument{heron});
    waitFor([](const ui::Snapshot &now) { return now.documents.open.size() == 1; });
    auto picture = search("kingfisher");
    ASSERT_EQ(picture->library.search->hits.size(), 1u);
    ui::LibraryHit hit = picture->library.search->hits[0];
    EXPECT_EQ(hit.document, heron);
    EXPECT_EQ(hit.title, "Birds of the lake");
    EXPECT_NE(hit.place.find("paragraph 2"), std::string::npos) << hit.place;
    EXPECT_NE(hit.snippet.find("kingfisher"), std::string::npos);
    push(command::JumpTo{hit.document, hit.start});
    push(command::MarkDocument{hit.document, {{hit.start, hit.end, {}, 1, ""}}});
    picture = waitFor([&](const ui::Snapshot &now) {
        return now.documents.current == heron && now.documents.marks != nullptr;
    });
    EXPECT_EQ(picture->documents.marked, heron);
    EXPECT_EQ(picture->documents.jump.byte, hit.start);
    EXPECT_TRUE(search("albatross")->library.search->hits.empty());
    push(command::SearchLibrary{"  "});
    waitFor([](const ui::Snapshot &now) { return now.library.search == nullptr; });
}

TEST_F(LibraryPanelTest, ADocumentStaysWhenToldToAndElseGoesAtTheNextStart) {
    start();
    uint64_t heron = openText("heron.md", kHeron), mill = openText("mill.md", kMill);
    push(command::LetDocumentStay{heron, true});
    push(command::CloseDocument{heron});
    push(command::CloseDocument{mill});
    waitFor([](const ui::Snapshot &now) { return now.documents.open.empty(); });
    start();
    auto picture = list();
    ASSERT_EQ(picture->library.list->documents.size(), 1u);
    EXPECT_EQ(picture->library.list->documents[0].id, heron);
    EXPECT_TRUE(picture->library.list->documents[0].stays);
}

TEST_F(LibraryPanelTest, ARemovedDocumentIsClosedAndGone) {
    start();
    uint64_t heron = openText("heron.md", kHeron), mill = openText("mill.md", kMill);
    list();
    push(command::RemoveDocument{heron});
    auto picture = waitFor([](const ui::Snapshot &now) {
        return now.library.list->documents.size() == 1 && now.tasks.empty();
    });
    EXPECT_EQ(picture->library.list->documents[0].id, mill);
    EXPECT_EQ(picture->documents.open.size(), 1u);
    EXPECT_EQ(picture->documents.current, mill);
    ASSERT_FALSE(picture->notices.empty());
    EXPECT_NE(picture->notices.back().text.find("Birds of the lake"), std::string::npos);
    EXPECT_TRUE(search("heron")->library.search->hits.empty());
    push(command::RemoveDocument{heron}); // twice is no harm
    push(command::JumpTo{heron, 0});
    picture = waitFor([](const ui::Snapshot &now) { return now.notices.size() > 1; });
    EXPECT_NE(picture->notices.back().text.find("no longer in the library"), std::string::npos);
}

TEST_F(LibraryPanelTest, KeptReadingsArePinnedAndPurged) {
    useTinyModel();
    start();
    std::string text = "# Long enough\n\n";
    while (text.size() < 900)
        text += "One more sentence of this text that is read and kept. ";
    uint64_t id = openText("long.md", text);
    push(command::ReadDocument{});
    waitFor([](const ui::Snapshot &now) { return now.attention.timeline != nullptr; });
    auto picture = list();
    ASSERT_EQ(picture->library.list->readings.size(), 1u);
    ui::KeptReadingEntry reading = picture->library.list->readings[0];
    EXPECT_EQ(reading.problem, "");
    EXPECT_EQ(reading.title, "Long enough");
    EXPECT_GE(reading.tokens, 512u);
    EXPECT_GT(reading.bytes, 0u);
    EXPECT_EQ(entryOf(picture, id)->reading_bytes, reading.bytes);
    push(command::PinReading{reading.id, true});
    waitFor([](const ui::Snapshot &now) { return now.library.list->readings.at(0).pinned; });
    push(command::PurgeReadings{});
    picture = waitFor([](const ui::Snapshot &now) {
        return std::ranges::any_of(now.notices, [](const ui::Notice &notice) {
            return notice.text.find("kept readings were removed") != std::string::npos;
        });
    });
    EXPECT_EQ(list()->library.list->readings.size(), 1u); // pinned ones stay
    push(command::RemoveReading{reading.id});
    waitFor([](const ui::Snapshot &now) { return now.library.list->readings.empty(); });
}

} // namespace
} // namespace longscope::app
