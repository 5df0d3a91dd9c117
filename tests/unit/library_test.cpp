// The library file: what survives restarts, a killed process and a damaged file; undo; search.
#include "compute/document/library.h"

#include "compute/core/error.h"
#include "compute/document/library_sql.h"
#include "compute/document/places.h"
#include "tests/support/library_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

namespace longscope::document {
namespace {

namespace fs = std::filesystem;

using LibraryTest = LibraryFolder;

StoredMessage message(uint64_t conversation, uint64_t parent, std::string text) {
    return {.conversation = conversation,
            .parent = parent,
            .role = parent ? "assistant" : "user",
            .text = std::move(text),
            .details = "{}"};
}

std::vector<std::string> textsOf(const std::vector<StoredMessage> &messages) {
    std::vector<std::string> texts;
    for (const StoredMessage &one : messages)
        texts.push_back(one.text);
    return texts;
}
using Texts = std::vector<std::string>;

TEST_F(LibraryTest, KeepsEverythingAcrossOpenings) {
    uint64_t conversation, document, first;
    Document read = importFile(std::string(LONGSCOPE_TEST_DATA) + "/harbour.md");
    {
        Library library(path());
        EXPECT_EQ(library.warning(), "");
        document = library.addDocument(read);
        conversation = library.addConversation("Harbour", R"({"a":1})");
        first = library.addMessage(message(conversation, 0, "What is it about?"));
        StoredMessage answer = message(conversation, first, "Bo");
        answer.document = document;
        answer.id = library.addMessage(answer);
        answer.text = "Boats, \xC3\xBC and a NUL: " + std::string(1, '\0') + ".";
        library.updateMessage(answer);
        library.setValue("theme", "dark");
        library.setValue("theme", "light");
    }
    Library library(path());
    EXPECT_EQ(library.value("theme"), "light");
    EXPECT_FALSE(library.value("none"));
    auto all = library.conversations();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].title, "Harbour");
    EXPECT_EQ(all[0].settings, R"({"a":1})");
    EXPECT_EQ(all[0].messages, 2u);
    EXPECT_GT(all[0].changed_unix_s, 1'600'000'000);
    auto messages = library.messages(conversation);
    ASSERT_EQ(messages.size(), 2u);
    EXPECT_EQ(messages[1].text.size(), std::string("Boats, ue and a NUL: x.").size());
    EXPECT_EQ(messages[1].parent, first);
    EXPECT_EQ(messages[1].document, document);

    auto again = library.document(document);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->text, read.text);
    EXPECT_EQ(again->title, read.title);
    EXPECT_EQ(again->path, read.path);
    ASSERT_EQ(again->headings.size(), read.headings.size());
    ASSERT_EQ(again->paragraphs.size(), read.paragraphs.size());
    for (size_t i = 0; i < read.headings.size(); ++i) {
        EXPECT_EQ(again->headings[i].title, read.headings[i].title);
        EXPECT_EQ(again->headings[i].start, read.headings[i].start);
        EXPECT_EQ(again->headings[i].level, read.headings[i].level);
    }
    for (size_t i = 0; i < read.paragraphs.size(); ++i) {
        EXPECT_EQ(again->paragraphs[i].start, read.paragraphs[i].start);
        EXPECT_EQ(again->paragraphs[i].end, read.paragraphs[i].end);
        EXPECT_EQ(again->paragraphs[i].prose, read.paragraphs[i].prose);
        EXPECT_EQ(again->paragraphs[i].title, read.paragraphs[i].title);
        EXPECT_EQ(placeOfParagraph(*again, i), placeOfParagraph(read, i));
    }
}

