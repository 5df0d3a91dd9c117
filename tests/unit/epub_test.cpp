// compute/document/epub: a file of pandoc, and books made here.
#include "compute/document/formats.h"
#include "compute/document/html_tags.h"
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

constexpr std::string_view kContainer =
    "<container><rootfiles><rootfile full-path=\"O/b.opf\"/></rootfiles></container>";
constexpr std::string_view kToc =
    "<ncx><navMap><navPoint><navLabel><text>The second part</text></navLabel>"
    "<content src=\"t/2%20x.xhtml\"/></navPoint></navMap></ncx>";

testing::Entries bookEntries(const std::string &first, const std::string &second) {
    auto item = [](const std::string &id, const std::string &file, const std::string &type) {
        return "<item id=\"" + id + "\" href=\"" + file + "\" media-type=\"" + type + "\"/>";
    };
    std::string package =
        "<package><metadata><dc:title>Book</dc:title><dc:creator>Someone</dc:creator></metadata>"
        "<manifest>" +
        item("one", "t/1.xhtml", "application/xhtml+xml") +
        item("two", "t/2%20x.xhtml", "application/xhtml+xml") +
        item("toc", "toc.ncx", "application/x-dtbncx+xml") +
        "</manifest><spine><itemref idref=\"two\"/><itemref idref=\"one\"/>"
        "<itemref idref=\"two\"/><itemref idref=\"none\"/></spine></package>";
    auto page = [](const std::string &body) {
        return "<?xml version=\"1.0\"?><!DOCTYPE html [<!ENTITY x \"y\">]><html><head><title/>"
               "<title>no</title></head><body>" +
               body + "</body></html>";
    };
    return {{"mimetype", "application/epub+zip"},
            {"META-INF/container.xml", std::string(kContainer)},
            {"O/b.opf", package},
            {"O/toc.ncx", std::string(kToc)},
            {"O/t/1.xhtml", page(first)},
            {"O/t/2 x.xhtml", page(second)}};
}

Document read(const std::string &first, const std::string &second = "") {
    Document document = readArchive(makeZip(bookEntries(first, second)), "x.epub");
    expectSoundOutline(document);
    return document;
}

TEST(Epub, ReadsAFileOfPandoc) {
    Document document = readArchive(documentFile("ferry.epub"), "ferry.epub");
    expectSoundOutline(document);
    EXPECT_EQ(document.format, "EPUB");
    EXPECT_EQ(document.title, "Anna Weir: The Ferry of Lenn");
    EXPECT_EQ(headingsOf(document),
              (Strings{"1 The Ferry of Lenn", "1 The crossing", "2 What it costs",
                       "2 What may change", "1 The people"}));
    EXPECT_TRUE(document.text.contains("1. A single crossing costs 2.40 crowns.\n"));
    EXPECT_TRUE(document.text.contains("\n2019 | 412 000 | 0.86 m\n"));
    EXPECT_TRUE(document.text.contains("in 2019.[1] Nobody"));
    EXPECT_TRUE(
        document.text.contains("\n1. Counted at the gate; children under six are not in the "
                               "figure.\n"));
    EXPECT_TRUE(document.text.ends_with("south 06:00 06:40\nnorth 06:20 07:00\n"));
}

TEST(Epub, ReadsTheSpineWithTitlesFromTheContents) {
    Document document = read("<h2>First</h2><p>Text one.</p>", "<p>Text two.</p>");
    EXPECT_EQ(headingsOf(document), (Strings{"1 The second part", "2 First"}));
    EXPECT_EQ(document.text, "The second part\n\nText two.\n\nFirst\n\nText one.\n");
    EXPECT_EQ(document.title, "Someone: Book");
}

