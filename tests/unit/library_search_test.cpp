// Full text search over documents.
#include "compute/document/library.h"
#include "compute/document/library_sql.h"
#include "tests/support/library_folder.h"

#include <gtest/gtest.h>

namespace longscope::document {
namespace {

class LibrarySearch : public LibraryFolder {
  protected:
    uint64_t add(std::string_view text) {
        return library_.addDocument(importText(text, "t.txt", false));
    }
    /// The texts of the hits, best first.
    std::vector<std::string> find(std::string_view words, const SearchOptions &options = {}) {
        std::vector<std::string> texts;
        for (const SearchHit &hit : library_.search(words, options))
            texts.emplace_back(library_.document(hit.document)->span(hit.start, hit.end));
        return texts;
    }
    Library library_{path()};
};
using Texts = std::vector<std::string>;

TEST_F(LibrarySearch, FindsParagraphsWithTheirSpans) {
    uint64_t boats = add("The harbour has forty berths.\n\nFerries leave at noon.\n");
    add("Trains leave, too.\n\nA station is no harbour.");
    auto hits = library_.search("Noon FERRIES");
    ASSERT_EQ(hits.size(), 1u);
    EXPECT_EQ(hits[0].document, boats);
    EXPECT_EQ(hits[0].snippet, "Ferries leave at noon.");
    EXPECT_EQ(library_.document(boats)->span(hits[0].start, hits[0].end), "Ferries leave at noon.");
    EXPECT_EQ(find("harbour").size(), 2u);
    EXPECT_EQ(find("harb").size(), 2u);
    EXPECT_TRUE(find("harb", {.beginnings = false}).empty());
    EXPECT_TRUE(find("harbour noon").empty());
    EXPECT_EQ(find("harbour noon", {.every_word = false}).size(), 3u);
    EXPECT_EQ(find("harbour", {.limit = 1}).size(), 1u);
    EXPECT_EQ(find("harbour leave", {.every_word = false, .documents = {boats}}).size(), 2u);
    EXPECT_TRUE(find("station", {.documents = {boats, 77}}).empty());
}

TEST_F(LibrarySearch, RareWordsAndShortParagraphsRankFirst) {
    std::string text = "A lone kestrel.\n\n";
    for (int i = 0; i < 20; ++i)
        text += "The gulls cry over the harbour and the harbour wall all day long.\n\n";
    text += "The kestrel is a falcon that is seen over the harbour, the wall, and many fields.";
    add(text);
    auto hits = library_.search("kestrel harbour", {.every_word = false});
    ASSERT_GE(hits.size(), 3u);
    for (size_t i = 1; i < hits.size(); ++i)
        EXPECT_LE(hits[i].score, hits[i - 1].score);
    EXPECT_GT(hits[0].score, 0);
    EXPECT_TRUE(find("kestrel harbour", {.every_word = false})[0].contains("kestrel"));
    EXPECT_EQ(find("kestrel")[0], "A lone kestrel.");
}

TEST_F(LibrarySearch, CaseAndAccentsDoNotCountAndScriptsWithoutSpacesAreFound) {
    add("Die Größe der Bäume.\n\nΟ Οδυσσέας γύρισε.\n\n我们在东京车站见面。\n\nНаши ЛОДКИ.");
    EXPECT_EQ(find("BAUME GRÖSSE"), Texts{}); // ß is a letter of its own
    EXPECT_EQ(find("baume größe"), Texts{"Die Größe der Bäume."});
    EXPECT_EQ(find("ΓΎΡΙΣΕ"), Texts{"Ο Οδυσσέας γύρισε."});
    EXPECT_EQ(find("лодки"), Texts{"Наши ЛОДКИ."});
    EXPECT_EQ(find("东京"), Texts{"我们在东京车站见面。"});
    EXPECT_EQ(find("京东"), Texts{});
    EXPECT_EQ(library_.search("车站")[0].snippet, "我们在东京车站见面。");
}

TEST_F(LibrarySearch, SignsBetweenWordsAreNoWords) {
    add("The light house.\n\nHe paid 5 € for ½ of it, and ② more.");
    for (const char *words : {"light house", "light — house", "light … “ house ”", "light 。 house",
                              "light · house €", "light \u00A0 house", "light\u00A0house"})
        EXPECT_EQ(find(words), Texts{"The light house."}) << words;
    EXPECT_EQ(find("½ ②").size(), 1u);
    EXPECT_EQ(find("½ ③"), Texts{});
    EXPECT_EQ(find("— …"), Texts{});
}

TEST_F(LibrarySearch, NothingThatAUserTypesIsAQueryLanguage) {
    add("NOT a word AND b OR c NEAR d; 100% of \"quoted\" text: col:x, a*b^2, {braces}.");
    for (const char *odd :
         {"\"", "a\"b OR *", "NEAR(", "NEAR(a b)", "- ?", "col:x", "text:word", "\xFF\xFE", "^",
          "{braces}", "a AND", "NOT", "(((", "*", "''; DROP TABLE documents", "— …", "\xE4\xBA"})
        EXPECT_NO_THROW(find(odd)) << odd;
    EXPECT_EQ(find("NOT").size(), 1u);
    EXPECT_EQ(find("\"quoted\"").size(), 1u);
    EXPECT_EQ(find("col:x").size(), 1u);
    EXPECT_TRUE(find("").empty());
    EXPECT_TRUE(find(" \n - ").empty());
    EXPECT_TRUE(find(std::string_view("word\0bird", 9)).empty());
    EXPECT_TRUE(find(std::string(20000, 'x') + " word").empty());
}

TEST_F(LibrarySearch, ALongParagraphIsFoundByItsPartsAndShownAroundTheWords) {
    std::string text;
    for (int i = 0; i < 6000; ++i)
        text += std::format("filler{} ", i);
    text += "the needle lies here ";
    std::string umlauts;
    for (int i = 0; i < 20000; ++i)
        umlauts += "ü"; // no place to cut
    uint64_t id = add(text + umlauts + " end");
    auto hits = library_.search("needle");
    ASSERT_EQ(hits.size(), 1u);
    EXPECT_LT(hits[0].end - hits[0].start, 10000u);
    std::string found(library_.document(id)->span(hits[0].start, hits[0].end));
    EXPECT_TRUE(found.contains("the needle lies here"));
    EXPECT_TRUE(hits[0].snippet.contains("needle lies")) << hits[0].snippet;
    EXPECT_LT(hits[0].snippet.size(), 600u);
    EXPECT_EQ(find("filler77", {.beginnings = false}).size(), 1u);
    EXPECT_EQ(find("end").size(), 1u);
}

TEST_F(LibrarySearch, ABrokenIndexIsMadeAgain) {
    for (int i = 0; i < 50; ++i)
        add(std::format("Number {} of the many.", i));
    for (int way = 0; way < 3; ++way) {
        Database(path()).execute("UPDATE paragraph_words_data SET block = x'0001' WHERE id > 10");
        if (way == 1)
            add("Added in spite of it.");
        if (way == 2)
            library_.removeDocument(7);
        EXPECT_EQ(find("many", {.limit = 100}).size(), way == 2 ? 49u : 50u) << way;
    }
}

} // namespace
} // namespace longscope::document
