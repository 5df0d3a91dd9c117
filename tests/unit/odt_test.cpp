// compute/document/odt: files of pandoc and LibreOffice, and XML made here.
#include "compute/document/formats.h"
#include "tests/support/packed_files.h"

#include <gtest/gtest.h>

#include <chrono>
#include <format>

namespace longscope::document {
namespace {

using longscope::testing::documentFile;
using longscope::testing::expectSoundOutline;
using longscope::testing::headingsOf;
using longscope::testing::holds;
using longscope::testing::makeZip;
using longscope::testing::paragraphsOf;
using longscope::testing::refusalOf;
using Strings = std::vector<std::string>;

std::string odt(const std::string &body, const std::string &styles = "") {
    return makeZip(
        {{"mimetype", "application/vnd.oasis.opendocument.text"},
         {"content.xml", "<office:document-content><office:automatic-styles>" + styles +
                             "</office:automatic-styles><office:body><office:text>" + body +
                             "</office:text></office:body>"
                             "</office:document-content>"}});
}

Document read(const std::string &body, const std::string &styles = "") {
    Document document = readArchive(odt(body, styles), "x.odt");
    expectSoundOutline(document);
    return document;
}

TEST(Odt, ReadsAFileOfPandoc) {
    Document document = readArchive(documentFile("ferry.odt"), "ferry.odt");
    expectSoundOutline(document);
    EXPECT_EQ(document.format, "ODT");
    EXPECT_EQ(document.title, "The Ferry of Lenn");
    EXPECT_EQ(headingsOf(document),
              (Strings{"1 The Ferry of Lenn", "1 The crossing", "2 What it costs",
                       "2 What may change", "1 The people"}));
    EXPECT_TRUE(document.text.contains("1. A single crossing costs 2.40 crowns.\n"));
    EXPECT_TRUE(document.text.contains("2019 | 412 000 | 0.86 m\n"));
    EXPECT_TRUE(document.text.contains("in 2019.[1] Nobody"));
    EXPECT_TRUE(document.text.ends_with("[2] In 1912, 1954 and 1999.\n"));
}

TEST(Odt, ReadsAFileOfLibreOffice) {
    Document document = readArchive(documentFile("minutes.odt"), "minutes.odt");
    expectSoundOutline(document);
    EXPECT_EQ(document.title, "Minutes of the harbour council");
    EXPECT_EQ(headingsOf(document),
              (Strings{"1 Opening", "1 Reports", "2 Quay and moorings", "2 Fees", "1 Decisions"}));
    EXPECT_TRUE(
        document.text.contains("thanked the  members.[1] The minutes of May were accepted."));
    EXPECT_FALSE(document.text.contains("reluctantly"));
    EXPECT_TRUE(document.text.contains(
        "1. Small boats pay 120 crowns.\n  - Members pay half.\n2. Large boats pay 340 crowns.\n"));
    EXPECT_TRUE(document.text.contains("stands a box.\n\nA word in a box.\n\n"));
    ASSERT_EQ(document.pages.size(), 2u);
    EXPECT_TRUE(document.text.substr(document.pages[1].start).starts_with("This chapter begins"));
}

TEST(Odt, ReadsWhiteSpaceAsItIsMeant) {
    Document document = read("<text:p>  One\n   two<text:s text:c=\"3\"/>three<text:tab/>four"
                             "<text:line-break/>five <text:span> six</text:span></text:p>"
                             "<text:p>x<text:s text:c=\"4000000000\"/>y</text:p>");
    EXPECT_TRUE(document.text.starts_with("One two   three\tfour\nfive six\n\nx"));
    EXPECT_LT(document.text.size(), 200u);
}

TEST(Odt, CountsSoftAndHardPageBreaks) {
    Document document =
        read("<text:p>One <text:soft-page-break/>two.</text:p><text:p text:style-name=\"B\">Three."
             "</text:p>",
             "<style:style style:name=\"B\"><style:paragraph-properties fo:break-before=\"page\"/>"
             "</style:style>");
    ASSERT_EQ(document.pages.size(), 3u);
    EXPECT_EQ(document.span(document.pages[1].start, document.pages[1].start + 4), "two.");
    EXPECT_EQ(document.span(document.pages[2].start, document.pages[2].start + 6), "Three.");
    EXPECT_TRUE(document.warnings.empty());
}

TEST(Odt, ReadsListsTablesAndNotesInNotes) {
    std::string note = "<text:note><text:note-citation>1</text:note-citation><text:note-body>"
                       "<text:p>Note.</text:p></text:note-body></text:note>";
    Document document = read(
        "<text:list><text:list-item><text:p>a</text:p><text:p>more</text:p></text:list-item>"
        "</text:list><table:table><table:table-row><table:table-cell><text:p>b</text:p><text:p>c"
        "</text:p></table:table-cell><table:table-cell table:number-columns-repeated=\"99999999\">"
        "<text:p>d</text:p></table:table-cell></table:table-row></table:table><text:p>e" +
        note + "<office:annotation><text:p>comment</text:p></office:annotation></text:p>");
    EXPECT_EQ(paragraphsOf(document), (Strings{"a", "more", "b c | d", "e[1]", "Note."}));
    EXPECT_TRUE(document.text.starts_with("- a\n"));
    EXPECT_TRUE(document.text.ends_with("\n\n[1] Note.\n"));
}

TEST(Odt, KeepsListsInTheirPlaces) {
    std::string list = "<text:list><text:list-item><text:p>a <text:line-break/>b</text:p>"
                       "</text:list-item></text:list>";
    Document document =
        read("<table:table><table:table-row><table:table-cell>" + list +
             "</table:table-cell><table:table-cell><text:p>c</text:p></table:table-cell>"
             "</table:table-row></table:table><text:p>e<text:note><text:note-body>" +
             list + "</text:note-body></text:note></text:p>");
    EXPECT_EQ(document.text, "a b | c\n\ne[1]\n\n[1] - a\nb\n");
    EXPECT_EQ(paragraphsOf(document), (Strings{"a b | c", "e[1]", "a\nb"}));
}

TEST(Odt, ReadsAnyDepth) {
    std::string body;
    for (int i = 0; i < 30'000; ++i)
        body += "<text:section><text:list><text:list-item><text:p><text:span>";
    body += "deep";
    for (int i = 0; i < 30'000; ++i)
        body += "</text:span></text:p></text:list-item></text:list></text:section>";
    EXPECT_TRUE(read(body).text.ends_with("deep\n"));
}

TEST(Odt, DeepListsTakeLinearTime) {
    auto secondsFor = [](size_t depth) {
        std::string open, close;
        for (size_t i = 0; i < depth; ++i) {
            open += i == 0 ? "<text:list text:style-name=\"L\">" : "<text:list>";
            open += std::format("<text:list-item><text:p>{:x}</text:p>", i * 2'654'435'761 >> 3);
            close += "</text:list-item></text:list>";
        }
        auto begin = std::chrono::steady_clock::now();
        Document document = read(open + close);
        std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
        EXPECT_EQ(document.paragraphs.size(), depth);
        return passed.count();
    };
    EXPECT_LT(secondsFor(160'000), 16 * secondsFor(20'000) + 0.5); // 64 times if it were quadratic
}

TEST(Odt, RefusesEncryptedAndBroken) {
    std::string locked = makeZip({{"mimetype", "application/vnd.oasis.opendocument.text"},
                                  {"META-INF/manifest.xml", "<m><manifest:encryption-data/></m>"},
                                  {"content.xml", "\x01\x02"}});
    EXPECT_TRUE(holds(refusalOf([&] { readArchive(locked, "x.odt"); }), "protected by a password"));
    std::string broken = makeZip(
        {{"mimetype", "application/vnd.oasis.opendocument.text"}, {"content.xml", "<a><b></a>"}});
    EXPECT_TRUE(holds(refusalOf([&] { readArchive(broken, "x.odt"); }), "broken XML"));
    EXPECT_TRUE(holds(refusalOf([&] {
                          readArchive(
                              makeZip({{"mimetype", "application/vnd.oasis.opendocument.text"},
                                       {"content.xml", "<a/>"}}),
                              "x.odt");
                      }),
                      "without a text"));
}

} // namespace
} // namespace longscope::document