TEST(Epub, ReadsWhatAPageShows) {
    Document document = read(
        "<p>A&nbsp;&amp; <b>b</b>\n  c<br/>d &x;</p><script>no</script><!-- no --><style>no</style>"
        "<p><span epub:type=\"pagebreak\" title=\"iv\"/>On page four.<a id=\"a\"/></p>"
        "<div>loose<p>inner</p>tail</div><![CDATA[a < b]]><pre>x\n  y</pre>");
    EXPECT_EQ(paragraphsOf(document),
              (Strings{"The second part", "A\u00A0& b c\nd &x;", "On page four.", "loose", "inner",
                       "tail", "a < b", "x\n  y"}));
    ASSERT_EQ(document.pages.size(), 1u);
    EXPECT_EQ(document.pages[0].label, "iv");
    EXPECT_TRUE(document.text.substr(document.pages[0].start).starts_with("On page four."));
}

TEST(Epub, RefusesProtectedBooks) {
    testing::Entries entries = bookEntries("<p>x</p>", "");
    auto with = [&](const std::string &method) {
        entries.resize(6);
        entries.push_back({"META-INF/encryption.xml",
                           "<encryption><enc:EncryptedData><enc:EncryptionMethod Algorithm=\"" +
                               method + "\"/></enc:EncryptedData></encryption>"});
        return refusalOf([&] { readArchive(makeZip(entries), "x.epub"); });
    };
    EXPECT_TRUE(holds(with("http://www.w3.org/2001/04/xmlenc#aes256-cbc"),
                      "protected by its seller (DRM): 1 of its files"));
    EXPECT_EQ(with("http://www.idpf.org/2008/embedding"), "accepted"); // a font
}

TEST(Epub, RefusesLinksThatLeadOutAndMissingParts) {
    EXPECT_TRUE(holds(refusalOf([] {
                          readArchive(makeZip({{"mimetype", "application/epub+zip"},
                                               {"META-INF/container.xml",
                                                "<container><rootfiles><rootfile full-path="
                                                "\"../../etc/passwd\"/></rootfiles></container>"}}),
                                      "x.epub");
                      }),
                      "has no entry"));
    EXPECT_TRUE(holds(refusalOf([] {
                          readArchive(makeZip({{"mimetype", "application/epub+zip"}}), "x.epub");
                      }),
                      "has no entry META-INF/container.xml"));
    testing::Entries entries = bookEntries("<p>x</p>", "");
    entries.pop_back();
    EXPECT_EQ(readArchive(makeZip(entries), "x.epub").warnings,
              Strings{"1 of 2 chapters are missing in the file"});
}

TEST(Epub, ReadsAnyDepthQuickly) {
    std::string open, close, many;
    for (int i = 0; i < 300'000; ++i)
        open += "<div></x><b>", close += "</b></div>";
    for (int i = 0; i < 200'000; ++i)
        many += "<font a=\"" + std::to_string(i) + "\"><p>";
    Document document = read(open + "deep" + close, many + "many");
    EXPECT_TRUE(document.text.contains("deep"));
    EXPECT_TRUE(document.text.contains("many"));
}

TEST(HtmlTags, AreBalanced) {
    EXPECT_EQ(balanceTags("<a/>x<br/><p>one<p>two</div><b>"),
              "<a></a>x<br><p>one</p><p>two<b></b></p>");
    EXPECT_EQ(balanceTags("<div><i>x</div>y</i>"), "<div><i>x</i></div>y");
    EXPECT_EQ(balanceTags("<a b=\"1>2\">x</a> 1 < 2 <"), "<a b=\"1>2\">x</a> 1 &lt; 2 &lt;");
    EXPECT_EQ(balanceTags("<i><i><i>x</i></i></i>", 2), "<i><i>x</i></i>");
    EXPECT_EQ(balanceTags("<SCRIPT>a</b></script>c<title>t"), "c");
    EXPECT_EQ(balanceTags("<!DOCTYPE x [<!ENTITY a \"b\">]>c<?d?><!--e"), "c");
    EXPECT_EQ(balanceTags("<"), "&lt;");
    EXPECT_EQ(balanceTags("<a"), "<a></a>");
}

} // namespace
} // namespace longscope::document
