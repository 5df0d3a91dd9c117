// compute/document: what becomes of files and pasted text, the outline, and where sentences end.
#include "compute/core/error.h"
#include "compute/document/document.h"
#include "compute/document/sentences.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>

namespace longscope::document {
namespace {

std::vector<std::string> sentencesOf(std::string_view text) {
    std::vector<std::string> out;
    for (const Span &span : sentenceSpans(text))
        out.emplace_back(text.substr(span.start, span.end - span.start));
    return out;
}

using Strings = std::vector<std::string>;

Document plain(std::string_view text) {
    return importText(text, "note.txt", false);
}
Document markdown(std::string_view text) {
    return importText(text, "note.md", true);
}

std::string refusal(std::string_view bytes, bool as_markdown = false) {
    try {
        importText(bytes, "x.txt", as_markdown);
    } catch (const Error &error) {
        EXPECT_EQ(error.kind(), ErrorKind::file);
        return error.what();
    }
    return "accepted";
}

/// Spans point into the text, in order, on the first and last byte of something visible.
void expectSoundSpans(const Document &document) {
    size_t before = 0;
    for (const Paragraph &p : document.paragraphs) {
        ASSERT_LE(before, p.start);
        ASSERT_LT(p.start, p.end);
        ASSERT_LE(p.end, document.text.size());
        EXPECT_FALSE(std::isspace(static_cast<unsigned char>(document.text[p.start])));
        EXPECT_FALSE(std::isspace(static_cast<unsigned char>(document.text[p.end - 1])));
        EXPECT_LE(p.heading, document.headings.size());
        before = p.end;
    }
    for (const Sentence &s : splitSentences(document)) {
        const Paragraph &p = document.paragraphs.at(s.paragraph);
        EXPECT_TRUE(p.prose);
        EXPECT_LE(p.start, s.start);
        EXPECT_LT(s.start, s.end);
        EXPECT_LE(s.end, p.end);
    }
}

double secondsOf(const std::function<void()> &work) {
    auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

TEST(Sentences, EndAtStopsBeforeACapital) {
    EXPECT_EQ(sentencesOf("One is here. Two is there! Is three? Yes."),
              (Strings{"One is here.", "Two is there!", "Is three?", "Yes."}));
    EXPECT_EQ(sentencesOf("  A tail without a stop. and lower case goes on\nover lines  "),
              (Strings{"A tail without a stop. and lower case goes on\nover lines"}));
    EXPECT_EQ(sentencesOf("Really?! Yes... No? Well… Perhaps."),
              (Strings{"Really?!", "Yes...", "No?", "Well…", "Perhaps."}));
    EXPECT_EQ(sentencesOf("He waited... and waited. So it goes . . . on."),
              (Strings{"He waited... and waited.", "So it goes . . . on."}));
    EXPECT_TRUE(sentencesOf("").empty());
    EXPECT_TRUE(sentencesOf(" \n\t ").empty());
}

TEST(Sentences, KeepAbbreviationsNumbersAndInitialsTogether) {
    for (const char *whole : {
             "Mr. Smith met Dr. Jones and Mrs. Brown.",
             "The rate was 6.4 percent in 1990, e.g. Denmark and i.e. Sweden.",
             "It is 3.14. not 4.",
             "J. R. R. Tolkien and George W. Bush read A. A. Milne.",
             "See Fig. 3 and pp. 12 ff. in Vol. 2 of No. 7.",
             "The U.S. Army bought 5.5 million of example.com files.",
             "Visit www.example.org for more.",
             "1. The first item of a list.",
             "2.1. Costs of reading.",
             "On Jan. 5 he paid Acme Inc. Limited.",
             "Am 3. Oktober war z.B. Berlin voll, d.h. laut.",
             "“Really?” he asked, “are you sure?” she said.",
             "Yahoo! is a name (who knew?) that stops.",
             "Smith et al. (2004) found it.",
             "Use Node.js or v1.2.3-beta today.",
         })
        EXPECT_EQ(sentencesOf(whole), Strings{whole});
}

TEST(Sentences, EndAfterAbbreviationsWhereTheNextWordOpensOne) {
    EXPECT_EQ(sentencesOf("He left at 5 p.m. The door was open."),
              (Strings{"He left at 5 p.m.", "The door was open."}));
    EXPECT_EQ(sentencesOf("She moved to the U.S. It was cold."),
              (Strings{"She moved to the U.S.", "It was cold."}));
    EXPECT_EQ(sentencesOf("Take vitamin C. It helps. That was in 1990. Then came 2000."),
              (Strings{"Take vitamin C.", "It helps.", "That was in 1990.", "Then came 2000."}));
    EXPECT_EQ(sentencesOf("The delay was 5 ms. Nobody saw it. No. Never."),
              (Strings{"The delay was 5 ms.", "Nobody saw it.", "No.", "Never."}));
    EXPECT_EQ(sentencesOf("We use node.js. Python is slower. Version 6.4. Next one."),
              (Strings{"We use node.js.", "Python is slower.", "Version 6.4.", "Next one."}));
}

TEST(Sentences, TakeClosingQuotesBracketsAndNotesWithThem) {
    EXPECT_EQ(
        sentencesOf("He said: “Go.” Then he left. (It was late.) \"Why?\" Nobody knew."),
        (Strings{"He said: “Go.”", "Then he left.", "(It was late.)", "\"Why?\"", "Nobody knew."}));
    EXPECT_EQ(sentencesOf("This is known.[3] That is not.[4][5] «Oui.» «Non.»"),
              (Strings{"This is known.[3]", "That is not.[4][5]", "«Oui.»", "«Non.»"}));
}

TEST(Sentences, KnowOtherScripts) {
    EXPECT_EQ(sentencesOf("今日は晴れ。明日は雨？そう！"),
              (Strings{"今日は晴れ。", "明日は雨？", "そう！"}));
    EXPECT_EQ(sentencesOf("「行く。」と言った。次。"), (Strings{"「行く。」と言った。", "次。"}));
    EXPECT_EQ(sentencesOf("Élan vital. École fermée. ça va. Ünder."),
              (Strings{"Élan vital.", "École fermée. ça va.", "Ünder."}));
    EXPECT_EQ(sentencesOf("Это дом. Там лес! почему? Да."),
              (Strings{"Это дом.", "Там лес! почему?", "Да."}));
    EXPECT_EQ(sentencesOf("¿Qué? ¡Ven! Sí."), (Strings{"¿Qué?", "¡Ven!", "Sí."}));
}

TEST(Sentences, FinalStops) {
    for (const char *with : {"A.", "A?\"", "A.)", "A…", "晴れ。", "Known.[12]", "“Go!”", "A. "})
        EXPECT_TRUE(hasFinalStop(with)) << with;
    for (const char *without : {"", "A", "A:", "A 6.4", "A;", "see [12]", "x) y", "1990"})
        EXPECT_FALSE(hasFinalStop(without)) << without;
}

TEST(Sentences, TakeLinearTimeOnHostileText) {
    auto repeat = [](std::string_view unit, size_t bytes) {
        std::string out;
        while (out.size() < bytes)
            out += unit;
        return out;
    };
    // 10 MB of prose in about a second; the bound leaves room for slow machines.
    Document prose =
        plain(repeat("The cat, e.g. Tom, sat on 6.4 mats. Nobody saw it there!\n", 10'000'000));
    size_t count = 0;
    EXPECT_LT(secondsOf([&] { count = splitSentences(prose).size(); }), 5);
    EXPECT_NEAR(static_cast<double>(count), 2 * 10'000'000 / 57.0, 2);
    for (std::string_view unit : {"a", ".", ". ", "e.g. ", "..)", "? \"", "[1", ".[", "A. ", "。",
                                  "「", "\xCC\x81", "...A ", "1. ", ".\n"}) {
        std::string text = repeat(unit, 1'000'000);
        EXPECT_LT(secondsOf([&] { sentenceSpans(text); }), 5) << unit;
    }
    std::string padded = std::string(500'000, ' ') + repeat("e.g. ", 500'000);
    EXPECT_LT(secondsOf([&] { sentenceSpans(padded); }), 5);
}

TEST(Import, PlainTextHasParagraphsAndHeadings) {
    Document d = plain("The Harbour\n\nThe harbour was built in 1903.\nIt has two piers.\n\n"
                       "Costs\n=====\nIt cost 2.4 million. Nobody\npaid.\n\n\n"
                       "2.1 Later repairs\n\nThe repairs took ten years and needed many hands.\n");
    ASSERT_EQ(d.headings.size(), 3u);
    EXPECT_EQ(d.title, "The Harbour");
    EXPECT_EQ(d.headings[0].level, 1u);
    EXPECT_EQ(d.headings[1].title, "Costs");
    EXPECT_EQ(d.headings[1].level, 1u);
    EXPECT_EQ(d.headings[2].title, "2.1 Later repairs");
    EXPECT_EQ(d.headings[2].level, 3u);
    EXPECT_EQ(d.text.substr(d.headings[2].start, 9), "2.1 Later");
    ASSERT_EQ(d.paragraphs.size(), 6u);
    EXPECT_EQ(d.paragraphs[5].heading, 3u);
    auto sentences = splitSentences(d);
    ASSERT_EQ(sentences.size(), 5u);
    EXPECT_EQ(d.span(sentences[1].start, sentences[1].end), "It has two piers.");
    EXPECT_EQ(sentences[1].in_paragraph, 1u);
    EXPECT_EQ(d.span(sentences[3].start, sentences[3].end), "Nobody\npaid.");
    expectSoundSpans(d);
}

TEST(Import, PlainTextTakesFewLinesForHeadings) {
    EXPECT_TRUE(plain("Roses are red\n\nViolets are blue\n\nSugar is sweet\n\nAnd so are "
                      "you\n\nThe end of it all comes here.\n")
                    .headings.empty());
    EXPECT_TRUE(plain("A last line alone").headings.empty());
    EXPECT_TRUE(plain("Yours sincerely,\n\nThe council thanks you all.").headings.empty());
    EXPECT_TRUE(plain("so it began\n\nThe council thanks you all.").headings.empty());
    EXPECT_TRUE(plain("- Apples\n- Pears and plums\n1. First\n2. Second one\n").headings.empty());
    EXPECT_EQ(plain("CHAPTER I.\n\nIt began with rain.").headings.size(), 1u);
    std::string body = "\n\nThis paragraph is long enough to stand under a heading of its own, is "
                       "it not? It is.\n\n";
    Document numbered = plain("1. Costs" + body + "2. Gains" + body);
    ASSERT_EQ(numbered.headings.size(), 2u);
    EXPECT_EQ(numbered.headings[1].title, "2. Gains");
}

TEST(Import, PlainTextPartsListsAndLongLines) {
    Document list = plain("We need:\n- a hammer, which is new.\n- nails.\n12. Glue and\n    tape.");
    ASSERT_EQ(list.paragraphs.size(), 4u);
    EXPECT_EQ(list.span(list.paragraphs[3].start, list.paragraphs[3].end), "Glue and\n    tape.");
    std::string line = std::string(150, 'x') + " word." + std::string(100, ' ') + "End of it.";
    EXPECT_EQ(plain("Title of it\n" + line + "\n" + line).paragraphs.size(), 3u);
    Document rule = plain("Some text here.\n\n* * * * *\n-----\n12 34 56\n\nMore text.");
    EXPECT_EQ(splitSentences(rule).size(), 2u);
}

TEST(Import, CleansBytes) {
    Document d = plain("\xEF\xBB\xBF"
                       "One.\r\nTwo.\rThree.\fFour.\x1B[31m\x07 \xFF\xFE.");
    EXPECT_EQ(d.text, "One.\nTwo.\nThree.\nFour.[31m \uFFFD\uFFFD.");
    ASSERT_EQ(d.warnings.size(), 2u);
    EXPECT_EQ(d.warnings[0], "2 invalid UTF-8 sequences were replaced by U+FFFD");
    EXPECT_EQ(d.warnings[1], "2 control characters were left out");
    EXPECT_EQ(d.title, "note");
    EXPECT_EQ(plain("Naïve café.").warnings.size(), 0u);
}

TEST(Import, RefusesWhatIsNoText) {
    EXPECT_EQ(refusal(""), "x.txt is empty (0 bytes)");
    EXPECT_EQ(refusal(std::string_view("ab\0c\0", 5)),
              "x.txt is a binary file, not text: 2 of its 5 bytes are zero, the first at byte 2");
    EXPECT_NE(refusal(" \r\n\t ").find("holds no text: its 5 bytes"), std::string::npos);
    EXPECT_NE(refusal("\n<!-- only a comment -->\n", true).find("holds no text"),
              std::string::npos);
}

TEST(Import, FilesAreChosenByTheirNames) {
    auto folder = std::filesystem::path(testing::TempDir()) / "longscope_document_test";
    std::filesystem::create_directories(folder);
    auto write = [&](const char *name, std::string_view text) {
        std::ofstream(folder / name, std::ios::binary) << text;
        return (folder / name).string();
    };
    EXPECT_EQ(importFile(write("a.md", "# Top\n\n*Text* here.")).text, "Top\n\nText here.\n");
    EXPECT_EQ(importFile(write("b.MARKDOWN", "*Text* here.")).text, "Text here.\n");
    EXPECT_EQ(importFile(write("c.txt", "*Text* here.")).text, "*Text* here.");
    EXPECT_EQ(importFile(write("c.txt", "*Text* here.")).title, "c");
    EXPECT_THROW(importFile((folder / "missing.txt").string()), Error);
    EXPECT_THROW(importFile(write("empty.txt", "")), Error);
    std::filesystem::remove_all(folder);
}

TEST(Markdown, BecomesReadableTextWithAnOutline) {
    Document d =
        markdown("# The *great* `wall`\n\nIt is **long**, see [the map](http://x.y/z) "
                 "and\n![a picture](p.png) &amp; more &#8211; 5 &lt; 6 &unknown;.\n\n"
                 "Setext\n------\n\n> A quote\n> goes on.\n\nHard  \nbreak <b>bold</b>.\n");
    EXPECT_EQ(d.text, "The great wall\n\nIt is long, see the map and a picture & more – 5 < 6 "
                      "&unknown;.\n\nSetext\n\nA quote goes on.\n\nHard\nbreak bold.\n");
    ASSERT_EQ(d.headings.size(), 2u);
    EXPECT_EQ(d.title, "The great wall");
    EXPECT_EQ(d.headings[1].level, 2u);
    EXPECT_EQ(d.text.substr(d.headings[1].start, 6), "Setext");
    EXPECT_EQ(d.paragraphs.size(), 5u);
    EXPECT_EQ(d.warnings, Strings{"2 HTML tags were left out"});
    EXPECT_EQ(splitSentences(d).size(), 3u);
    expectSoundSpans(d);
}

TEST(Markdown, ListsKeepTheirMarksOutsideTheSpans) {
    Document d = markdown("Intro:\n\n- one\n- two\n  - deep\n\n3. three\n4. four\n\n- [x] done\n\n"
                          "* loose\n\n  second part\n\n* other\n");
    EXPECT_EQ(d.text, "Intro:\n\n- one\n- two\n  - deep\n\n3. three\n4. four\n\n[x] done\n\n"
                      "- loose\n\nsecond part\n\n- other\n");
    Strings found;
    for (const Paragraph &p : d.paragraphs)
        found.emplace_back(d.span(p.start, p.end));
    EXPECT_EQ(found, (Strings{"Intro:", "one", "two", "deep", "three", "four", "done", "loose",
                              "second part", "other"}));
    expectSoundSpans(d);
}

TEST(Markdown, CodeTablesAndHtmlAreNoProse) {
    Document d =
        markdown("Text here.\n\n```cpp\nint a;\n\nreturn a. B;\n```\n\n| a | b |\n|---|--:|\n"
                 "| 1 | **2** |\n| x | |\n\n<div>\nBlock. Text.\n</div>\n\nEnd here.\n");
    EXPECT_EQ(d.text, "Text here.\n\nint a;\n\nreturn a. B;\n\na | b\n1 | 2\nx | \n\n"
                      "\nBlock. Text.\n\nEnd here.\n");
    EXPECT_EQ(splitSentences(d).size(), 2u);
    EXPECT_EQ(d.paragraphs.size(), 7u);
    expectSoundSpans(d);
}

TEST(Markdown, SignsThatBeginNoTagAreText) {
    EXPECT_EQ(
        markdown("<div>\n5 < 6 and a<=b, 3 <4. <p>Next</p> <!-- 1 > 0 --><?x?>\n</div>\n").text,
        "\n5 < 6 and a<=b, 3 <4. Next \n");
    Document open = markdown("<div>\nText <b and no end\n");
    EXPECT_EQ(open.text, "\nText <b and no end\n");
    EXPECT_EQ(open.warnings, std::vector<std::string>{"1 HTML tag was left out"});
}

TEST(Markdown, FrontMatterIsNoProse) {
    Document d = markdown("---\ntitle: Notes\ntags: [a, b]\n---\n# Head\n\nText is here.\n");
    EXPECT_EQ(d.title, "Head");
    EXPECT_EQ(splitSentences(d).size(), 1u);
    EXPECT_EQ(markdown("---\n\nText is here.\n\n---\n").paragraphs.size(), 1u);
}

TEST(Markdown, TakesHostileInput) {
    auto repeat = [](std::string_view unit, size_t times) {
        std::string out;
        for (size_t i = 0; i < times; ++i)
            out += unit;
        return out;
    };
    for (std::string_view unit :
         {"x",    "> ",     "- ",    "[",  "![](",  "*a_", "`",   "<",    "&#0;", "|",    "\r",
          "# \n", "a\n-\n", "- a\n", "  ", "***\n", "\\",  "!.?", "<!--", "<a",   "<div>"}) {
        std::string text = "Words begin.\n\n" + repeat(unit, 200'000 / unit.size()) + "\n\nEnd.";
        double seconds = secondsOf([&] { expectSoundSpans(markdown(text)); });
        EXPECT_LT(seconds, 10) << unit;
        seconds = secondsOf([&] { expectSoundSpans(plain(text)); });
        EXPECT_LT(seconds, 10) << unit;
    }
    std::string deep;
    for (size_t i = 0; i < 1000; ++i)
        deep += std::string(2 * i, ' ') + "- x\n";
    EXPECT_LT(markdown(deep).text.size(), 30'000u);
}

TEST(Import, TakesHostilePlainText) {
    Document line = plain(std::string(1'000'000, 'a'));
    EXPECT_EQ(line.paragraphs.size(), 1u);
    EXPECT_EQ(splitSentences(line).size(), 1u);
    EXPECT_TRUE(splitSentences(plain(std::string(1'000'000, '!'))).empty());
    Document returns = plain("One.\r\r\rTwo.\r");
    EXPECT_EQ(returns.text, "One.\n\n\nTwo.\n");
    EXPECT_EQ(returns.paragraphs.size(), 2u);
}

} // namespace
} // namespace longscope::document
