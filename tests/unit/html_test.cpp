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
    EXPECT_EQ(readHtml("<ol><li>x<ul><li>y</ul><li>z</ol>").text, "1. x\n  - y\n2. z\n\n");
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
                                  "<caption>"}) {
        std::string html = "<p>Words begin.</p>";
        while (html.size() < 1'000'000)
            html += unit;
        auto begin = std::chrono::steady_clock::now();
        EXPECT_EQ(problemOf(readHtml(html + "end")), "") << unit;
        std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        EXPECT_LT(seconds.count(), 10) << unit;
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
