// Opening, pasting, closing, counting: what the document panel is told.
#include "tests/desk/chat_fixture.h"

#include "compute/document/places.h"
#include "compute/model/tokenizer.h"

#include <algorithm>

namespace longscope::app {
namespace {

class DocumentsTest : public DeskTest {
  protected:
    Picture openOne(const std::string &path) {
        push(command::OpenDocument{path});
        return waitFor([&](const ui::Snapshot &now) {
            auto shown = now.documents.shown();
            return shown && shown->path == path;
        });
    }
};

constexpr std::string_view kMarkdown = "Before all.\n\n# One\n\nFirst text.\n\n## Two\n\nSecond "
                                       "text here.\n\n# Three\n\nThird text.\n";

TEST_F(DocumentsTest, AnOpenedFileHasItsOutlineAndIsRecent) {
    start();
    auto shown = openOne(write("a.md", kMarkdown))->documents.shown();
    EXPECT_EQ(shown->title, "One");
    ASSERT_EQ(shown->outline.size(), 4u);
    EXPECT_EQ(shown->outline[0].level, 0u);
    EXPECT_EQ(shown->outline[1].title, "One");
    EXPECT_EQ(shown->outline[2].level, 2u);
    size_t end = 0;
    for (const ui::Section &section : shown->outline) {
        EXPECT_EQ(section.start, end);
        EXPECT_LT(section.start, section.end);
        end = section.end;
    }
    EXPECT_EQ(end, shown->text->size());
    EXPECT_EQ(shown->text->substr(shown->outline[2].start, 3), "Two");
    ASSERT_FALSE(now()->preferences.recent_documents.empty());
    EXPECT_EQ(now()->preferences.recent_documents[0], shown->path);
    EXPECT_EQ(shown->token_starts, nullptr); // no model is loaded
}

TEST_F(DocumentsTest, AFileThatCannotBeReadIsANoticeWithItsPath) {
    start();
    push(command::OpenDocument{"/none/there.txt"});
    auto picture = waitFor([](const ui::Snapshot &now) { return !now.notices.empty(); });
    EXPECT_EQ(picture->notices[0].kind, ui::NoticeKind::error);
    EXPECT_NE(picture->notices[0].text.find("/none/there.txt"), std::string::npos);
    EXPECT_EQ(picture->documents.current, 0u);
    push(command::PasteDocument{"  \n "});
    picture = waitFor([](const ui::Snapshot &now) { return now.notices.size() == 2; });
    EXPECT_NE(picture->notices[1].text.find("pasted text"), std::string::npos);
}

TEST_F(DocumentsTest, PastedTextIsNamedByItsFirstWordsAndMarkdownIsSeen) {
    start();
    push(command::PasteDocument{"  The quick brown fox jumps over the lazy dog and goes on.\n"
                                "# not a heading\nmore"});
    auto picture = waitFor([](const ui::Snapshot &now) { return now.documents.current != 0; });
    EXPECT_EQ(picture->documents.shown()->title,
              "The quick brown fox jumps over the lazy dog and…");
    EXPECT_EQ(picture->documents.shown()->path, "");
    EXPECT_EQ(picture->documents.shown()->outline.size(), 1u);
    uint64_t first = picture->documents.current;
    push(command::PasteDocument{std::string(kMarkdown)});
    picture = waitFor([&](const ui::Snapshot &now) { return now.documents.current != first; });
    EXPECT_EQ(picture->documents.shown()->outline.size(), 4u);
    EXPECT_EQ(picture->documents.open.size(), 2u);
}

TEST_F(DocumentsTest, TheSameTextIsOneDocument) {
    start();
    openOne(write("a.txt", "One text."));
    openOne(write("b.txt", "One text."));
    EXPECT_EQ(now()->documents.open.size(), 1u);
}

TEST_F(DocumentsTest, CountsAreThoseOfTheTokenizerAndAddUpBySection) {
    useTinyModel();
    start();
    push(command::LoadModel{});
    push(command::OpenSample{});
    auto picture = waitFor([](const ui::Snapshot &now) {
        return now.documents.shown() && now.documents.shown()->token_starts;
    });
    auto shown = picture->documents.shown();
    model::Tokenizer tokenizer(model::Gguf::open(model_));
    auto placed = tokenizer.encodePlaced(*shown->text, {.parse_special = false, .add_bos = false});
    EXPECT_TRUE(std::ranges::equal(*shown->token_starts, placed.starts));
    uint64_t sum = 0;
    for (const ui::Section &section : shown->outline)
        sum += section.tokens;
    EXPECT_EQ(sum, placed.ids.size());
    EXPECT_GT(shown->outline[0].tokens, 0u);

    push(command::UnloadModel{});
    picture = waitFor(
        [](const ui::Snapshot &now) { return !now.model && !now.documents.shown()->token_starts; });
    EXPECT_EQ(picture->documents.shown()->outline[0].tokens, 0u);
    push(command::LoadModel{}); // counted again
    waitFor([](const ui::Snapshot &now) { return now.documents.shown()->token_starts != nullptr; });
}

TEST_F(DocumentsTest, AClosedDocumentComesBackByUndoWhereItWas) {
    start();
    openOne(write("a.txt", "Text a."));
    uint64_t middle = openOne(write("b.txt", "Text b."))->documents.current;
    openOne(write("c.txt", "Text c."));
    push(command::ShowDocument{middle});
    push(command::MarkDocument{middle, {{.start = 0, .end = 99, .note = ""}}});
    auto picture = waitFor([&](const ui::Snapshot &now) { return now.documents.marks != nullptr; });
    EXPECT_EQ(picture->documents.marks->at(0).end, 7u); // not beyond the text
    push(command::CloseDocument{middle});
    picture = waitFor([](const ui::Snapshot &now) { return now.documents.open.size() == 2; });
    EXPECT_EQ(picture->documents.shown()->title, "c");
    EXPECT_EQ(picture->documents.marks, nullptr);
    EXPECT_EQ(picture->documents.marked, 0u);
    ASSERT_NE(undoOf(*picture), 0u);
    push(command::UndoNotice{undoOf(*picture)});
    picture = waitFor([](const ui::Snapshot &now) { return now.documents.open.size() == 3; });
    EXPECT_EQ(picture->documents.current, middle);
    EXPECT_EQ(picture->documents.open[1]->id, middle);
}

TEST_F(DocumentsTest, ARestartFindsWhatWasOpen) {
    start();
    openOne(write("a.txt", "Text a."));
    openOne(write("b.md", kMarkdown));
    auto before = openOne(write("c.txt", "Text c."));
    push(command::CloseDocument{before->documents.open[0]->id});
    push(command::ShowDocument{before->documents.open[1]->id});
    waitFor([&](const ui::Snapshot &now) {
        return now.documents.current == before->documents.open[1]->id;
    });
    start();
    auto picture = now();
    ASSERT_EQ(picture->documents.open.size(), 2u);
    EXPECT_EQ(picture->documents.shown()->title, "One");
    EXPECT_EQ(picture->documents.shown()->id, before->documents.open[1]->id);
    EXPECT_EQ(picture->documents.shown()->outline.size(), 4u);
    EXPECT_EQ(*picture->documents.shown()->text, *before->documents.open[1]->text);
}

TEST_F(DocumentsTest, AJumpShowsTheDocument) {
    start();
    uint64_t first = openOne(write("a.txt", "Text a."))->documents.current;
    openOne(write("b.txt", "Text b."));
    push(command::JumpTo{first, 5});
    auto picture = waitFor([](const ui::Snapshot &now) { return now.documents.jump.count == 1; });
    EXPECT_EQ(picture->documents.current, first);
    EXPECT_EQ(picture->documents.jump.byte, 5u);
    push(command::JumpTo{first, 500});
    picture = waitFor([](const ui::Snapshot &now) { return now.documents.jump.count == 2; });
    EXPECT_EQ(picture->documents.jump.byte, 7u);
    push(command::CloseDocument{first}); // it opens again where a source points at it
    waitFor([](const ui::Snapshot &now) { return now.documents.open.size() == 1; });
    push(command::JumpTo{first, 2});
    picture = waitFor([](const ui::Snapshot &now) { return now.documents.jump.count == 3; });
    EXPECT_EQ(picture->documents.current, first);
    EXPECT_EQ(picture->documents.open.size(), 2u);
}

TEST_F(DocumentsTest, TenMegabytesDoNotHoldUpTheDesk) {
    useTinyModel();
    start();
    push(command::LoadModel{});
    waitFor([](const ui::Snapshot &now) { return now.model != nullptr; });
    std::string text;
    for (int i = 0; text.size() < 10'000'000; ++i)
        text +=
            std::format("Paragraph {} says that bees fly far, and that few of them sting.\n\n", i);
    auto started = std::chrono::steady_clock::now();
    auto seconds = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    };
    push(command::PasteDocument{text});
    double longest = 0;
    uint64_t count = 0;
    while (!now()->documents.shown() && seconds() < 30) { // other commands are answered meanwhile
        double before = seconds();
        push(command::CountDraft{std::to_string(++count)});
        waitFor([&](const ui::Snapshot &now) { return now.chat.draft == std::to_string(count); });
        longest = std::max(longest, seconds() - before);
    }
    EXPECT_LT(longest, 0.3);
    auto picture = waitFor([](const ui::Snapshot &now) {
        return now.documents.shown() && now.documents.shown()->token_starts;
    });
    EXPECT_GT(picture->documents.shown()->token_starts->size(), 1'000'000u);
    RecordProperty("seconds", std::to_string(seconds()));
    std::printf("10 MB imported and counted after %.2f s, longest answer %.3f s\n", seconds(),
                longest);
}

} // namespace
} // namespace longscope::app
