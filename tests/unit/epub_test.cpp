// compute/document/epub: a file of pandoc, and books made here.
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

TEST(Epub, ReadsEachTableOfContentsOnceInOnePass) {
    testing::Entries entries = bookEntries("<p>one</p>", "<p>two</p>");
    for (int i = 0; i < 5000; ++i)
        entries.emplace_back("O/x" + std::to_string(i), "");
    std::string items;
    auto add = [&](int i, const std::string &kind, const std::string &file) {
        items += std::format("<item id=\"n{}\" {} href=\"{}\"/>", i, kind, file);
    };
    const std::string nav = "properties=\"nav\"", ncx = "media-type=\"application/x-dtbncx+xml\"";
    for (int i = 0; i < 3000; i += 3) {
        add(i, nav, std::format("none{}", i));
        add(i + 1, nav, std::format("x{}", i)); // empty: broken XML
        add(i + 2, ncx, "toc.ncx");
    }
    std::string &package = entries[2].second;
    package.insert(package.find("<manifest>") + 10, items);
    auto begin = std::chrono::steady_clock::now();
    Document document = readArchive(makeZip(entries), "x.epub");
    std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(passed.count(), 10);
    EXPECT_EQ(headingsOf(document), Strings{"1 The second part"});
    EXPECT_EQ(document.warnings.size(), 1000u);
}

TEST(Epub, ReadsTablesOfContentsOfAnyDepthQuickly) {
    auto nested = [](const std::string &open, const std::string &close, int depth) {
        std::string out, ends;
        for (int i = 0; i < depth; ++i) {
            out += open + std::to_string(i);
            ends += close;
        }
        return out + ends;
    };
    testing::Entries entries = bookEntries("<p>one</p>", "<p>two</p>");
    entries[2].second.insert(entries[2].second.find("<manifest>") + 10,
                             "<item id=\"nav\" properties=\"nav\" href=\"nav.xhtml\"/>");
    entries[3].second =
        "<ncx>" + nested("<navPoint><navLabel><text>", "</text></navLabel></navPoint>", 60'000) +
        "</ncx>";
    entries.emplace_back("O/nav.xhtml", nested("<a>", "</a>", 200'000));
    auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(paragraphsOf(readArchive(makeZip(entries), "x.epub")), (Strings{"two", "one"}));
    std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(passed.count(), 10);
}

TEST(Epub, ReadsChaptersAsWellAsPages) {
    // As a page: what only places parts, two line breaks, code that is no prose, ruby, notes.
    Document document = read(
        "<h1><img src=\"x.png\"/></h1><p>a<br/><br/>b</p><pre>c<div>d</div></pre>"
        "<table><tr><td><p>Left.</p></td></tr><tr><td><p>Below.</p></td></tr></table>"
        "<p>\u6F22<rt>kan</rt> <sup epub:type=\"noteref\"><a>1</a></sup>,<a "
        "role=\"doc-noteref\">[2]</a>"
        "<audio>No sound here.</audio></p><ol start=\"4\"><li>four</li><li/><li>six</li></ol>");
    EXPECT_EQ(paragraphsOf(document), (Strings{"The second part", "a", "b", "c", "d", "Left.",
                                               "Below.", "\u6F22 [1],[2]", "four", "six"}));
    EXPECT_TRUE(document.text.ends_with("\n4. four\n6. six\n")) << document.text;
    EXPECT_FALSE(document.paragraphs[3].prose);
    EXPECT_FALSE(document.paragraphs[4].prose);
    EXPECT_TRUE(document.paragraphs[6].prose);
    // Not as a page: hidden parts are notes, and nothing is furniture.
    document = read("<nav>Inside</nav><aside hidden=\"hidden\">A note.</aside><button>b</button> "
                    "<svg><title>no</title><text>In a picture.</text></svg><p/>After.");
    EXPECT_EQ(paragraphsOf(document),
              (Strings{"The second part", "Inside", "A note.", "b In a picture.", "After."}));
    EXPECT_TRUE(document.warnings.empty());
}

TEST(Epub, TitlesChaptersWhoseHeadingIsAPicture) {
    EXPECT_EQ(headingsOf(read("<p>One.</p>", "<h1><img src=\"x.png\"/></h1><p>Two.</p>")),
              (Strings{"1 The second part"}));
}

TEST(Epub, ReadsChaptersInOtherEncodings) {
    testing::Entries entries = bookEntries("<p>One.</p>", "");
    entries[5].second = "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><html><body>caf\xE9, "
                        "na\xEFve</body></html>";
    Document document = readArchive(makeZip(entries), "x.epub");
    EXPECT_EQ(paragraphsOf(document), (Strings{"The second part", "café, naïve", "One."}));
    EXPECT_TRUE(document.warnings.empty());
    entries[5].second = std::string("\0\1\2", 3);
    document = readArchive(makeZip(entries), "x.epub");
    EXPECT_EQ(paragraphsOf(document), (Strings{"One."}));
    ASSERT_EQ(document.warnings.size(), 1u);
    EXPECT_TRUE(
        holds(document.warnings[0], "a chapter was not read: O/t/2 x.xhtml is a binary file"));
}

} // namespace
} // namespace longscope::document
