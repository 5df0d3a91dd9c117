// compute/document/docx: files of pandoc and LibreOffice, and XML made here.
#include "compute/document/formats.h"
#include "tests/support/packed_files.h"

#include <gtest/gtest.h>

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

constexpr std::string_view kTypes =
    "<Types><Override PartName=\"/word/document.xml\" ContentType=\"application/vnd.openxmlformats-"
    "officedocument.wordprocessingml.document.main+xml\"/></Types>";
constexpr std::string_view kPackage =
    "<Relationships><Relationship Type=\"http://x/officeDocument\" Target=\"word/document.xml\"/>"
    "</Relationships>";
constexpr std::string_view kParts =
    "<Relationships><Relationship Type=\"http://x/styles\" Target=\"styles.xml\"/>"
    "<Relationship Type=\"http://x/numbering\" Target=\"numbering.xml\"/>"
    "<Relationship Type=\"http://x/footnotes\" Target=\"footnotes.xml\"/></Relationships>";

struct Parts {
    std::string styles, numbering, footnotes;
};

std::string docx(const std::string &body, const Parts &parts = {}) {
    auto root = [](const std::string &name, const std::string &inside) {
        return "<w:" + name + " xmlns:w=\"w\">" + inside + "</w:" + name + ">";
    };
    return makeZip({{"[Content_Types].xml", std::string(kTypes)},
                    {"_rels/.rels", std::string(kPackage)},
                    {"word/_rels/document.xml.rels", std::string(kParts)},
                    {"word/styles.xml", root("styles", parts.styles)},
                    {"word/numbering.xml", root("numbering", parts.numbering)},
                    {"word/footnotes.xml", root("footnotes", parts.footnotes)},
                    {"word/document.xml", root("document", "<w:body>" + body + "</w:body>")}});
}

Document read(const std::string &body, const Parts &parts = {}) {
    Document document = readArchive(docx(body, parts), "x.docx");
    expectSoundOutline(document);
    return document;
}

std::string paragraph(const std::string &inside, const std::string &properties = "") {
    return "<w:p><w:pPr>" + properties + "</w:pPr>" + inside + "</w:p>";
}
std::string run(const std::string &text) {
    return "<w:r><w:t xml:space=\"preserve\">" + text + "</w:t></w:r>";
}

TEST(Docx, ReadsAFileOfPandoc) {
    Document document = readArchive(documentFile("ferry.docx"), "ferry.docx");
    expectSoundOutline(document);
    EXPECT_EQ(document.format, "DOCX");
    EXPECT_EQ(document.title, "The Ferry of Lenn");
    EXPECT_EQ(headingsOf(document),
              (Strings{"1 The Ferry of Lenn", "1 The crossing", "2 What it costs",
                       "2 What may change", "1 The people"}));
    EXPECT_TRUE(document.text.contains("1. A single crossing costs 2.40 crowns.\n"));
    EXPECT_TRUE(
        document.text.contains("2. A day ticket costs 6 crowns:\n  - children pay half,\n"));
    EXPECT_TRUE(document.text.contains("2019 | 412 000 | 0.86 m\n"));
    EXPECT_TRUE(document.text.contains("in 2019.[1] Nobody"));
    EXPECT_TRUE(document.text.ends_with("[2] In 1912, 1954 and 1999.\n"));
    EXPECT_TRUE(document.pages.empty());
    for (const Paragraph &p : document.paragraphs) {
        std::string_view text = document.span(p.start, p.end);
        if (text.contains(" | ") || text.starts_with("south")) {
            EXPECT_FALSE(p.prose) << text;
        }
    }
}

TEST(Docx, ReadsAFileOfLibreOffice) {
    Document document = readArchive(documentFile("minutes.docx"), "minutes.docx");
    expectSoundOutline(document);
    EXPECT_EQ(document.title, "Minutes of the harbour council");
    EXPECT_EQ(headingsOf(document),
              (Strings{"1 Opening", "1 Reports", "2 Quay and moorings", "2 Fees", "1 Decisions"}));
    EXPECT_TRUE(document.text.contains("The minutes of May were accepted."));
    EXPECT_FALSE(document.text.contains("reluctantly"));
    EXPECT_EQ(document.warnings.at(0), "1 tracked deletion was left out");
    // The box is said once, though the file has it twice (DrawingML and VML).
    size_t box = document.text.find("A word in a box.");
    ASSERT_NE(box, std::string::npos);
    EXPECT_EQ(document.text.find("A word in a box.", box + 1), std::string::npos);
    ASSERT_EQ(document.pages.size(), 2u);
    EXPECT_TRUE(document.text.substr(document.pages[1].start).starts_with("This chapter begins"));
}

TEST(Docx, KnowsHeadingsByStyle) {
    Parts parts;
    parts.styles =
        "<w:style w:type=\"paragraph\" w:styleId=\"berschrift2\"><w:name w:val=\"heading 2\"/>"
        "</w:style><w:style w:type=\"paragraph\" w:styleId=\"mine\"><w:name w:val=\"Mine\"/>"
        "<w:basedOn w:val=\"berschrift2\"/></w:style>"
        "<w:style w:type=\"paragraph\" w:styleId=\"loop\"><w:basedOn w:val=\"loop\"/></w:style>"
        "<w:style w:type=\"paragraph\" w:styleId=\"o\"><w:pPr><w:outlineLvl w:val=\"2\"/></w:pPr>"
        "</w:style>";
    auto styled = [](const std::string &style, const std::string &text) {
        return paragraph(run(text), "<w:pStyle w:val=\"" + style + "\"/>");
    };
    Document document =
        read(styled("berschrift2", "Eins") + styled("mine", "Zwei") + styled("o", "Drei") +
                 styled("loop", "Text.") + styled("mine", "") +
                 paragraph(run("Vier"), "<w:outlineLvl w:val=\"0\"/>"),
             parts);
    EXPECT_EQ(headingsOf(document), (Strings{"2 Eins", "2 Zwei", "3 Drei", "1 Vier"}));
}

