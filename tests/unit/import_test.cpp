// compute/document: which reader a file gets, encodings, and the formats of text: RTF, subtitles,
// source code. Files made by real programs are in tests/data/documents: weir.html by pandoc,
// weir.rtf by LibreOffice Writer.
#include "compute/core/error.h"
#include "compute/document/document.h"
#include "compute/document/encoding.h"
#include "compute/document/formats.h"
#include "tests/support/document_check.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>
#include <iconv.h>

#include <chrono>
#include <functional>

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

Strings headingsOf(const Document &d) {
    Strings out;
    for (const Heading &h : d.headings)
        out.push_back(std::format("{} {}", h.level, h.title));
    return out;
}

bool hasParagraph(const Document &d, std::string_view text, bool prose) {
    return std::ranges::any_of(d.paragraphs, [&](const Paragraph &p) {
        return p.prose == prose && d.span(p.start, p.end) == text;
    });
}

std::string refusal(std::string_view bytes, std::string_view path = "x.txt") {
    return errorOf(ErrorKind::file, [&] { importBytes(bytes, path); });
}

double secondsOf(const std::function<void()> &work) {
    auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string repeat(std::string_view unit, size_t bytes) {
    std::string out;
    while (out.size() < bytes)
        out += unit;
    return out;
}

TEST(Formats, AreChosenBySignatureThenNameThenLooks) {
    auto format = [](std::string_view bytes, std::string_view path) {
        return importBytes(bytes, path).format;
    };
    EXPECT_EQ(format("{\\rtf1 Words.}", "a.txt"), "RTF");
    EXPECT_EQ(format("WEBVTT\n\n00:01.000 --> 00:02.000\nWords.\n", "-"), "WebVTT");
    EXPECT_EQ(format("<p>Words.</p>", "a.HTM"), "HTML");
    EXPECT_EQ(format("<p>Words.</p>", "a.txt"), "plain text");
    EXPECT_EQ(format("\n <!doctype HTML><p>Words.</p>", "-"), "HTML");
    EXPECT_EQ(format("1\n00:00:01,000 --> 00:00:02,000\nWords.\n", "-"), "SubRip");
    EXPECT_EQ(format("# Words\n", "a.md"), "Markdown");
    EXPECT_EQ(format("# Words\n", "a.py"), "Python source code");
    EXPECT_EQ(format("project(x)\n", "b/CMakeLists.txt"), "CMake source code");
    EXPECT_EQ(format("#!/bin/sh\necho Words.\n", "tool"), "source code");
    EXPECT_EQ(format("Words.", "README"), "plain text");
}

TEST(Formats, RefuseWhatIsNoText) {
    EXPECT_EQ(refusal(""), "x.txt is empty (0 bytes)");
    EXPECT_TRUE(holds(refusal("PK\x03\x04...."), "is a broken archive"));
    EXPECT_TRUE(holds(refusal("\x89PNG\r\n\x1A\n"), "a picture (PNG), 8 bytes"));
    EXPECT_TRUE(holds(refusal(std::string_view("ab\0c\0", 5)), "2 of its 5 bytes are zero"));
    EXPECT_TRUE(holds(refusal(repeat("a\x01\x02", 99)), "66 of its 99 bytes are control"));
    EXPECT_TRUE(holds(refusal("<p> </p>", "x.html"), "holds no text: its 8 bytes"));
    EXPECT_TRUE(holds(refusal("{\\rtf1 }"), "holds no text"));
    EXPECT_TRUE(holds(refusal("1\n\n2\n", "x.srt"), "holds no text"));
}

/// From UTF-8 through the C library, as another program would have written it.
std::string encode(std::string text, const char *encoding) {
    iconv_t converter = iconv_open(encoding, "UTF-8");
    std::string out(4 * text.size() + 16, '\0');
    char *from = text.data(), *to = out.data();
    size_t left = text.size(), room = out.size();
    EXPECT_EQ(iconv(converter, &from, &left, &to, &room), 0u) << encoding;
    iconv_close(converter);
    out.resize(out.size() - room);
    return out;
}

struct Encoded {
    const char *encoding;
    std::string text;
};

TEST(Encodings, ByteOrderMarksAreBelieved) {
    std::string utf16("\xFF\xFEH\0i\0.\0=\xD8\x00\xDE", 12), wide("\0\0\xFE\xFF\0\0\0H", 8);
    DecodedText decoded = decodeText(utf16, "x");
    EXPECT_EQ(decoded.text, "Hi.\U0001F600");
    EXPECT_TRUE(decoded.warnings.empty());
    EXPECT_EQ(decodeText(std::string("\xFE\xFF\0H\0i", 6), "x").text, "Hi");
    EXPECT_EQ(decodeText(wide, "x").text, "H");
    EXPECT_EQ(decodeText(std::string("\xFF\xFE\0\0H\0\0\0", 8), "x").text, "H");
    DecodedText broken = decodeText(std::string("\xFF\xFEH\0\0\xDCi\0x", 9), "x");
    EXPECT_EQ(broken.text, "H\uFFFDi\uFFFD");
    EXPECT_EQ(broken.warnings, Strings{"2 invalid UTF-16LE sequences were replaced by U+FFFD"});
}

TEST(Encodings, AreGuessedFromTheBytesAndTold) {
    const std::string russian =
        "Гавань была построена в прошлом веке. Она имеет два пирса, и никто не знает почему.";
    const Encoded cases[] = {
        {"WINDOWS-1251", russian},
        {"KOI8-R", russian},
        {"WINDOWS-1252", "Der Hafen wurde früher gebaut. Die Brücke ist zerstört, größer wäre "
                         "schöner gewesen, sagte der Kapitän über die Fähre."},
        {"ISO-8859-2", "Przystań została zbudowana dawno. Most jest zniszczony, a łodzie płyną "
                       "dalej, choć nikt już nie wie dokąd."},
        {"ISO-8859-7", "Το λιμάνι χτίστηκε πριν από πολλά χρόνια. Έχει δύο προβλήτες και "
                       "κανείς δεν ξέρει γιατί."},
        {"CP932", "港は百年前に建てられました。桟橋は二つありますが、誰もその理由を知りません。"
                  "船は毎日ここから出ます。"},
        {"GB18030", "这个港口建于一百年前。它有两个码头，但没有人知道为什么。船每天从这里出发。"},
        {"BIG5-HKSCS",
         "這個港口建於一百年前。它有兩個碼頭，但沒有人知道為什麼。船每天從這裡出發。"},
        {"CP949",
         "이 항구는 백 년 전에 지어졌습니다. 부두가 두 개 있지만 아무도 그 이유를 모릅니다."},
        {"UTF-16LE", "No mark stands before this text."},
        {"UTF-16BE", "No mark stands before this text."},
    };
    for (const Encoded &c : cases) {
        size_t lost = 0;
        std::string bytes = encode(c.text, c.encoding);
        DecodedText decoded = decodeText(bytes, "x");
        EXPECT_EQ(decoded.text, c.text) << c.encoding;
        ASSERT_EQ(decoded.warnings.size(), 1u) << c.encoding;
        EXPECT_TRUE(holds(decoded.warnings[0], std::string(c.encoding) + " was assumed"))
            << decoded.warnings[0];
        EXPECT_EQ(convertToUtf8(bytes, c.encoding, lost), c.text);
        EXPECT_EQ(lost, 0u);
    }
}

TEST(Encodings, DeclaredOnesAreTakenWithoutAWarning) {
    std::string page = "<meta charset='windows-1251'><p>" + encode("Гавань.", "WINDOWS-1251");
    Document d = importBytes(page, "x.html");
    EXPECT_EQ(d.text, "Гавань.\n");
    EXPECT_TRUE(d.warnings.empty());
    EXPECT_EQ(declaredCharset("<?xml version='1.0' encoding=\"koi8-r\"?><a/>"), "koi8-r");
    EXPECT_EQ(declaredCharset("<META http-equiv=Content-Type content=\"text/html; charset=GBK\">"),
              "GBK");
    EXPECT_EQ(declaredCharset("<p>charset=x</p>"), "");
    // A wrong or unknown name does no harm.
    EXPECT_EQ(importBytes("<meta charset=utf-16><p>Café.", "x.html").text, "Café.\n");
    EXPECT_EQ(importBytes("<meta charset=../../x><p>Na\xEFve caf\xE9.", "x.html").text,
              "Naïve café.\n");
}

TEST(Encodings, DamagedUtf8StaysUtf8) {
    DecodedText d = decodeText("Größe, Käse, Füße, Öl und \xC3 mehr.", "x");
    EXPECT_EQ(d.text, "Größe, Käse, Füße, Öl und \uFFFD mehr.");
    EXPECT_EQ(d.warnings, Strings{"1 invalid UTF-8 sequence was replaced by U+FFFD"});
    EXPECT_EQ(decodeText("\x1B$B9A\x1B(B is a harbour.", "x").text, "港 is a harbour.");
}

TEST(Encodings, RegularZerosAloneAreNoText) {
    std::string numbers;
    for (uint32_t i = 0; i < 500; ++i)
        numbers += {'\0', '\0', static_cast<char>(0xD8 + i % 8), static_cast<char>(i % 256)};
    EXPECT_TRUE(holds(refusal(numbers), "is a binary file"));
    numbers.clear();
    for (uint32_t i = 0; i < 500; ++i)
        numbers += {static_cast<char>(i % 32), '\0'};
    EXPECT_TRUE(holds(refusal(numbers), "is a binary file"));
}

TEST(Rtf, FromLibreOffice) {
    Document d = importFile(dataFile("weir.rtf"));
    EXPECT_EQ(d.format, "RTF");
    EXPECT_EQ(headingsOf(d),
              (Strings{"1 The weir at Mill Race", "2 Costs", "2 Fish", "3 How they are counted"}));
    EXPECT_TRUE(hasParagraph(d, "Steel gates, made in Harrow.", true));
    EXPECT_TRUE(hasParagraph(d, "one on the left bank,", true));
    EXPECT_TRUE(hasParagraph(d, "1990 | 212 | 14", false));
    EXPECT_TRUE(
        hasParagraph(d, "Čeština, ελληνικά, русский, 日本語 and \U0001F600 are kept.", true));
    EXPECT_TRUE(holds(d.text, "come back. [The last eel had been seen in 1954.] In 2011"));
    EXPECT_TRUE(d.warnings.empty());
    EXPECT_EQ(problemOf(d), "");
}

TEST(Rtf, ReadsCodePagesUnitsAndSymbols) {
    auto text = [](std::string_view rtf) { return paragraphsOf(importBytes(rtf, "x.rtf")); };
    EXPECT_EQ(text("{\\rtf1\\ansi\\ansicpg1251 \\'c3\\'e0\\'e2. Next.}"), Strings{"Гав. Next."});
    EXPECT_EQ(text("{\\rtf1{\\fonttbl{\\f0\\fcharset0 A;}{\\f1\\fcharset128 B;}}"
                   "\\f1\\'8d\\'60\\f0  is \\'e9.}"),
              Strings{"港 is é."});
    EXPECT_EQ(text("{\\rtf1\\uc1\\u28207?\\u-10179?\\u-8704?{\\uc2\\u233\\'c3\\'a9}.}"),
              Strings{"港\U0001F600é."});
    EXPECT_EQ(text("{\\rtf1 A\\emdash B\\~C\\_D\\-E \\{x\\}\\par\\par Two\\line lines}"),
              (Strings{"A—B\u00A0C-DE {x}", "Two\nlines"}));
    EXPECT_EQ(text("{\\rtf1{\\info{\\title T}{\\author Me}}{\\*\\unknown gone}{\\pict ffff}"
                   "{\\v hidden}{\\field{\\*\\fldinst HYPERLINK}{\\fldrslt Shown}}.\\bin3 }{}!}"),
              Strings{"Shown.!"});
    EXPECT_EQ(importBytes("{\\rtf1{\\info{\\title My title}}Words.}", "x.rtf").title, "My title");
    EXPECT_EQ(
        headingsOf(importBytes("{\\rtf1{\\stylesheet{\\s3 heading 2;}{\\s4\\outlinelevel4 X;}}"
                               "\\s3 One\\par\\pard Text\\par\\s4 Two\\par\\pard Text}",
                               "x.rtf")),
        (Strings{"2 One", "5 Two"}));
}

TEST(Rtf, TakesHostileInput) {
    EXPECT_TRUE(holds(refusal("{\\rtf1 " + std::string(2'000'000, '{'), "x.rtf"),
                      "nested deeper than 10000"));
    for (std::string_view unit :
         {"}", "{}", "{\\*\\x}", "\\u1", "\\'ff", "\\'", "\\par ", "\\cell ", "\\row ",
          "\\bin9999999999 ", "\\uc255\\u1 ", "\\u-10179?", "{\\footnote x}", "{\\listtext x}",
          "\\f1\\'e9\\f2\\'e9"}) {
        std::string bytes = "{\\rtf1 Words. " + repeat(unit, 1'000'000);
        double seconds = secondsOf([&] { EXPECT_EQ(problemOf(importBytes(bytes, "x.rtf")), ""); });
        EXPECT_LT(seconds, 10) << unit;
    }
}

TEST(Subtitles, CuesBecomeParagraphsWithTimes) {
    Document d = importFile(dataFile("talk.srt"));
    EXPECT_EQ(d.format, "SubRip");
    EXPECT_EQ(d.title, "talk");
    EXPECT_EQ(headingsOf(d), (Strings{"1 00:00:00", "1 00:10:00"}));
    EXPECT_TRUE(hasParagraph(d,
                             "Good evening, and welcome to the harbour hall. Tonight we speak "
                             "about pilots, and why the coast has only seven of them left.",
                             true));
    EXPECT_TRUE(hasParagraph(d, "- Six years, at least.", true));
    ASSERT_EQ(d.pages.size(), 6u);
    EXPECT_EQ(d.pages[4].label, "00:11:02");
    EXPECT_EQ(d.text.substr(d.pages[4].start, 12), "MR. SOLHEIM:");
    EXPECT_EQ(problemOf(d), "");
    Document web = importFile(dataFile("talk.vtt"));
    EXPECT_EQ(web.format, "WebVTT");
    EXPECT_EQ(paragraphsOf(web),
              (Strings{"Inger Holm: Good evening, and welcome to the harbour hall. Tonight we "
                       "speak about pilots, and why the coast has few.",
                       "Mr. Solheim: Six years <of training> are long."}));
    EXPECT_EQ(web.pages.size(), 4u);
    EXPECT_EQ(problemOf(web), "");
}

TEST(Subtitles, RollingCaptionsAreSaidOnce) {
    Document d = importBytes("WEBVTT\n\n00:01.000 --> 00:02.000\nso we begin\n\n"
                             "00:02.000 --> 00:03.000\nso we begin\nwith the weir\n\n"
                             "00:03.000 --> 00:04.000\nwith the weir\nand its fish\n",
                             "x.vtt");
    EXPECT_EQ(d.text, "so we begin with the weir and its fish\n\n");
}

TEST(Subtitles, TakeHostileInput) {
    for (std::string_view unit :
         {"00:00:01,000 --> 00:00:02,000\na\n", "-->", "1:2:3:4 --> 5\n", "<v <v ", "{\\", "&amp",
          "99999999:00 --> 1:1\n", "\n", "A: b\n", "- \n"}) {
        std::string bytes = "1\n00:00 --> 00:01\nWords.\n" + repeat(unit, 1'000'000);
        double seconds = secondsOf([&] { EXPECT_EQ(problemOf(importBytes(bytes, "x.srt")), ""); });
        EXPECT_LT(seconds, 10) << unit;
    }
}

TEST(SourceCode, DeclarationsAreHeadingsAndCommentsProse) {
    const std::string code =
        "// What this file owns. It has two sentences.\n#include <x>\n\n"
        "/// Adds two numbers, and nothing more than that.\n"
        "int add(int a,\n        int b) {\n    return a + b;\n\n    // x\n}\n\n"
        "class Pier : public Base {\n    void repair() {\n        call(1);\n    }\n"
        "};\nclass Later;\nint forward(int);\nif (x) {\n}\n";
    Document d = importBytes(code, "pier.cpp");
    EXPECT_EQ(d.text, code);
    EXPECT_EQ(d.format, "C++ source code");
    EXPECT_EQ(d.title, "pier");
    EXPECT_EQ(headingsOf(d),
              (Strings{"1 int add(int a,", "1 class Pier : public Base", "2 void repair()"}));
    EXPECT_TRUE(hasParagraph(d, "Adds two numbers, and nothing more than that.", true));
    EXPECT_TRUE(hasParagraph(d, "// x", false));
    EXPECT_EQ(d.paragraphs[2].heading, 1u); // the comment above belongs to its function
    EXPECT_EQ(d.text.substr(d.headings[0].start, 8), "/// Adds");
    EXPECT_EQ(splitSentences(d).size(), 3u);
    EXPECT_EQ(problemOf(d), "");
}

TEST(SourceCode, KnowsSeveralLanguages) {
    auto headings = [](std::string_view code, std::string_view path) {
        Document d = importBytes(code, path);
        EXPECT_EQ(problemOf(d), "") << path;
        return headingsOf(d);
    };
    EXPECT_EQ(
        headings("class A(B):\n    async def f(self):\n        pass\n\ndef g(): pass\n", "a.py"),
        (Strings{"1 class A(B)", "2 async def f(self)", "1 def g(): pass"}));
    EXPECT_EQ(headings("pub(crate) fn a() {\n}\nimpl X for Y {\n    fn b();\n}\n", "a.rs"),
              (Strings{"1 pub(crate) fn a()", "1 impl X for Y"}));
    EXPECT_EQ(headings("build() {\n  make all\n}\nbuild\n", "a.sh"), Strings{"1 build()"});
    EXPECT_EQ(headings("func (r *R) Read() {\n}\n", "a.go"), Strings{"1 func (r *R) Read()"});
    EXPECT_EQ(headings("export default function x() {\n}\nconst a = b(c);\n", "a.js"),
              Strings{"1 export default function x()"});
    EXPECT_EQ(headings("\\section{The weir}\nWords.\n\\subsection*{Fish}\n", "a.tex"),
              (Strings{"3 The weir", "4 Fish"}));
    EXPECT_EQ(headings("{\"class\": \"x\"}\n", "a.json"), Strings{});
    Document doc = importBytes("def f():\n    \"\"\"Says what it does, in words.\n\n    And why.\n"
                               "    \"\"\"\n    return 1\n",
                               "a.py");
    EXPECT_EQ(splitSentences(doc).size(), 2u);
}

TEST(SourceCode, LongLinesAndBlocksAreCut) {
    Document d = importBytes(repeat("f(a,b);", 100'000), "small.js");
    EXPECT_GT(d.paragraphs.size(), 40u);
    EXPECT_EQ(problemOf(d), "");
    Document lines = importBytes(repeat("x = y + 1;\n", 100'000), "long.js");
    for (const Paragraph &p : lines.paragraphs)
        EXPECT_LE(p.end - p.start, 2100u);
    for (std::string_view unit :
         {"/*", "*/", "//\n", "\"\"\"\n", "f(", "class ", "(\n", "\xC3\xA9", "{"}) {
        std::string bytes = repeat(unit, 1'000'000);
        for (const char *path : {"x.cpp", "x.py", "x.tex"})
            EXPECT_LT(secondsOf([&] { EXPECT_EQ(problemOf(importBytes(bytes, path)), ""); }), 10)
                << unit;
    }
}

TEST(Import, TenMegabytesInUnderThreeSeconds) {
    std::string text = repeat("The harbour was built in 1903, e.g. by Mr. Holm. It has two piers.\n"
                              "Nobody knows why. It is 6.4 metres deep and cold.\n\n",
                              10'000'000);
    double plain = secondsOf([&] { importBytes(text, "x.txt"); });
    double guessed = secondsOf([&] { importBytes(text + "caf\xE9", "x.txt"); });
    std::string page =
        "<html><body>" + repeat("<p>The harbour was <b>built</b> in 1903.</p>\n", 10'000'000);
    double html = secondsOf([&] { importBytes(page, "x.html"); });
    std::printf("10 MB: plain text %.2f s, of a guessed encoding %.2f s, HTML %.2f s\n", plain,
                guessed, html);
    EXPECT_LT(plain, 3);
    EXPECT_LT(guessed, 5);
    EXPECT_LT(html, 10);
}

} // namespace
} // namespace longscope::document
