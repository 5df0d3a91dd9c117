// The outline that a PDF brings: where its entries are found in the text.
#include "compute/document/formats.h"
#include "compute/document/passages.h"
#include "compute/document/pdf.h"
#include "compute/document/pdf_layout.h"
#include "compute/document/pdf_titles.h"
#include "compute/document/places.h"
#include "tests/support/packed_files.h"
#include "tests/support/pdf_words.h"

#include <gtest/gtest.h>

#include <format>

namespace longscope::document {
namespace {

using longscope::testing::documentFile;
using longscope::testing::expectSoundOutline;
using longscope::testing::headingsOf;
using longscope::testing::makePage;
using longscope::testing::setLine;
using longscope::testing::setLines;
using Strings = std::vector<std::string>;

// ---- a real file -------------------------------------------------------------------------------

TEST(PdfOutline, OfAFileOfGroffIsTheDocuments) {
    Document document = readPdf(documentFile("keeper.pdf"), "keeper.pdf");
    expectSoundOutline(document);
    // Nothing but "Lost boats" looks like a heading. The titles stand on the first page, too; two
    // are the same word; one is a picture for all we know: its section begins with a paragraph.
    EXPECT_EQ(headingsOf(document),
              (Strings{"1 Part I: The tower", "2 1. What the lamp needs", "3 1.1 Oil and wicks",
                       "3 Summary", "1 Part II: The water", "2 2. What the sea does", "3 2.1 Fog",
                       "4 Lost boats", "3 2.2 When the bell is broken", "3 Summary"}));
    EXPECT_EQ(document.warnings,
              Strings{"3 running lines were left out: heads, feet and page numbers"});
    auto beginning = [&](size_t heading) {
        return document.text.substr(document.headings.at(heading).start);
    };
    EXPECT_TRUE(beginning(0).starts_with("What the lamp needs\n\nThe lamp is lit half"));
    EXPECT_EQ(document.headings[1].start, document.headings[0].start);
    EXPECT_TRUE(beginning(2).starts_with("Oil and wicks\n\nA night in June"));
    EXPECT_TRUE(beginning(3).starts_with("Summary\n\nLight early"));
    EXPECT_TRUE(beginning(8).starts_with("The horn is blown in its place"));
    EXPECT_TRUE(beginning(9).starts_with("Summary\n\nMind the steps"));
    EXPECT_FALSE(document.text.contains("Part II"));          // no word that the pages do not have
    EXPECT_FALSE(document.text.contains("When the bell is")); // in the outline alone
    EXPECT_EQ(placeOf(document, document.text.find("When the church")),
              "page 3, 2.1 Fog, paragraph 1");
    EXPECT_EQ(placeOf(document, document.text.find("The horn is")),
              "page 3, 2.2 When the bell is broken, paragraph 1");
    EXPECT_EQ(placeOf(document, document.text.find("Light early")), "page 2, Summary, paragraph 1");
}

TEST(PdfOutline, TellsPagesAndPlaces) {
    PdfOutline outline = runPdfReader(documentFile("minutes.pdf"), "minutes.pdf").outline;
    ASSERT_EQ(outline.entries.size(), 5u);
    EXPECT_EQ(outline.entries[2].title, "Quay and moorings");
    EXPECT_EQ(outline.entries[2].level, 2u);
    EXPECT_EQ(outline.entries[2].page, 0u);
    EXPECT_FALSE(outline.more || outline.deeper);
    Document document = readPdf(documentFile("minutes.pdf"), "minutes.pdf");
    EXPECT_EQ(headingsOf(document),
              (Strings{"1 Opening", "1 Reports", "2 Quay and moorings", "2 Fees", "1 Decisions"}));
}

// ---- titles ------------------------------------------------------------------------------------

TEST(PdfOutline, ComparesTitlesWithoutCaseSpaceAndNumber) {
    auto same = [](std::string_view a, std::string_view b) {
        return titleKey(a).full == titleKey(b).full;
    };
    auto alike = [](std::string_view a, std::string_view b) {
        return titleKey(a).bare == titleKey(b).bare;
    };
    EXPECT_TRUE(same("2.1  The Sea \u2013 Again", "2.1. THE SEA: again"));
    EXPECT_FALSE(same("1.1 Costs", "11 Costs"));
    EXPECT_FALSE(same("1 Summary", "2 Summary"));
    for (const char *numbered : {"3 The sea", "3.1.4. The sea", "Chapter 3: The sea", "IV. The Sea",
                                 "A.2 The sea", "Anhang B The sea", "B) The sea"})
        EXPECT_TRUE(alike(numbered, "The sea")) << numbered;
    for (const char *other : {"A sea", "I see the sea", "License"})
        EXPECT_EQ(titleKey(other).bare, titleKey(other).full) << other;
    EXPECT_EQ(titleKey("Chapter 12").bare, "chapter12");
    EXPECT_EQ(titleKey(" * * * ").full, "");
}

struct Entry {
    const char *title;
    unsigned level = 1;
    std::optional<size_t> page = 0;
    std::optional<float> top = std::nullopt;
};

Document layOut(std::vector<PdfPage> pages, const std::vector<Entry> &entries) {
    PdfPages file;
    file.pages = std::move(pages);
    for (const Entry &entry : entries)
        file.outline.entries.push_back({entry.title, entry.level, entry.page, entry.top});
    Document document = layOutPdf(std::move(file), "x.pdf");
    expectSoundOutline(document);
    return document;
}

/// A page whose lines all look the same: a name, three lines of text, and so on.
PdfPage plainPage(const Strings &names) {
    PdfPage page = makePage();
    float top = 60;
    for (const std::string &name : names) {
        setLine(page, 50, top, name);
        setLines(page, 50, top + 24,
                 {"A text that goes on below " + name + " and is long",
                  "enough to be one, which says that", "it belongs to " + name + "."});
        top += 84;
    }
    return page;
}

TEST(PdfOutline, FindsTitlesOfSeveralLinesAndTakesThemFromParagraphs) {
    PdfPage page = makePage();
    setLines(page, 50, 60,
             {"Words that stand before the title and end.", "2 A title that runs over", "two lines",
              "and the text goes on right below it, without any gap,", "until it ends."});
    Document document = layOut({page}, {{"A title that runs over two lines", 3, 0, 70}});
    EXPECT_EQ(headingsOf(document), Strings{"3 A title that runs over two lines"});
    EXPECT_EQ(
        longscope::testing::paragraphsOf(document),
        (Strings{"Words that stand before the title and end.", "2 A title that runs over two lines",
                 "and the text goes on right below it, without any gap, until it ends."}));
}

TEST(PdfOutline, OfSeveralLinesTheNearestIsTheTitle) {
    PdfPage page = plainPage({"Results", "Costs", "Results"});
    Document document = layOut({page}, {{"Results", 1, 0, 200}, {"Costs", 1, 0, 130}});
    EXPECT_EQ(headingsOf(document), (Strings{"1 Costs", "1 Results"}));
    EXPECT_EQ(document.headings[1].start, document.text.rfind("\nResults") + 1);
    // Without places they are taken in order; a number decides before a place does.
    document = layOut({plainPage({"1 Results", "2 Results"})},
                      {{"2 Results", 1, 0, 60}, {"1 Results", 2, 0, 60}});
    EXPECT_EQ(headingsOf(document), (Strings{"2 1 Results", "1 2 Results"}));
    document = layOut({plainPage({"Results", "Results"})}, {{"Results"}, {"Results", 2}});
    EXPECT_EQ(headingsOf(document), (Strings{"1 Results", "2 Results"}));
}

TEST(PdfOutline, LooksOnTheNextPageWhereAMarkCameTooEarly) {
    Document document =
        layOut({plainPage({"One"}), plainPage({"Two"})}, {{"One", 1, 0, 50}, {"Two", 1, 0, 700}});
    EXPECT_EQ(headingsOf(document), (Strings{"1 One", "1 Two"}));
    EXPECT_TRUE(document.text.substr(document.headings[1].start).starts_with("Two\n"));
}

TEST(PdfOutline, WithoutALineASectionBeginsWithAParagraph) {
    PdfPage page = plainPage({"One", "Two"});
    // Places point to a picture above the second text; a page alone to its first paragraph.
    Document document = layOut({page, plainPage({"Three"})},
                               {{"One", 1, 0, 60}, {"A picture", 2, 0, 162}, {"Whole page", 1, 1}});
    EXPECT_EQ(headingsOf(document), (Strings{"1 One", "2 A picture", "1 Whole page"}));
    size_t at = document.headings[1].start;
    EXPECT_TRUE(document.text.substr(at).starts_with("A text that goes on below Two"));
    size_t paragraph = paragraphAt(document, at);
    EXPECT_TRUE(document.paragraphs[paragraph].prose);
    EXPECT_EQ(document.paragraphs[paragraph].heading, 2u);
    EXPECT_EQ(numberUnderHeading(document, paragraph), 1u);
    // A passage begins there, as it does with a heading's line.
    std::vector<Passage> passages = splitPassages(document, {.words = 40});
    EXPECT_TRUE(std::ranges::contains(passages, at, &Passage::start));
}

TEST(PdfOutline, WithoutPlacesKeepsItsOrderOnAPage) {
    Document document = layOut({plainPage({"One", "Two"})}, {{"One"}, {"Elsewhere", 2}, {"Two"}});
    EXPECT_EQ(headingsOf(document), (Strings{"1 One", "2 Elsewhere", "1 Two"}));
    EXPECT_TRUE(
        document.text.substr(document.headings[1].start).starts_with("A text that goes on below"));
}

TEST(PdfOutline, ATitleAboveOthersStandsWhereTheyBegin) {
    Document document =
        layOut({plainPage({"Zero"}), plainPage({"One", "Two"})}, {{"Part", 1, std::nullopt},
                                                                  {"Within", 2, std::nullopt},
                                                                  {"Two", 3, 1, 130},
                                                                  {"Alone", 1, std::nullopt}});
    EXPECT_EQ(headingsOf(document), (Strings{"1 Part", "2 Within", "3 Two"}));
    for (const Heading &heading : document.headings)
        EXPECT_EQ(heading.start, document.text.rfind("\nTwo") + 1);
    EXPECT_EQ(document.warnings, Strings{"1 of 4 entries of the file's own outline lead to no "
                                         "place in it and are left out"});
}

TEST(PdfOutline, NamesTheHeadingAtItsPlaceAndLeavesTablesTheirRows) {
    PdfPage page = makePage();
    setLine(page, 50, 60, "THE SEA", 16);
    setLines(page, 50, 90, {"A text that goes on below it and is long", "enough to be one."});
    for (int row = 0; row < 4; ++row)
        for (int column = 0; column < 3; ++column)
            setLine(page, 50 + 120 * static_cast<float>(column), 140 + 12 * static_cast<float>(row),
                    std::format("{} 00{}", row, column));
    setLines(page, 50, 220, {"A text below the table that is long enough to", "be one, too."});
    Document document =
        layOut({page}, {{"Of waters", 2, 0, 58}, {"Table 1", 3, 0, 138}, {"End", 3, 0, 790}});
    EXPECT_EQ(headingsOf(document), (Strings{"2 Of waters", "3 Table 1"}));
    EXPECT_TRUE(document.text.starts_with("THE SEA\n"));
    EXPECT_TRUE(document.text.substr(document.headings[1].start).starts_with("A text below the"));
    EXPECT_EQ(document.warnings.size(), 1u); // nothing begins below "End"
}

TEST(PdfOutline, WinsOverTheLookOfLines) {
    PdfPage page = makePage();
    setLine(page, 50, 40, "The whole book", 20);
    setLine(page, 50, 80, "Sea", 13);
    setLines(page, 50, 110,
             {"Plain text in the usual size, with enough", "letters to be the body."});
    setLine(page, 50, 150, "Fog on it", 11.5f);
    setLines(page, 50, 170, {"More plain text in the usual size follows", "and also ends here."});
    setLine(page, 50, 210, "References", 13);
    setLines(page, 50, 230, {"And the last of the plain text is here, as", "long as the others."});
    setLine(page, 50, 270, "A loud remark", 24);
    setLines(page, 50, 300, {"And the last of the plain text is here, as", "long as the others."});
    // Larger ones before the outline's first heading are the title; of its look, of its level; all
    // others stand below it, however large.
    Document document = layOut({page}, {{"Sea", 2, 0, 80}});
    EXPECT_EQ(headingsOf(document), (Strings{"1 The whole book", "2 Sea", "3 Fog on it",
                                             "2 References", "3 A loud remark"}));
}

TEST(PdfOutline, LeavesOutWhatIsNoTitle) {
    PdfPage page = plainPage({"One", "Two"});
    page.height = 800;
    Document document =
        layOut({page}, {{"", 1, 0, 60}, {" \n ", 1, 0, 60}, {"Two\nlines \x01", 1, 0, 800}});
    EXPECT_EQ(headingsOf(document), Strings{"1 Two lines"}); // the foot of the page is no place
    EXPECT_EQ(document.headings[0].start, 0u);
    EXPECT_TRUE(document.warnings.empty());
}

TEST(PdfOutline, ABuildThatCannotReadItSaysSo) {
    PdfPages file;
    file.pages = {plainPage({"One"})};
    file.outline.unread = true;
    Document document = layOutPdf(std::move(file), "x.pdf");
    ASSERT_EQ(document.warnings.size(), 1u);
    EXPECT_TRUE(document.warnings[0].starts_with("this build cannot read a PDF's own outline"));
}

TEST(PdfOutline, OfPageNumbersIsNone) {
    std::vector<PdfPage> pages{plainPage({"One"}), plainPage({"Two"}), plainPage({"1984"})};
    pages[1].label = "iv";
    Document document = layOut(pages, {{"Page 1", 1, 0},
                                       {"P. IV", 1, 1},
                                       {"3", 1, 2, 60},
                                       {"1984", 1, 2, 60},
                                       {"Page 3 of all", 1, 2, 300}});
    EXPECT_EQ(headingsOf(document), Strings{"1 1984"});
}

} // namespace
} // namespace longscope::document
