// compute/document: HTML. What a browser shows is read, what is around the content is left out.
#include "compute/document/document.h"
#include "compute/document/formats.h"
#include "compute/document/html_tidy.h"
#include "tests/support/document_check.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>

#include <chrono>

namespace longscope::document {
namespace {

using Strings = std::vector<std::string>;

std::string dataFile(const char *name) {
    return std::string(LONGSCOPE_TEST_DATA) + "/documents/" + name;
}

Strings paragraphsOf(const Document &d) {
    Strings out;
    for (const Paragraph &p : d.paragraphs)
        out.emplace_back(d.span(p.start, p.end));
    return out;
}

Strings paragraphs(std::string_view html) {
    Document d = readHtml(html);
    EXPECT_EQ(problemOf(d), "") << html.substr(0, 100);
    return paragraphsOf(d);
}

TEST(Html, FromPandoc) {
    Document d = importFile(dataFile("weir.html"));
    EXPECT_EQ(d.format, "HTML");
    EXPECT_EQ(d.title, "Mill Race Weir");
    ASSERT_EQ(d.headings.size(), 5u);
    EXPECT_EQ(d.headings[2].title, "Costs");
    EXPECT_EQ(d.headings[2].level, 2u);
    Strings found = paragraphsOf(d);
    for (const char *wanted :
         {"one on the left bank,", "2000 | 305 | 3", "The last eel had been seen in 1954.",
          "count = 0\nwhile gate.open():\n    count += gate.read()",
          "Čeština, ελληνικά, русский, 日本語 and \U0001F600 are kept."})
        EXPECT_TRUE(std::ranges::contains(found, wanted)) << wanted;
    EXPECT_TRUE(holds(d.text, "- Steel gates, made in Harrow.\n"));
    EXPECT_TRUE(holds(d.text, "come back.[1] In 2011"));
    EXPECT_TRUE(d.warnings.empty());
    EXPECT_EQ(problemOf(d), "");
}

TEST(Html, APageIsItsArticle) {
    Document d = importFile(dataFile("news.html"));
    EXPECT_EQ(d.title, "New pilots for\u00A0the coast");
    for (const char *furniture :
         {"cookie", "Home", "Privacy", "JavaScript", "Never shown", "Advertisement", "Facebook",
          "Most read", "Related", "joke", "rights reserved", "dataLayer", "headline", "climbs"})
        EXPECT_FALSE(holds(d.text, furniture)) << furniture;
    Strings found = paragraphsOf(d);
    for (const char *wanted :
         {"The costs — about 1.9\u00A0million crowns a year — are shared by the state & the "
          "harbours.",
          "Three of the harbour’s pilots retire within five years. “We have waited long for this,” "
          "said the harbour master, Mr. Solheim, who once was a pilot himself.",
          "A pilot boards the timber ship Alma in a calm sea.", "Pilots in service",
          "Year | Day | Night", "2024 | 7 | 2"})
        EXPECT_TRUE(std::ranges::contains(found, wanted)) << wanted;
    ASSERT_EQ(d.warnings.size(), 1u);
    EXPECT_TRUE(holds(d.warnings[0], "navigation, banners and the like were left out"));
    EXPECT_EQ(problemOf(d), "");
    std::string all = readHtml("<nav><p>Chapters</p></nav><p>Words.</p>", HtmlPart::all).text;
    EXPECT_TRUE(holds(all, "Chapters"));
}

TEST(Html, MainAndArticleAreBelieved) {
    std::string words(300, 'w');
    EXPECT_EQ(
        paragraphs("<body><div><p>Menu of the day and of all the other days.</p></div><main><p>" +
                   words + "</p></main><div>After</div>"),
        Strings{words});
    EXPECT_EQ(paragraphs("<h1>Title</h1><p>x</p><article><p>" + words + "</p></article>"),
              (Strings{"Title", words}));
    std::string p = "<p>" + words + words + "</p>";
    EXPECT_EQ(paragraphs("<p>" + words + "</p><div>short" + p + p + p + "</div><div>odd</div>"),
              (Strings{words, "short", words + words, words + words, words + words}));
    // A page without anything of this is read whole.
    EXPECT_EQ(paragraphs("<p>One.</p><div>Two.</div>Three."), (Strings{"One.", "Two.", "Three."}));
}

TEST(Html, BrokenTagsAreReadAsABrowserDoes) {
    EXPECT_EQ(paragraphs("<p>a<p>b<li>c<li>d<h2>e</h3>f"), (Strings{"a", "b", "c", "d", "e", "f"}));
    EXPECT_EQ(paragraphs("a < b, x<3 &lt;p&gt; &eacute;&#x2014;&#7;&#xD800;&nope;"),
              Strings{"a < b, x<3 <p> é—\uFFFD&nope;"});
    EXPECT_EQ(paragraphs("<p title='a>b'>A<b>bo</b>ld <!-- <p>no --> w&shy;ord<br>next</p>"),
              Strings{"Abold word\nnext"});
    EXPECT_EQ(paragraphs("<script>if (a</b) '<p>no</p>'</script ><p>yes<style>p{}</style> again"),
              Strings{"yes again"});
    EXPECT_EQ(paragraphs("a<br><br>b"), (Strings{"a", "b"}));
    EXPECT_EQ(paragraphs("<p hidden>no</p><div style='display: none'>no</div><p>yes</p>"),
              Strings{"yes"});
    EXPECT_EQ(paragraphs("<svg><title>no</title><p>yes</p>"), Strings{"yes"});
    EXPECT_EQ(paragraphs("<html:p>x</html:p><![CDATA[a<b]]>"), (Strings{"x", "a<b"}));
    Document lost = readHtml("<p>yes</p><button>for ever");
    ASSERT_EQ(lost.warnings.size(), 1u);
    EXPECT_TRUE(holds(lost.warnings[0], "8 bytes of text were left out"));
}

TEST(Html, TablesOfDataAreRowsAndOthersParts) {
    Document d = readHtml("<table><tr><th>a<th>b<tr><td><p>1</p><p>2</p><td></table>End.");
    EXPECT_EQ(paragraphsOf(d), (Strings{"a | b", "1 2 |", "End."}));
    EXPECT_FALSE(d.paragraphs[1].prose);
    EXPECT_EQ(paragraphs("<table><tr><td><h2>Left</h2><td><p>Right.</p><p>More.</p></table>"),
              (Strings{"Left", "Right.", "More."}));
    EXPECT_EQ(paragraphs("<ol><li>x<ul><li>y</ul><li>z</ol>"), (Strings{"x", "y", "z"}));
    EXPECT_EQ(readHtml("<ol><li>x<ul><li>y</ul><li>z</ol>").text, "1. x\n  - y\n2. z\n");
}

TEST(Html, ListsCountAsTheySay) {
    EXPECT_EQ(readHtml("<ol start=4><li>x<li><p>y<p>z<li></ol>After").text,
              "4. x\n5. y\n\nz\n\nAfter\n");
    EXPECT_EQ(readHtml("<ol start=no><li><ol><li>x</ol><li>y</ol>").text, "1. 1. x\n2. y\n");
}

TEST(Html, TablesOfOneColumnAreText) {
    Document d = readHtml("<table><tr><td>One sentence.<tr><td>Two.</table><table><tr><td>a<td>b"
                          "<tr><td colspan=2>c</table>");
    EXPECT_EQ(paragraphsOf(d), (Strings{"One sentence.", "Two.", "a | b", "c"}));
    EXPECT_TRUE(d.paragraphs[1].prose);
    EXPECT_FALSE(d.paragraphs[3].prose);
    EXPECT_EQ(paragraphs("x<table><tr><td hidden>no<td hidden>no</table>"), Strings{"x"});
}

TEST(Html, HeadingsAreWhole) {
    Document d = readHtml("<h1>One<br>two</h1>x<h2><div>Three</div> <p>four</p></h2>y");
    ASSERT_EQ(d.headings.size(), 2u);
    EXPECT_EQ(d.headings[1].title, "Three four");
    EXPECT_EQ(d.text, "One two\n\nx\n\nThree four\n\ny\n");
    // One that has no end is no heading.
    d = readHtml("<h1>Title<div><p>" + std::string(600, 'w') + "</p><p>More.</p></div>",
                 HtmlPart::all);
    EXPECT_TRUE(d.headings.empty());
    EXPECT_EQ(d.paragraphs.size(), 3u);
}

TEST(Html, PrintedPagesAndNotesAreMarked) {
    Document d = readHtml("<p>One <span role=doc-pagebreak aria-label=iv>4</span>two</p>"
                          "<hr role=doc-pagebreak title='5&quot;'><p>three<a class=footnote-ref>1"
                          "</a> four<a class=footnote-ref href=x>[2]</a><a "
                          "class=footnote-back>\u21A9</a></p>");
    EXPECT_EQ(paragraphsOf(d), (Strings{"One two", "three[1] four[2]"}));
    ASSERT_EQ(d.pages.size(), 2u);
    EXPECT_EQ(d.pages[0].label, "iv");
    EXPECT_EQ(d.pages[1].label, "5\"");
    EXPECT_TRUE(d.text.substr(d.pages[0].start).starts_with("two"));
    EXPECT_EQ(problemOf(d), "");
}

TEST(HtmlTidy, ClosesInOrderWhatCounts) {
    auto tidy = [](std::string_view html) { return tidyHtml(html, HtmlPart::all).html; };
    EXPECT_EQ(tidy("<a/>x<br/><p>one<p>two</div><b>"), "x<br><p>one</p><p>two");
    EXPECT_EQ(tidy("<div><i>x</div>y</i>"), "<div>x</div>y");
    EXPECT_EQ(tidy("<a b=\"1>2\">x</a> 1 < 2 <"), "<a>x</a> 1 &lt; 2 &lt;");
    EXPECT_EQ(tidy("<SCRIPT>a</b></script>c<title>t"), "c");
    EXPECT_EQ(tidy("<!DOCTYPE x [<!ENTITY a \"b\">] >c<?d?><!--e"), "c");
    EXPECT_EQ(tidy("<!DOCTYPE x [c>d"), "d");
    EXPECT_EQ(tidy("<![CDATA[a &amp; <b]]>"), "a &amp;amp; &lt;b");
    EXPECT_EQ(tidy("<"), "&lt;");
    EXPECT_EQ(tidy("<a"), "<a>");
    EXPECT_EQ(tidy("<p/>x<svg>y</svg>"), "<p></p>xy");
    EXPECT_EQ(tidyHtml("<p/>x<svg>y</svg>", HtmlPart::content).html, "<p>x");
    EXPECT_EQ(tidy("<i epub:type='pagebreak' title='i\"v'>12<p>x"),
              "<wbr class=g title=\"i&quot;v\"><p>x");
    EXPECT_EQ(tidy("<sup epub:type='noteref x'><a>1</a></sup><a role=doc-backlink>^</a>"),
              "[<a>1</a>]");
    EXPECT_EQ(tidy("<sup class=footnote-ref><a>[1]</a></sup>"), "<a>[1]</a>");
    EXPECT_EQ(tidy("<body class=footnote-backs>x"), "<body class=b>x");
    EXPECT_EQ(tidy("<ol start=4 type=a>"), "<ol title=\"4\">");
}

TEST(Html, TakesHostileInput) {
    for (std::string_view unit : {"<div>",
                                  "<p>",
                                  "<li>",
                                  "<dd><li>",
                                  "<table>",
                                  "<table><tr><td>",
                                  "<b>",
                                  "<a>",
                                  "<a><div>",
                                  "</p>",
                                  "</div>",
                                  "<h1>",
                                  "<b><p>",
                                  "<td>",
                                  "<ul>",
                                  "<blockquote>",
                                  "<svg>",
                                  "<select>",
                                  "<button>",
                                  "<pre>",
                                  "<!--",
                                  "<!",
                                  "<",
                                  "&",
                                  "&#1;",
                                  "<a b ",
                                  "<a b='",
                                  "<br>",
                                  "<hr>",
                                  "<i a=1><p>",
                                  "<title>",
                                  "</table>",
                                  "<table></div>",
                                  "<section><table></section>",
                                  "<body class=menu>",
                                  "<html>",
                                  "<template>",
                                  "<nav>x",
                                  "<article>",
                                  "x<br>",
                                  "&nbsp;<br>",
                                  "<!DOCTYPE x[",
                                  "<ul><li>",
                                  "<ol><li></ol>",
                                  "<a class=footnote-ref>",
                                  "<i role=doc-pagebreak title=x>",
                                  "<h1><div>",
                                  "<caption>"}) {
        std::string html = "<p>Words begin.</p>";
        while (html.size() < 1'000'000)
            html += unit;
        auto begin = std::chrono::steady_clock::now();
        EXPECT_EQ(problemOf(readHtml(html + "end")), "") << unit;
        std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        EXPECT_LT(seconds.count(), 10) << unit;
        EXPECT_EQ(problemOf(readHtml(html, HtmlPart::all)), "") << unit;
    }
    std::string deep;
    for (int i = 0; i < 100'000; ++i)
        deep += "<div>x";
    Document d = readHtml(deep, HtmlPart::all);
    EXPECT_EQ(std::ranges::count(d.text, 'x'), 100'000);
    ASSERT_EQ(d.warnings.size(), 1u);
    EXPECT_TRUE(holds(d.warnings[0], "99744 tags nested deeper than 256"));
}

} // namespace
} // namespace longscope::document