TEST(Docx, NumbersLists) {
    Parts parts;
    parts.numbering =
        "<w:abstractNum w:abstractNumId=\"7\"><w:lvl w:ilvl=\"0\"><w:start w:val=\"3\"/>"
        "<w:numFmt w:val=\"decimal\"/><w:lvlText w:val=\"%1.\"/></w:lvl><w:lvl w:ilvl=\"1\">"
        "<w:numFmt w:val=\"lowerLetter\"/><w:lvlText w:val=\"%1.%2)\"/></w:lvl></w:abstractNum>"
        "<w:num w:numId=\"1\"><w:abstractNumId w:val=\"7\"/></w:num>";
    auto item = [](const std::string &level, const std::string &text) {
        return paragraph(run(text), "<w:numPr><w:ilvl w:val=\"" + level +
                                        "\"/><w:numId w:val=\"1\"/></w:numPr>");
    };
    Document document = read(item("0", "A") + item("1", "B") + item("1", "C") + item("0", "D") +
                                 item("1", "E") + item("4000000000", "F"),
                             parts);
    EXPECT_TRUE(document.text.starts_with("3. A\n  3.a) B\n  3.b) C\n4. D\n  4.a) E\n"))
        << document.text;
    EXPECT_EQ(paragraphsOf(document).at(2), "C");
}

TEST(Docx, ReadsRunsTabsBreaksAndChanges) {
    Document document = read(
        paragraph(run("One") + "<w:r><w:tab/><w:t>two</w:t><w:br/><w:t>three</w:t></w:r>" +
                  "<w:ins><w:r><w:t> new</w:t></w:r></w:ins>" +
                  "<w:del><w:r><w:delText> old</w:delText></w:r></w:del>" +
                  "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>" +
                  "<w:hyperlink><w:r><w:t> link</w:t></w:r></w:hyperlink>" +
                  "<w:r><w:instrText>PAGE</w:instrText></w:r><w:r><w:t>&#1;\xFF.</w:t></w:r>"));
    EXPECT_EQ(document.text, "One\ttwo\nthree new link\uFFFD.\n");
    EXPECT_EQ(document.warnings, (Strings{"1 tracked deletion was left out",
                                          "1 hidden stretch of text was left out"}));
}

TEST(Docx, CountsPagesAsLaidOut) {
    std::string rendered = "<w:r><w:lastRenderedPageBreak/></w:r>";
    std::string set = "<w:r><w:br w:type=\"page\"/></w:r>";
    Document document = read(paragraph(run("One ") + rendered + run("two.")) + paragraph(set) +
                             paragraph(rendered + run("Three.")));
    ASSERT_EQ(document.pages.size(), 3u);
    EXPECT_EQ(document.span(document.pages[1].start, document.pages[1].start + 4), "two.");
    EXPECT_EQ(document.span(document.pages[2].start, document.pages[2].start + 6), "Three.");
    EXPECT_EQ(document.pages[2].label, "3");
    EXPECT_TRUE(document.warnings.empty());
    EXPECT_EQ(paragraphsOf(document), (Strings{"One two.", "Three."}));
}

TEST(Docx, ReadsTablesAndNotes) {
    auto cell = [](const std::string &inside) { return "<w:tc>" + inside + "</w:tc>"; };
    std::string inner =
        "<w:tbl><w:tr>" + cell(paragraph(run("c"))) + cell(paragraph(run("d"))) + "</w:tr></w:tbl>";
    Parts parts;
    parts.footnotes = "<w:footnote w:id=\"1\">" + paragraph(run("A note.")) + "</w:footnote>";
    Document document = read(
        "<w:tbl><w:tr>" + cell(paragraph(run("a")) + paragraph(run("b"))) + cell(inner) + cell("") +
            "</w:tr></w:tbl><w:tbl><w:tr>" + cell(paragraph(run("A frame."))) + "</w:tr></w:tbl>" +
            paragraph(run("End.") + "<w:r><w:footnoteReference w:id=\"1\"/></w:r>"),
        parts);
    EXPECT_EQ(paragraphsOf(document), (Strings{"a b | c d |", "A frame.", "End.[1]", "A note."}));
    EXPECT_FALSE(document.paragraphs[0].prose);
    EXPECT_TRUE(document.paragraphs[1].prose);
}

TEST(Docx, ReadsAnyDepth) {
    std::string body;
    for (int i = 0; i < 50'000; ++i)
        body += "<w:sdt><w:tbl><w:tr><w:tc><w:p>";
    body += run("deep");
    for (int i = 0; i < 50'000; ++i)
        body += "</w:p></w:tc></w:tr></w:tbl></w:sdt>";
    EXPECT_EQ(read(body).text, "deep\n");
}

TEST(Docx, RejectsWhatIsBroken) {
    std::string name = "word/document.xml", type(kTypes);
    std::string broken = makeZip({{"[Content_Types].xml", type}, {name, "<w:document><w:body>"}});
    EXPECT_TRUE(holds(refusalOf([&] { readArchive(broken, "x.docx"); }), "broken XML at byte"));
    std::string missing = makeZip({{"[Content_Types].xml", type}});
    EXPECT_TRUE(holds(refusalOf([&] { readArchive(missing, "x.docx"); }), "has no entry " + name));
}

} // namespace
} // namespace longscope::document