TEST_F(LibraryTest, TheSameTextHasTheSameIdAndIdsAreNotUsedAgain) {
    Library library(path());
    Document one = importText("One text. ", "one.txt", false);
    Document two = importText("Another text.", "two.txt", false);
    uint64_t id = library.addDocument(one);
    uint64_t other = library.addDocument(two);
    EXPECT_NE(id, other);
    one.path = "moved.txt";
    EXPECT_EQ(library.addDocument(one), id);
    EXPECT_EQ(library.document(id)->path, "moved.txt");
    library.removeDocument(other);
    EXPECT_FALSE(library.document(other));
    EXPECT_GT(library.addDocument(importText("Third.", "3.txt", false)), other);

    uint64_t kept = library.addDocument(importText("Kept.", "4.txt", false));
    uint64_t named = library.addDocument(importText("Named by a message.", "5.txt", false));
    StoredMessage naming = message(library.addConversation("c", ""), 0, "x");
    naming.document = named;
    library.addMessage(naming);
    library.purgeDocuments(std::vector{kept});
    EXPECT_TRUE(library.document(kept));
    EXPECT_TRUE(library.document(named));
    EXPECT_FALSE(library.document(id));
}

TEST_F(LibraryTest, AMessageTakesItsAnswersWithItAndAllComeBack) {
    Library library(path());
    uint64_t conversation = library.addConversation("t", "");
    uint64_t a = library.addMessage(message(conversation, 0, "a"));
    uint64_t b = library.addMessage(message(conversation, a, "b"));
    library.addMessage(message(conversation, b, "c"));
    library.addMessage(message(conversation, a, "b2"));
    auto removed = library.removeMessage(b);
    EXPECT_EQ(textsOf(removed), (Texts{"b", "c"}));
    EXPECT_EQ(textsOf(library.messages(conversation)), (Texts{"a", "b2"}));
    EXPECT_TRUE(library.findConversations("c").empty());
    library.restoreMessages(removed);
    EXPECT_EQ(textsOf(library.messages(conversation)), (Texts{"a", "b", "c", "b2"}));
    EXPECT_EQ(library.findConversations("c").size(), 1u);
    EXPECT_TRUE(library.removeMessage(99).empty());
}

TEST_F(LibraryTest, ARemovedConversationComesBackUntilItIsPurged) {
    Library library(path());
    uint64_t one = library.addConversation("one", "");
    uint64_t two = library.addConversation("two", "");
    library.addMessage(message(one, 0, "words"));
    library.removeConversation(one);
    EXPECT_EQ(library.conversations().size(), 1u);
    EXPECT_TRUE(library.findConversations("words").empty());
    library.restoreConversation(one);
    ASSERT_EQ(library.conversations().size(), 2u);
    EXPECT_EQ(library.messages(one).size(), 1u);
    library.removeConversation(one);
    library.purgeRemoved();
    library.restoreConversation(one);
    EXPECT_EQ(library.conversations().size(), 1u);
    EXPECT_TRUE(library.messages(one).empty());
    EXPECT_GT(library.addConversation("three", ""), two);
}

TEST_F(LibraryTest, SearchFindsWordsInTitlesAndMessagesNewestFirst) {
    Library library(path());
    uint64_t boats = library.addConversation("About boats", "");
    uint64_t trains = library.addConversation("Trains", "");
    library.addMessage(message(boats, 0, "The harbour has forty berths."));
    uint64_t growing = library.addMessage(message(trains, 0, "The sta"));
    using Ids = std::vector<uint64_t>;
    EXPECT_EQ(library.findConversations("HARBOUR boats"), Ids{boats});
    EXPECT_EQ(library.findConversations("the"), (Ids{trains, boats}));
    EXPECT_EQ(library.findConversations("harb"), Ids{boats}); // beginnings of words
    EXPECT_EQ(library.findConversations("harbour trains"), Ids{});
    StoredMessage longer = message(trains, 0, "The station has a harbour.");
    longer.id = growing;
    library.updateMessage(longer);
    EXPECT_EQ(library.findConversations("harbour trains"), Ids{trains});
    library.updateConversation(boats, "About ships", "");
    EXPECT_EQ(library.findConversations("ships").size(), 1u);
    EXPECT_TRUE(library.findConversations("boats").empty());
    for (const char *odd : {"", "   ", "\"", "a\"b OR *", "NEAR(", "- ?", "col:x", "\xFF"})
        EXPECT_NO_THROW(library.findConversations(odd)) << odd;
    EXPECT_TRUE(library.findConversations("").empty());
}

