// compute/document/pdf_layout and the stream between the two processes: pages made of words here.
#include "compute/document/pdf_layout.h"
#include "compute/document/pdf_lines.h"
#include "tests/support/packed_files.h"
#include "tests/support/pdf_words.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace longscope::document {
namespace {

using longscope::testing::expectSoundOutline;
using longscope::testing::headingsOf;
using longscope::testing::holds;
using longscope::testing::makePage;
using longscope::testing::paragraphsOf;
using longscope::testing::refusalOf;
using longscope::testing::setLine;
using longscope::testing::setLines;
using Strings = std::vector<std::string>;

Document layOut(std::vector<PdfPage> pages) {
    PdfPages file;
    file.pages = std::move(pages);
    Document document = layOutPdf(std::move(file), "x.pdf");
    expectSoundOutline(document);
    return document;
}

TEST(PdfLayout, JoinsLinesAndPartsParagraphs) {
    PdfPage page = makePage("7");
    setLines(page, 50, 100,
             {"The first line of a text that goes on over", "the second line and an exam-",
              "ple of a hyphen, with a well-known word."});
    setLines(page, 50, 160, {"After a gap comes the next one, again with"});
    setLines(page, 50, 172, {"a longer line that ends the paragraph here."});
    setLine(page, 62, 184, "Indented, the third begins after a stop and");
    setLines(page, 50, 196, {"goes on to the left of its first line, well-", "known as that is."});
    Document document = layOut({page});
    EXPECT_EQ(
        paragraphsOf(document),
        (Strings{"The first line of a text that goes on over the second line and an example of "
                 "a hyphen, with a well-known word.",
                 "After a gap comes the next one, again with a longer line that ends the "
                 "paragraph here.",
                 "Indented, the third begins after a stop and goes on to the left of its "
                 "first line, well-known as that is."}));
    ASSERT_EQ(document.pages.size(), 1u);
    EXPECT_EQ(document.pages[0].label, "7");
}

Strings columnOf(const std::string &name, int lines) {
    Strings out;
    for (int i = 0; i < lines; ++i)
        out.push_back(name + " has line number " + std::to_string(i) + " here" +
                      (i + 1 == lines ? "." : ""));
    return out;
}

TEST(PdfLayout, ReadsColumnsBetweenLinesThatCrossThem) {
    PdfPage page = makePage();
    setLine(page, 50, 50, "A title that runs over both of the columns of the page", 14);
    // As they stand: row by row, and at different heights.
    Strings left = columnOf("left", 5), right = columnOf("right", 6);
    for (size_t i = 0; i < 6; ++i) {
        if (i < 5)
            setLine(page, 50, 100 + 12 * static_cast<float>(i), left[i]);
        setLine(page, 300, 95 + 12 * static_cast<float>(i), right[i]);
    }
    setLine(page, 50, 200, "A note below that again crosses the gap between the two columns.");
    setLines(page, 50, 230, columnOf("lower", 4));
    setLines(page, 300, 230, columnOf("last", 4));
    Document document = layOut({page});
    Strings paragraphs = paragraphsOf(document);
    ASSERT_EQ(paragraphs.size(), 6u) << document.text;
    EXPECT_TRUE(paragraphs[1].starts_with("left has line number 0"));
    EXPECT_TRUE(paragraphs[1].ends_with("left has line number 4 here."));
    EXPECT_TRUE(paragraphs[2].ends_with("right has line number 5 here."));
    EXPECT_TRUE(paragraphs[3].starts_with("A note below"));
    EXPECT_TRUE(paragraphs[4].starts_with("lower"));
    EXPECT_TRUE(paragraphs[5].starts_with("last"));
    EXPECT_EQ(headingsOf(document),
              Strings{"1 A title that runs over both of the columns of the page"});
}

TEST(PdfLayout, ReadsTablesByRow) {
    PdfPage page = makePage();
    setLines(page, 50, 100, {"A line of text that stands above the table."});
    for (int row = 0; row < 4; ++row) {
        float top = 130 + 12 * static_cast<float>(row);
        setLine(page, 50, top, "item " + std::to_string(row));
        setLine(page, 200, top, "1 200");
        setLine(page, 300, top, "3.5");
    }
    Document document = layOut({page});
    EXPECT_EQ(paragraphsOf(document).at(1), "item 0 | 1 200 | 3.5");
    EXPECT_EQ(document.paragraphs.size(), 5u);
    EXPECT_FALSE(document.paragraphs[1].prose);
}

TEST(PdfLayout, GoesOnOverPagesPastNotes) {
    PdfPage first = makePage("1"), second = makePage("2");
    setLines(first, 50, 100,
             {"A sentence begins on the first page and is so",
              "long that it ends only where the next page be-"});
    setLine(first, 50, 700, "3A note in small print at the foot.", 7);
    setLines(second, 50, 100, {"gins, after which another sentence follows."});
    Document document = layOut({first, second});
    EXPECT_EQ(paragraphsOf(document),
              (Strings{"[3] A note in small print at the foot.",
                       "A sentence begins on the first page and is so long that it ends only where "
                       "the next page begins, after which another sentence follows."}));
    ASSERT_EQ(document.pages.size(), 2u);
    EXPECT_TRUE(document.text.substr(document.pages[1].start).starts_with("gins, after"));
}

TEST(PdfLayout, DropsRunningLinesAndPageNumbers) {
    std::vector<PdfPage> pages;
    for (int i = 0; i < 6; ++i) {
        PdfPage page = makePage();
        setLine(page, 50, 30, i % 2 ? "Chapter of 2023" : "The book", 8);
        setLines(page, 50, 100,
                 {"This page says its own thing, which is " +
                  std::string(1, static_cast<char>('a' + i)) + "."});
        setLines(page, 50, 400, {"The same words stand here on every page."}); // not outermost
        setLine(page, 50, 430,
                "But below them is page text " + std::string(static_cast<size_t>(i + 1), 'x') +
                    ".");
        setLine(page, 290, 770,
                i < 2 ? std::string(static_cast<size_t>(i + 1), 'i') : std::to_string(i + 10), 8);
        pages.push_back(page);
    }
    Document document = layOut(pages);
    EXPECT_EQ(document.warnings,
              Strings{"12 running lines were left out: heads, feet and page numbers"});
    EXPECT_FALSE(document.text.contains("Chapter"));
    EXPECT_FALSE(document.text.contains("The book"));
    EXPECT_FALSE(document.text.contains("13"));
    EXPECT_TRUE(document.text.contains("The same words"));
}

TEST(PdfLayout, DropsWhatStandsBesideAPageNumber) {
    std::vector<PdfPage> pages;
    for (int i = 0; i < 4; ++i) {
        PdfPage page = makePage();
        setLine(page, 50, 30, "Chapter " + std::string(static_cast<size_t>(i + 1), 'x'), 8);
        setLine(page, 500, 30, std::to_string(i + 1), 8);
        setLines(page, 50, 100, {"Text of the page, once."});
        pages.push_back(page);
    }
    EXPECT_FALSE(layOut(pages).text.contains("Chapter"));
}

TEST(PdfLayout, FindsHeadingsBySizeAndWeight) {
    PdfPage page = makePage();
    setLine(page, 50, 40, "Big title", 18);
    setLine(page, 50, 80, "Section", 13);
    setLines(page, 50, 110,
             {"Plain text in the usual size, with enough", "letters to be the body of this page."});
    setLine(page, 50, 150, "Bold words", 10, true);
    setLines(page, 50, 170,
             {"More plain text in the usual size follows", "below the bold words, and it ends."});
    setLine(page, 50, 210, "Section two", 13);
    setLines(page, 50, 230, {"And the last of the plain text is here."});
    EXPECT_EQ(headingsOf(layOut({page})),
              (Strings{"1 Big title", "2 Section", "3 Bold words", "2 Section two"}));
}

TEST(PdfLayout, SpellsLigaturesAndMarksNotes) {
    PdfPage page = makePage();
    setLine(page, 50, 100, "e\uFB03cient \uFB01rst \uFB02ow o\uFB00er");
    PdfWord mark = page.words.back();
    mark.left = mark.right, mark.right += 3, mark.bottom -= 5, mark.font_size = 6, mark.text = "3";
    page.words.back().space_after = false;
    page.words.push_back(mark);
    Document document = layOut({page});
    EXPECT_EQ(document.text, "efficient first flow offer[3]\n");
}

TEST(PdfLayout, SaysWhenThereIsNoTextLayer) {
    EXPECT_EQ(
        refusalOf([] {
            layOut({makePage(), makePage()});
        }),
        "x.pdf has 2 pages and no text layer: it is made of pictures (OCR is not part of this "
        "program)");
    EXPECT_TRUE(holds(refusalOf([] { layOut({}); }), "0 pages"));
    PdfPage page = makePage("b");
    setLine(page, 50, 100, "Words.");
    Document document = layOut({makePage("a"), page, makePage("c")});
    EXPECT_EQ(document.warnings, Strings{"2 of 3 pages have no text: they are blank or pictures"});
    ASSERT_EQ(document.pages.size(), 3u);
    EXPECT_EQ(document.pages[1].start, 0u);
    EXPECT_EQ(document.pages[2].label, "c");
}

TEST(PdfLayout, TakesAnyNumbers) {
    std::mt19937 random(3);
    const float numbers[] = {0, -1, 1e-30f, 1e6f, -1e6f, 10, 100, 12, 500};
    for (int round = 0; round < 200; ++round) {
        PdfPage page = makePage();
        for (unsigned i = 0; i < random() % 60; ++i) {
            auto number = [&] { return numbers[random() % std::size(numbers)]; };
            PdfWord word;
            word.left = number(), word.top = number(), word.right = number();
            word.bottom = number(), word.font_size = number();
            word.text = std::string(random() % 4, static_cast<char>(random()));
            page.words.push_back(word);
        }
        PdfPages file;
        file.pages = {page, page};
        try {
            expectSoundOutline(layOutPdf(std::move(file), "x.pdf"));
        } catch (const Error &) {
        }
    }
}

std::string stream(const std::vector<PdfPage> &pages, const PdfOutline &outline = {}) {
    std::string out;
    appendHead(out, "Title");
    for (const PdfPage &page : pages)
        appendPage(out, page);
    if (!outline.entries.empty() || outline.unread)
        appendOutline(out, outline);
    appendEnd(out);
    return out;
}

TEST(PdfStream, ComesBackAsItWas) {
    PdfPage page = makePage("iv");
    setLine(page, 50, 100, "Some words", 11, true);
    PdfPages read = parsePdfPages(stream({page, makePage()}), "x.pdf");
    EXPECT_EQ(read.title, "Title");
    ASSERT_EQ(read.pages.size(), 2u);
    EXPECT_EQ(read.pages[0].label, "iv");
    ASSERT_EQ(read.pages[0].words.size(), 2u);
    EXPECT_EQ(read.pages[0].words[1].text, "words");
    EXPECT_EQ(read.pages[0].words[1].left, page.words[1].left);
    EXPECT_TRUE(read.pages[0].words[1].bold);
}

PdfOutline someOutline() {
    PdfOutline outline;
    outline.entries = {{"Part I", 1, std::nullopt, std::nullopt},
                       {"1. The sea", 2, 0, 120.5f},
                       {"2. Beyond", 2, 7, 3.0f}};
    outline.deeper = true;
    return outline;
}

TEST(PdfStream, BringsTheOutline) {
    PdfOutline read = parsePdfPages(stream({makePage()}, someOutline()), "x.pdf").outline;
    ASSERT_EQ(read.entries.size(), 3u);
    EXPECT_FALSE(read.more);
    EXPECT_TRUE(read.deeper);
    EXPECT_EQ(read.entries[0].title, "Part I");
    EXPECT_FALSE(read.entries[0].page || read.entries[0].top);
    EXPECT_EQ(read.entries[1].level, 2u);
    EXPECT_EQ(read.entries[1].page, 0u);
    EXPECT_EQ(read.entries[1].top, 120.5f);
    EXPECT_FALSE(read.entries[2].page); // there is one page
    EXPECT_FALSE(read.unread);
    EXPECT_TRUE(parsePdfPages(stream({makePage()}, {.entries = {}, .unread = true}), "x.pdf")
                    .outline.unread);
}

TEST(PdfStream, RejectsTruncated) {
    PdfPage page = makePage("iv");
    setLine(page, 50, 100, "Some words");
    std::string whole = stream({page}, someOutline());
    for (size_t size = 0; size < whole.size(); ++size)
        EXPECT_TRUE(
            holds(refusalOf([&] { parsePdfPages(whole.substr(0, size), "x.pdf"); }), "breaks off"))
            << size;
    EXPECT_TRUE(holds(refusalOf([&] { parsePdfPages(whole + "E", "x.pdf"); }), "breaks off"));
}

TEST(PdfStream, RejectsHugeCount) {
    std::string out = stream({makePage()});
    out.replace(out.size() - 5, 4, "\xFF\xFF\xFF\xFF"); // the number of words
    EXPECT_TRUE(holds(refusalOf([&] { parsePdfPages(out, "x.pdf"); }), "breaks off"));
    PdfOutline outline;
    outline.entries.resize(kMostEntries + 1);
    EXPECT_TRUE(holds(refusalOf([&] { parsePdfPages(stream({}, outline), "x.pdf"); }),
                      "has 20001 entries of an outline"));
    outline.entries = {{"deep", 4'000'000'000, std::nullopt, std::nullopt},
                       {"none", 0, std::nullopt, std::nullopt}};
    PdfOutline read = parsePdfPages(stream({}, outline), "x.pdf").outline;
    EXPECT_EQ(read.entries.at(0).level, kMostLevels);
    EXPECT_EQ(read.entries.at(1).level, 1u);
}

TEST(PdfStream, TamesWildNumbers) {
    PdfPage page = makePage();
    setLine(page, std::numeric_limits<float>::quiet_NaN(), INFINITY, "word");
    PdfWord word = parsePdfPages(stream({page}), "x.pdf").pages[0].words[0];
    EXPECT_EQ(word.left, 0);
    EXPECT_EQ(word.top, 0);
}

} // namespace
} // namespace longscope::document
