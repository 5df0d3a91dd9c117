// Passages: everything is in one, none is too long, sentences and characters stay whole.
#include "compute/document/passages.h"

#include "compute/document/characters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>

namespace longscope::document {
namespace {

Document plain(std::string_view text) {
    return importText(text, "note.txt", false);
}
Document markdown(std::string_view text) {
    return importText(text, "note.md", true);
}

std::string sentence(size_t words, const std::string &word) {
    std::string text = "The";
    for (size_t i = 1; i < words; ++i)
        text += " " + word;
    return text + ".";
}

/// What must hold for every document.
void checkPassages(const Document &document, const PassageOptions &options) {
    std::vector<Passage> passages = splitPassages(document, options);
    std::vector<char> covered(document.text.size(), 0);
    size_t last_end = 0;
    for (const Passage &passage : passages) {
        ASSERT_LT(passage.start, passage.end);
        ASSERT_LE(passage.end, document.text.size());
        EXPECT_LE(passage.words, options.most_words);
        EXPECT_GT(passage.end, last_end) << "every passage adds something";
        last_end = passage.end;
        EXPECT_LE(passage.first_paragraph, passage.last_paragraph);
        EXPECT_GE(passage.start, document.paragraphs[passage.first_paragraph].start);
        EXPECT_LE(passage.end, document.paragraphs[passage.last_paragraph].end);
        for (size_t edge : {passage.start, passage.end}) // no half characters
            EXPECT_TRUE(edge == document.text.size() || (document.text[edge] & 0xC0) != 0x80);
        std::fill(covered.begin() + static_cast<std::ptrdiff_t>(passage.start),
                  covered.begin() + static_cast<std::ptrdiff_t>(passage.end), 1);
    }
    for (const Paragraph &paragraph : document.paragraphs)
        for (size_t at = paragraph.start; at < paragraph.end; ++at)
            ASSERT_TRUE(covered[at] || isSpace(characterAt(document.text, at).code) ||
                        (document.text[at] & 0xC0) == 0x80)
                << "byte " << at << " of " << document.path << " is in no passage";
}

TEST(Passages, CountsWords) {
    EXPECT_EQ(countWords(""), 0u);
    EXPECT_EQ(countWords("one two\nthree "), 3u);
    EXPECT_EQ(countWords("0123456789abcdef"), 1u);
    EXPECT_EQ(countWords("0123456789abcdefg"), 2u); // long runs cost by their bytes
    EXPECT_EQ(countWords("\u6F22\u5B57\u6F22"), 2u);
}

TEST(Passages, PacksParagraphsAndEndsAtThem) {
    std::string text;
    for (int i = 0; i < 4; ++i)
        text += sentence(30, "word") + " " + sentence(30, "other") + "\n\n";
    Document document = plain(text);
    auto passages = splitPassages(document, {.words = 100, .most_words = 150, .overlap_words = 40});
    ASSERT_EQ(passages.size(), 2u);
    EXPECT_EQ(passages[0].words, 120u);
    EXPECT_EQ(passages[0].last_paragraph, 1u);
    EXPECT_EQ(passages[1].first_paragraph, 2u); // nothing said again: the cut is between paragraphs
}

TEST(Passages, SaysSentencesAgainWhereAParagraphIsCut) {
    std::string text;
    for (char c = 'a'; c < 'k'; ++c)
        text += sentence(20, std::string(3, c)) + " ";
    Document document = plain(text);
    auto passages = splitPassages(document, {.words = 60, .most_words = 70, .overlap_words = 25});
    ASSERT_GE(passages.size(), 3u);
    EXPECT_TRUE(document.span(passages[1].start, passages[1].end).starts_with("The ccc"));
    EXPECT_TRUE(document.span(passages[0].start, passages[0].end).ends_with("ccc."));
    EXPECT_EQ(passages[0].words, 60u);
    checkPassages(document, {.words = 60, .most_words = 70, .overlap_words = 25});
}

TEST(Passages, AHeadingStandsWithWhatIsBelowIt) {
    Document document = markdown("# One\n\n" + sentence(60, "word") + "\n\n## Two\n\n" +
                                 sentence(60, "other") + "\n\n## Three\n");
    auto passages = splitPassages(document, {.words = 120, .most_words = 180, .overlap_words = 30});
    ASSERT_EQ(passages.size(), 3u);
    EXPECT_TRUE(document.span(passages[0].start, passages[0].end).starts_with("One"));
    EXPECT_TRUE(document.span(passages[1].start, passages[1].end).starts_with("Two"));
    EXPECT_EQ(document.span(passages[2].start, passages[2].end), "Three");
}

TEST(Passages, ShortSectionsShareOne) {
    Document document = markdown("# A\n\nOne line.\n\n# B\n\nTwo lines.\n\n# C\n\nThree lines.\n");
    EXPECT_EQ(splitPassages(document).size(), 1u);
}

TEST(Passages, CodeAndTablesAreIn) {
    Document document = markdown("Before it.\n\n```\nint answer() {\n    return 42;\n}\n```\n\n"
                                 "| a | b |\n|---|---|\n| key | 17 |\n");
    auto passages = splitPassages(document);
    ASSERT_EQ(passages.size(), 1u);
    auto text = document.span(passages[0].start, passages[0].end);
    EXPECT_NE(text.find("return 42;"), text.npos);
    EXPECT_NE(text.find("17"), text.npos);
}

TEST(Passages, WhatHasNoStopsIsCutBetweenWordsAndCharacters) {
    std::string words, ideographs, run(5000, 'x');
    for (int i = 0; i < 1000; ++i) {
        words += "w" + std::to_string(i) + " ";
        ideographs += "\u6F22";
    }
    for (const std::string &text : {words, ideographs, run, words + run + ideographs}) {
        Document document = plain(text);
        EXPECT_GE(splitPassages(document).size(), 2u);
        checkPassages(document, {});
    }
    Document document = plain(words);
    for (const Passage &passage : splitPassages(document)) {
        EXPECT_EQ(document.text[passage.start], 'w');
        EXPECT_TRUE(passage.end == document.text.size() || document.text[passage.end] == ' ');
    }
}

TEST(Passages, HoldForRealAndRandomTexts) {
    for (const char *name : {"/text.txt", "/harbour.md", "/bees.txt"})
        for (size_t most : {1, 20, 180})
            checkPassages(importFile(std::string(LONGSCOPE_TEST_DATA) + name),
                          {.words = most / 2 + 1, .most_words = most, .overlap_words = most / 5});
    std::mt19937 random(3);
    const char *parts[] = {
        "# Head\n\n", "word ",        "A sentence ends. ", "\n\n",
        "- item\n",   "\u5B57\u3002", "```\nx = 1\n```\n", "| a |\n|---|\n| 1 |\n",
        "\u00FC "};
    for (int round = 0; round < 200; ++round) {
        std::string text = "Start ";
        for (int i = 0; i < 120; ++i)
            text += parts[random() % std::size(parts)];
        checkPassages(markdown(text), {.words = 20, .most_words = 30, .overlap_words = 8});
        checkPassages(plain(text), {.words = 20, .most_words = 30, .overlap_words = 8});
    }
}

TEST(Passages, WidenToWholeParagraphs) {
    Document document = plain("First one. First two.\n\nSecond one. Second two.\n\nThird.");
    size_t at = document.text.find("Second two");
    Span wide = wholeParagraphs(document, at, at + 5, 100);
    EXPECT_EQ(document.span(wide.start, wide.end), "Second one. Second two.");
    Span kept = wholeParagraphs(document, at, at + 5, 3);
    EXPECT_EQ(kept.start, at);
    size_t first = document.text.find("First two");
    wide = wholeParagraphs(document, first, at + 5, 100);
    EXPECT_EQ(document.span(wide.start, wide.end),
              "First one. First two.\n\nSecond one. Second two.");
}

} // namespace
} // namespace longscope::document