void overwrite(const std::string &path, std::streamoff at, size_t bytes) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(at);
    std::string noise;
    for (size_t i = 0; i < bytes; ++i)
        noise += static_cast<char>(i * 37 + 11);
    file.write(noise.data(), static_cast<std::streamsize>(noise.size()));
}

TEST_F(LibraryTest, ADamagedFileIsKeptAsideAndTold) {
    struct Damage {
        const char *what;
        std::function<void(const std::string &)> make;
    };
    const Damage damages[] = {
        {"not a database", [](const std::string &at) { std::ofstream(at) << "Once upon a time"; }},
        {"its head", [](const std::string &at) { overwrite(at, 0, 64); }},
        {"a page of the tables", [](const std::string &at) { overwrite(at, 4096, 20000); }},
        {"cut", [](const std::string &at) { fs::resize_file(at, 9000); }},
        {"a table is gone",
         [](const std::string &at) { Database(at).execute("DROP TABLE messages"); }},
        {"a table of the second version is gone",
         [](const std::string &at) { Database(at).execute("DROP TABLE results"); }},
        {"a part of the index is gone",
         [](const std::string &at) { Database(at).execute("DROP TABLE paragraph_words_data"); }},
    };
    for (const Damage &damage : damages) {
        fs::remove_all(folder_);
        {
            Library library(path());
            uint64_t conversation = library.addConversation("old", "");
            for (int i = 0; i < 40; ++i)
                library.addMessage(message(conversation, 0, std::string(500, 'x')));
        }
        damage.make(path());
        uintmax_t bytes = fs::file_size(path());
        {
            Library library(path());
            EXPECT_NE(library.warning().find(".damaged-"), std::string::npos) << damage.what;
            std::string kept = library.warning().substr(library.warning().rfind(' ') + 1);
            EXPECT_TRUE(fs::exists(kept)) << kept;
            EXPECT_EQ(fs::file_size(kept), bytes) << damage.what;
            EXPECT_TRUE(library.conversations().empty());
            library.addConversation("new", "");
        }
        damage.make(path()); // and once more in the same second
        Library library(path());
        EXPECT_EQ(filesBeside(path(), ".damaged-"), 2u) << damage.what;
    }
}

TEST_F(LibraryTest, ALargeFileIsCheckedOnceADay) {
    { Library library(path()); }
    Database(path()).execute("INSERT INTO results(kind, key, document, used_ms, bytes) VALUES "
                             "('k', 'large', 0, 0, zeroblob(110000000))");
    auto warning = [&] { return Library(path()).warning(); };
    EXPECT_EQ(warning(), "");
    overwrite(path(), 50'000'000, 8000);
    EXPECT_EQ(warning(), "");
    Library(path()).setValue("library.checked_ms", "1000000");
    EXPECT_NE(warning(), "");
}

TEST_F(LibraryTest, ANewerVersionIsRefusedWithBothNumbersAndLeftAlone) {
    { Library library(path()); }
    Database(path()).execute("PRAGMA user_version = 7");
    try {
        Library library(path());
        FAIL() << "it was opened";
    } catch (const Error &error) {
        EXPECT_EQ(error.kind(), ErrorKind::file);
        EXPECT_NE(std::string(error.what()).find("version 7"), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("up to 2"), std::string::npos) << error.what();
    }
    EXPECT_EQ(filesBeside(path(), ".damaged-"), 0u);
}

TEST_F(LibraryTest, AFolderThatCannotBeMadeIsAnErrorWithItsPath) {
    fs::create_directories(folder_);
    std::ofstream(folder_ / "file") << "x";
    std::string inside = (folder_ / "file/library.sqlite").string();
    try {
        Library library(inside);
        FAIL() << "it was opened";
    } catch (const Error &error) {
        EXPECT_EQ(error.kind(), ErrorKind::file);
        EXPECT_NE(std::string(error.what()).find(inside), std::string::npos) << error.what();
    }
}

} // namespace
} // namespace longscope::document
