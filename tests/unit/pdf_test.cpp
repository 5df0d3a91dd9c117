// compute/document/pdf: real PDFs through the helper process, and hostile ones that it must not
// survive at our cost.
#include "compute/document/formats.h"
#include "compute/document/pdf.h"
#include "tests/support/packed_files.h"
#include "tests/support/pdf_writer.h"

#include <gtest/gtest.h>

#include <sys/wait.h>

#include <chrono>
#include <format>

namespace longscope::document {
namespace {

using longscope::testing::documentFile;
using longscope::testing::expectSoundOutline;
using longscope::testing::headingsOf;
using longscope::testing::holds;
using longscope::testing::makePdf;
using longscope::testing::paragraphsOf;
using longscope::testing::refusalOf;
using longscope::testing::streamObject;
using Strings = std::vector<std::string>;
using namespace std::chrono_literals;

/// No helper is left behind, alive or waited for by nobody.
void expectNoChild() {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

constexpr const char *kCatalogue = "<</Type/Catalog/Pages 2 0 R>>";
constexpr const char *kOnePage = "<</Type/Pages/Kids[3 0 R]/Count 1>>";

TEST(Pdf, ReadsTwoColumnsOfGroff) {
    Document document = readPdf(documentFile("paper.pdf"), "paper.pdf");
    expectSoundOutline(document);
    expectNoChild();
    EXPECT_EQ(document.format, "PDF");
    EXPECT_EQ(document.title, "What a long context costs");
    Strings headings = headingsOf(document);
    ASSERT_EQ(headings.size(), 12u);
    EXPECT_EQ(headings[0], "1 What a long context costs");
    EXPECT_EQ(headings[2], "2 Every token looks back at all the others");
    EXPECT_EQ(headings[11], "2 What follows for a reader");
    // Hyphens of lines go, those of words stay; ligatures are letters; heads and numbers are gone.
    for (const char *there : {"15 percent as much work", "which is called quantisation",
                              "grouped-query attention", "Prefill is where", "efficient ways"})
        EXPECT_TRUE(document.text.contains(there)) << there;
    for (const char *gone : {"Lenn notes", "A long context\n", "\uFB01", "multipli-"})
        EXPECT_FALSE(document.text.contains(gone)) << gone;
    EXPECT_EQ(document.warnings,
              Strings{"7 running lines were left out: heads, feet and page numbers"});
    ASSERT_EQ(document.pages.size(), 3u);
    EXPECT_EQ(document.pages[2].label, "3");
    // A paragraph goes on from the foot of page 1 to the head of page 2, a column from left to
    // right.
    EXPECT_TRUE(document.text.contains("keys and values of its own, and needed 524,288 bytes"));
    EXPECT_TRUE(document.text.substr(document.pages[1].start).starts_with("524,288 bytes"));
    EXPECT_TRUE(document.text.contains("and this is all that people mean when they call attention "
                                       "quadratic."));
}

/// The words of the PDF are those of the text that it was made of.
TEST(Pdf, KeepsAllWordsOfTheSource) {
    std::string source = documentFile("paper.ms");
    Document document = readPdf(documentFile("paper.pdf"), "paper.pdf");
    size_t at = source.find("A language model reads a text"), words = 0, missing = 0;
    for (size_t line = at; line < source.size();) {
        size_t end = std::min(source.find('\n', line), source.size());
        std::string text = source.substr(line, end - line);
        line = end + 1;
        if (text.starts_with('.') || text.contains('\\') || text.contains('"') ||
            text.contains('\'') || text.empty())
            continue;
        ++words;
        missing += !document.text.contains(text);
    }
    EXPECT_GT(words, 100u);
    EXPECT_EQ(missing, 0u);
}

TEST(Pdf, ReadsAFileOfLibreOffice) {
    Document document = readPdf(documentFile("minutes.pdf"), "minutes.pdf");
    expectSoundOutline(document);
    EXPECT_EQ(document.title, "Minutes of the harbour council");
    EXPECT_EQ(headingsOf(document),
              (Strings{"1 Opening", "1 Reports", "2 Quay and moorings", "2 Fees", "1 Decisions"}));
    ASSERT_EQ(document.pages.size(), 7u);
    EXPECT_TRUE(document.text.substr(document.pages[5].start).starts_with("This chapter begins"));
    EXPECT_FALSE(document.text.contains("minutes of June"));
    EXPECT_TRUE(document.text.contains("thanked the members.[1] The minutes"));
    EXPECT_TRUE(document.text.contains("\n[1] Nine of eleven were present.\n"));
    EXPECT_TRUE(document.text.contains("\nFirst | 18 200\n"));
}

TEST(Pdf, RefusesAPassword) {
    EXPECT_TRUE(holds(refusalOf([] { readPdf(documentFile("locked.pdf"), "l.pdf"); }),
                      "l.pdf is a PDF locked by a password"));
}

TEST(Pdf, SaysThatThereIsNoTextLayer) {
    std::string pdf = makePdf({kCatalogue, "<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2>>",
                               "<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R>>",
                               streamObject("0 0 50 50 re f")});
    EXPECT_TRUE(holds(refusalOf([&] { readPdf(pdf, "scan.pdf"); }), "and no text layer"));
}

TEST(Pdf, RejectsTruncated) {
    std::string whole = documentFile("paper.pdf");
    for (size_t size :
         {size_t{0}, size_t{1}, size_t{9}, size_t{500}, whole.size() / 2, whole.size() - 300}) {
        std::string outcome =
            refusalOf([&] { expectSoundOutline(readPdf(whole.substr(0, size), "cut.pdf")); });
        EXPECT_TRUE(outcome == "accepted" || outcome.contains("cut.pdf")) << outcome;
        expectNoChild();
    }
    EXPECT_TRUE(holds(refusalOf([&] { readPdf("%PDF-1.4 nothing", "x.pdf"); }), "broken PDF"));
}

TEST(Pdf, RejectsHugeCount) {
    std::string pdf = makePdf({kCatalogue, "<</Type/Pages/Kids[3 0 R]/Count 2000000000>>",
                               "<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]>>"});
    EXPECT_TRUE(holds(refusalOf([&] { readPdf(pdf, "x.pdf"); }), "x.pdf"));
    EXPECT_TRUE(
        holds(refusalOf([&] { runPdfReader(documentFile("paper.pdf"), "x.pdf", {.pages = 2}); }),
              "more than 2 pages"));
}

TEST(Pdf, SurvivesADeepTreeOfPages) {
    Strings objects{kCatalogue};
    for (int i = 2; i < 20'000; ++i)
        objects.push_back(std::format("<</Type/Pages/Count 1/Kids[{} 0 R]>>", i + 1));
    objects.push_back("<</Type/Page/MediaBox[0 0 100 100]>>");
    std::string outcome = refusalOf([&] { readPdf(makePdf(objects), "deep.pdf"); });
    EXPECT_TRUE(holds(outcome, "deep.pdf"));
    expectNoChild();
}

/// Forms that draw the next one twice: 2^60 drawings in a file of 6 kB.
std::string endlessPdf() {
    Strings objects{kCatalogue, kOnePage,
                    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R"
                    "/Resources<</XObject<</F 5 0 R>>>>>>",
                    streamObject("/F Do")};
    for (int i = 5; i < 65; ++i)
        objects.push_back(
            streamObject("/F Do /F Do",
                         std::format("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject"
                                     "<</F {} 0 R>>>>",
                                     i + 1)));
    return makePdf(objects);
}

TEST(Pdf, StopsAHelperThatNeverEnds) {
    auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(holds(refusalOf([] { runPdfReader(endlessPdf(), "loop.pdf", {.wall = 700ms}); }),
                      "loop.pdf is not read: the PDF reader was stopped"));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
    expectNoChild();
    EXPECT_TRUE(holds(refusalOf([] { runPdfReader(endlessPdf(), "loop.pdf", {.cpu_seconds = 1}); }),
                      "was stopped after 1 s of work"));
    expectNoChild();
    EXPECT_EQ(runPdfReader(documentFile("paper.pdf"), "p.pdf").pages.size(), 3u); // and goes on
}

TEST(Pdf, LimitsMemoryAndAnswer) {
#ifndef __SANITIZE_ADDRESS__
    std::string outcome = refusalOf(
        [] { runPdfReader(documentFile("paper.pdf"), "x.pdf", {.memory_bytes = 1'000'000}); });
    EXPECT_TRUE(outcome.contains("of memory") || outcome.contains("crash")) << outcome;
#endif
    EXPECT_TRUE(holds(
        refusalOf([] { runPdfReader(documentFile("paper.pdf"), "x.pdf", {.answer_bytes = 1000}); }),
        "made to fill memory"));
    expectNoChild();
}

} // namespace
} // namespace longscope::document
