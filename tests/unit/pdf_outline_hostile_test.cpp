// Outlines of PDFs that lead nowhere, or are made to never end.
#include "compute/document/formats.h"
#include "compute/document/pdf.h"
#include "compute/document/pdf_layout.h"
#include "tests/support/packed_files.h"
#include "tests/support/pdf_writer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <format>

namespace longscope::document {
namespace {

using longscope::testing::expectSoundOutline;
using longscope::testing::holds;
using longscope::testing::makePdf;
using longscope::testing::streamObject;
using Strings = std::vector<std::string>;

/// A page with a line of text, an outline in object 6, and what more there is.
std::string pdfWithOutline(const Strings &outline, const std::string &page_keys = "",
                           const std::string &catalogue_keys = "") {
    Strings objects{"<</Type/Catalog/Pages 2 0 R/Outlines 6 0 R" + catalogue_keys + ">>",
                    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
                    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 600]/Contents 4 0 R"
                    "/Resources<</Font<</F 5 0 R>>>>" +
                        page_keys + ">>",
                    streamObject("BT /F 12 Tf 40 500 Td (The words of this page.) Tj ET"),
                    "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"};
    objects.insert(objects.end(), outline.begin(), outline.end());
    return makePdf(objects);
}

PdfOutline outlineOf(const std::string &pdf) {
    PdfPages read = runPdfReader(pdf, "x.pdf");
    Document document = layOutPdf(std::move(read), "x.pdf");
    expectSoundOutline(document);
    EXPECT_TRUE(document.text.contains("The words of this page."));
    return runPdfReader(pdf, "x.pdf").outline;
}

TEST(PdfOutlineOfAFile, ThatLeadsToItselfEnds) {
    PdfOutline outline = outlineOf(pdfWithOutline(
        {"<</First 7 0 R/Last 8 0 R>>", "<</Title(a)/Parent 6 0 R/Next 8 0 R/First 7 0 R>>",
         "<</Title(b)/Parent 6 0 R/Next 7 0 R/First 7 0 R>>"}));
    EXPECT_FALSE(outline.entries.empty());
    EXPECT_LT(outline.entries.size(), 10u);
}

TEST(PdfOutlineOfAFile, TooDeepIsReadSoFar) {
    Strings objects{"<</First 7 0 R>>"};
    for (int i = 7; i < 5000; ++i)
        objects.push_back(std::format("<</Title(level {})/First {} 0 R>>", i - 6, i + 1));
    std::string pdf = pdfWithOutline(objects);
    PdfOutline outline = outlineOf(pdf);
    ASSERT_EQ(outline.entries.size(), kMostLevels);
    EXPECT_EQ(outline.entries.back().level, kMostLevels);
    EXPECT_EQ(outline.entries.back().title, "level 32");
    EXPECT_TRUE(outline.deeper);
    EXPECT_FALSE(outline.more);
    EXPECT_TRUE(holds(readPdf(pdf, "x.pdf").warnings.back(), "has more than 32 levels"));
}

/// Each of three items on a level has the same level below: 3^25 entries in a file of 6 kB.
TEST(PdfOutlineOfAFile, WithBranchesSharedByManyEndsByCount) {
    Strings objects{"<</First 7 0 R>>"};
    for (int level = 0; level < 25; ++level)
        for (int item = 0; item < 3; ++item) {
            int own = 7 + 3 * level + item;
            objects.push_back(
                std::format("<</Title(t{})/First {} 0 R{}>>", own, 7 + 3 * (level + 1),
                            item < 2 ? std::format("/Next {} 0 R", own + 1) : std::string()));
        }
    std::string pdf = pdfWithOutline(objects);
    auto begin = std::chrono::steady_clock::now();
    PdfOutline outline = outlineOf(pdf);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
    EXPECT_EQ(outline.entries.size(), kMostEntries);
    EXPECT_TRUE(outline.more);
    Document document = readPdf(pdf, "x.pdf");
    ASSERT_EQ(document.warnings.size(), 2u);
    EXPECT_TRUE(holds(document.warnings[0], "20000 of 20000 entries"));
    EXPECT_TRUE(holds(document.warnings[1], "has more than 20000 entries"));
    EXPECT_TRUE(document.headings.empty());
}

TEST(PdfOutlineOfAFile, EndsByCountAlsoWhereItIsLong) {
    Strings objects{"<</First 7 0 R/Count 2000000000>>"};
    for (int i = 7; i < 30'007; ++i)
        objects.push_back(
            std::format("<</Title(t{})/Dest[3 0 R/XYZ 0 300 0]/Next {} 0 R>>", i, i + 1));
    PdfOutline outline = outlineOf(pdfWithOutline(objects));
    EXPECT_EQ(outline.entries.size(), kMostEntries);
    EXPECT_TRUE(outline.more);
}

TEST(PdfOutlineOfAFile, MayLeadToPagesThatAreNotThere) {
    const Strings places{"/Dest[99 0 R/Fit]",
                         "/Dest[5 0 R/Fit]",
                         "/Dest[1/Fit]",
                         "/Dest[-1/Fit]",
                         "/Dest[2147483647/Fit]",
                         "/Dest(nowhere)",
                         "/Dest/nowhere",
                         "/Dest[]",
                         "/Dest 7 0 R",
                         "/A<</S/URI/URI(x:y)>>",
                         "/A<</S/GoToR/F(b.pdf)/D[0/Fit]>>",
                         "/A<</S/GoTo>>",
                         ""};
    Strings objects{"<</First 7 0 R>>"};
    for (size_t i = 0; i < places.size(); ++i)
        objects.push_back(std::format("<</Title(t{}){}/Next {} 0 R>>", i, places[i], i + 8));
    std::string pdf = pdfWithOutline(objects);
    PdfOutline outline = outlineOf(pdf);
    ASSERT_EQ(outline.entries.size(), places.size());
    for (size_t i = 0; i < places.size(); ++i)
        EXPECT_FALSE(outline.entries[i].page) << places[i];
    EXPECT_TRUE(holds(readPdf(pdf, "x.pdf").warnings.at(0), "13 of 13 entries"));
}

TEST(PdfOutlineOfAFile, MayHaveAnyTitles) {
    std::string pdf = pdfWithOutline(
        {"<</First 7 0 R>>",
         std::format("<</Title({})/Dest[0/Fit]/Next 8 0 R>>", std::string(1'000'000, 'x')),
         "<</Title<FEFFD83DDE00D83D0041>/Dest[0/Fit]/Next 9 0 R>>", // a pair, then half a one
         "<</Title 5/Dest[0/Fit]/Next 10 0 R>>", "<</Dest[0/Fit]/Next 11 0 R>>", "(no item)"});
    PdfOutline outline = outlineOf(pdf);
    ASSERT_EQ(outline.entries.size(), 4u);
    EXPECT_LE(outline.entries[0].title.size(), kLongestTitle);
    EXPECT_TRUE(outline.entries[0].title.ends_with("x\u2026"));
    EXPECT_TRUE(outline.entries[1].title.starts_with("\U0001F600"));
    EXPECT_EQ(outline.entries[2].title, "");
}

/// (120, 500) of the page as it was made: how far from the edge that is above, as it is shown.
TEST(PdfOutlineOfAFile, FollowsPagesThatAreTurnedOrCut) {
    struct Case {
        const char *keys;
        float top;
    };
    for (const Case &c : {Case{"", 100}, Case{"/Rotate 90", 120}, Case{"/Rotate 180", 500},
                          Case{"/Rotate 270", 280}, Case{"/CropBox[20 30 380 560]", 60},
                          Case{"/CropBox[20 30 380 560]/Rotate 90", 100}}) {
        PdfOutline outline =
            runPdfReader(pdfWithOutline({"<</First 7 0 R>>",
                                         "<</Title(t)/Dest[3 0 R/XYZ 120 500 0]/Next 8 0 R>>",
                                         "<</Title(u)/Dest[3 0 R/XYZ null null null]>>"},
                                        c.keys),
                         "x.pdf")
                .outline;
        ASSERT_EQ(outline.entries.size(), 2u);
        EXPECT_EQ(outline.entries[0].page, 0u);
        ASSERT_TRUE(outline.entries[0].top) << c.keys;
        EXPECT_FLOAT_EQ(*outline.entries[0].top, c.top) << c.keys;
        EXPECT_FALSE(outline.entries[1].top);
    }
}

/// Of the old form and the new one; poppler looks into the first that a file has.
TEST(PdfOutlineOfAFile, FollowsNamesOfPlaces) {
    for (const char *names : {"/Dests<</sea[3 0 R/FitH 450]>>",
                              "/Names<</Dests<</Names[(sea)<</D[3 0 R/XYZ 0 450 0]>>]>>>>"}) {
        PdfOutline outline = outlineOf(pdfWithOutline(
            {"<</First 7 0 R>>", "<</Title(old)/Dest/sea/Next 8 0 R>>",
             "<</Title(new)/A<</S/GoTo/D(sea)>>/Next 9 0 R>>", "<</Title(whole)/Dest[0/Fit]>>"},
            "", names));
        ASSERT_EQ(outline.entries.size(), 3u);
        for (const PdfEntry &entry : outline.entries)
            EXPECT_EQ(entry.page, 0u) << entry.title;
        EXPECT_EQ(outline.entries[0].top, 150.0f);
        EXPECT_EQ(outline.entries[1].top, 150.0f);
        EXPECT_FALSE(outline.entries[2].top);
    }
}

} // namespace
} // namespace longscope::document
