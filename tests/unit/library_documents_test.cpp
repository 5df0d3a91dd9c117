// Documents, results and runs in the library, and the step up from a file of version 1.
#include "compute/core/error.h"
#include "compute/document/library.h"
#include "compute/document/library_outline.h"
#include "compute/document/library_pack.h"
#include "compute/document/library_sql.h"
#include "tests/support/library_folder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <format>
#include <thread>

namespace longscope::document {
namespace {

namespace fs = std::filesystem;
using LibraryDocuments = LibraryFolder;
using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Of the calling thread.
double processorSeconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

Document paged() {
    Document document = importText("# One\n\nFirst page.\n\n## Two\n\nSecond page.\n\n# Three\n\n"
                                   "The end.\n",
                                   "book.md", true);
    document.format = "PDF";
    document.pages = {{0, "iv"}, {document.headings[1].start, ""}, {document.text.size(), "2"}};
    return document;
}

/// "Head", then "struct A { int x; };" below a heading of its own, and what kind each is.
std::string packedCode(uint64_t form, uint64_t title, uint64_t declaration) {
    Packer out;
    for (uint64_t number : {form, uint64_t{2}, uint64_t{1}, uint64_t{0}})
        out.number(number);
    out.text("Head");
    out.number(1);
    out.number(6);
    out.text("struct A");
    for (uint64_t number : {uint64_t{2}, uint64_t{0}, uint64_t{4}, uint64_t{1}, title, uint64_t{2},
                            uint64_t{20}, uint64_t{2}, declaration, uint64_t{0}, uint64_t{0}})
        out.number(number);
    return out.take();
}

TEST(PackedOutline, TellsTitlesFromDeclarationsInEarlierFormsToo) {
    for (uint64_t form : {2, 3}) {
        Document document;
        ASSERT_TRUE(unpackOutline(packedCode(form, form == 3 ? 2 : 0, 0), 26, document));
        EXPECT_TRUE(document.paragraphs[0].title);
        EXPECT_FALSE(document.paragraphs[1].title);
        EXPECT_EQ(packOutline(document), packedCode(3, 2, 0));
    }
    Document none;
    EXPECT_FALSE(unpackOutline(packedCode(3, 2, 3), 26, none));
    EXPECT_FALSE(unpackOutline(packedCode(4, 2, 0), 26, none));
}

std::string longText(size_t bytes) {
    std::string text;
    for (uint64_t i = 0; text.size() < bytes; ++i)
        text += std::format("Paragraph {} of many says word{} and word{} and little else.\n\n", i,
                            i * 7919 % 5003, i * 104729 % 20011);
    return text;
}

// Made by the program as it was before version 2: a document, a removed one before and after it,
// two conversations of which one is removed, two messages, a value.
TEST_F(LibraryDocuments, AFileOfVersionOneIsOpenedWithEverythingInIt) {
    fs::create_directories(folder_ / "deeper");
    fs::copy(std::string(LONGSCOPE_TEST_DATA) + "/library_v1.sqlite", path());
    Database(path()).execute("INSERT INTO documents(hash, path, title, text, outline) SELECT 0, "
                             "'long.txt', 'Long', CAST(replace(hex(zeroblob(150000)), '00', "
                             "'abc de' || char(10, 10)) AS BLOB), x'00FF'");
    Library library(path());
    EXPECT_EQ(library.warning(), "");
    Document read = importFile(std::string(LONGSCOPE_TEST_DATA) + "/harbour.md");
    auto harbour = library.document(2);
    ASSERT_TRUE(harbour);
    EXPECT_EQ(harbour->text, read.text);
    EXPECT_EQ(harbour->path, "harbour.md");
    EXPECT_EQ(harbour->headings.size(), read.headings.size());
    EXPECT_EQ(harbour->paragraphs.size(), read.paragraphs.size());
    EXPECT_TRUE(harbour->pages.empty());
    EXPECT_EQ(library.sections(2).size(), read.headings.size());
    auto large = library.document(4); // several parts, and an outline of an unknown form
    ASSERT_TRUE(large);
    ASSERT_EQ(large->text.size(), 150000u * 8);
    for (size_t at = 0; at < large->text.size(); at += 8)
        ASSERT_EQ(large->text.substr(at, 8), "abc de\n\n") << at;
    EXPECT_EQ(large->paragraphs.size(), 150000u);
    EXPECT_EQ(library.documents().size(), 2u);
    EXPECT_EQ(library.documentFacts(2)->text_bytes, read.text.size());
    EXPECT_EQ(library.documentFacts(2)->added_unix_s, 0);
    EXPECT_EQ(library.addDocument(read), 2u);
    EXPECT_EQ(library.addDocument(importText("New.", "new.txt", false)), 5u);

    ASSERT_EQ(library.conversations().size(), 1u);
    EXPECT_EQ(library.conversations()[0].title, "Harbour");
    auto messages = library.messages(library.conversations()[0].id);
    ASSERT_EQ(messages.size(), 2u);
    EXPECT_EQ(messages[1].text, "About forty berths.");
    EXPECT_EQ(messages[1].details, R"({"n":2})");
    EXPECT_EQ(messages[1].document, 2u);
    EXPECT_EQ(library.findConversations("BERTHS").size(), 1u);
    EXPECT_EQ(library.value("theme"), "light");
    ASSERT_EQ(library.search("harbour").empty(), false);
    EXPECT_EQ(library.search("harbour")[0].document, 2u);
    EXPECT_EQ(library.search("de", {.limit = 3}).size(), 3u);
}

TEST_F(LibraryDocuments, PagesFormatAndSectionsComeBack) {
    Document read = paged();
    uint64_t id = 0;
    {
        Library library(path());
        id = library.addDocument(read);
    }
    Library library(path());
    auto again = library.document(id);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->format, "PDF");
    ASSERT_EQ(again->pages.size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(again->pages[i].start, read.pages[i].start);
        EXPECT_EQ(again->pages[i].label, read.pages[i].label);
    }
    auto sections = library.sections(id);
    ASSERT_EQ(sections.size(), 3u);
    EXPECT_EQ(sections[1].title, "Two");
    EXPECT_EQ(sections[1].level, 2u);
    EXPECT_EQ(sections[0].end, sections[1].start);
    EXPECT_EQ(sections[2].end, read.text.size());
    auto facts = library.documents();
    ASSERT_EQ(facts.size(), 1u);
    EXPECT_EQ(facts[0].title, read.title);
    EXPECT_EQ(facts[0].format, "PDF");
    EXPECT_EQ(facts[0].text_bytes, read.text.size());
    EXPECT_GT(facts[0].added_unix_s, 1'600'000'000);

    EXPECT_TRUE(library.tokenCounts(id).empty());
    library.setTokenCounts(id, {.tokenizer = "bpe-1", .tokens = 30, .sections = {10, 9, 11}});
    library.setTokenCounts(id, {.tokenizer = "spm", .tokens = 300, .sections = {100, 0, 200}});
    library.setTokenCounts(id, {.tokenizer = "bpe-1", .tokens = 31, .sections = {10, 10, 11}});
    library.setTokenCounts(99, {.tokenizer = "bpe-1", .tokens = 1, .sections = {}});
    auto counts = library.tokenCounts(id);
    ASSERT_EQ(counts.size(), 2u);
    EXPECT_EQ(counts[0].tokens, 31u);
    EXPECT_EQ(counts[1].sections, (std::vector<uint64_t>{100, 0, 200}));
    EXPECT_TRUE(library.tokenCounts(99).empty());
    EXPECT_EQ(library.addDocument(read), id);
    EXPECT_EQ(library.tokenCounts(id).size(), 2u);
    read.headings.pop_back(); // imported by another version of the program: other sections
    read.paragraphs.back().heading = read.headings.size();
    read.paragraphs[read.paragraphs.size() - 2].heading = read.headings.size();
    EXPECT_EQ(library.addDocument(read), id);
    EXPECT_EQ(library.sections(id).size(), 2u);
    EXPECT_TRUE(library.tokenCounts(id).empty());
}

TEST_F(LibraryDocuments, ResultsAreKeptByteForByteUntilTheyAreForgotten) {
    std::string odd("a\0b\xFF", 4);
    uint64_t one = 0, two = 0;
    {
        Library library(path());
        one = library.addDocument(importText("One.", "1.txt", false));
        two = library.addDocument(importText("Two.", "2.txt", false));
        ResultStore &store = library;
        EXPECT_FALSE(store.find("step", "k"));
        store.keep("step", "k", "first");
        store.keep("step", "k", odd);
        store.keep("vectors", odd, "");
        DocumentResults of_one(library, one), of_two(library, two);
        of_one.keep("step", "k1", "11");
        of_two.keepAll("step", std::vector<ResultStore::Item>{{"k2", "2"}, {"k2", "222"}});
        EXPECT_EQ(of_one.find("step", "k2"), "222");
    }
    Library library(path());
    EXPECT_EQ(library.find("step", "k"), odd);
    EXPECT_EQ(library.find("vectors", odd), "");
    EXPECT_FALSE(library.find("vectors", "k"));
    EXPECT_EQ(library.documentFacts(one)->results, 1u);
    EXPECT_EQ(library.documentFacts(one)->result_bytes, 2u);
    ASSERT_EQ(library.results(two).size(), 1u);
    EXPECT_EQ(library.results(two)[0].key, "k2");
    EXPECT_EQ(library.results(two)[0].bytes, 3u);
    EXPECT_EQ(library.forgetResults(one), 2u);
    EXPECT_FALSE(library.find("step", "k1"));
    library.removeDocument(two);
    EXPECT_FALSE(library.find("step", "k2"));
    EXPECT_EQ(library.forgetAllResults(), 4u);
    EXPECT_FALSE(library.find("step", "k"));
    EXPECT_EQ(library.forgetAllResults(), 0u);
}

TEST_F(LibraryDocuments, TheUseOfAResultIsNotedAnHourLater) {
    Library library(path());
    library.keep("step", "k", "x");
    Database(path()).execute("UPDATE results SET used_ms = used_ms - 3000000");
    int64_t before = library.results(0)[0].used_unix_s;
    library.find("step", "k");
    EXPECT_EQ(library.results(0)[0].used_unix_s, before);
    Database(path()).execute("UPDATE results SET used_ms = used_ms - 3000000");
    library.find("step", "k");
    EXPECT_GE(library.results(0)[0].used_unix_s, before + 2999);
}

TEST_F(LibraryDocuments, RunsAreListedNewestFirstAndByDocument) {
    Library library(path());
    StoredRun first{.kind = "summary",
                    .documents = {7, 3},
                    .strategy = "tree",
                    .settings = R"({"words":120})",
                    .result = "{}"};
    first.id = library.addRun(first);
    uint64_t second = library.addRun({.kind = "answer", .documents = {3}});
    auto all = library.runs();
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].id, second);
    EXPECT_FALSE(all[1].finished);
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    first.finished = true;
    first.result = R"({"sentences":[]})";
    library.updateRun(first);
    auto again = library.run(first.id);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->kind, "summary");
    EXPECT_EQ(again->strategy, "tree");
    EXPECT_EQ(again->documents, (std::vector<uint64_t>{7, 3}));
    EXPECT_EQ(again->settings, R"({"words":120})");
    EXPECT_EQ(again->result, R"({"sentences":[]})");
    EXPECT_TRUE(again->finished);
    EXPECT_GT(again->began_unix_s, 1'600'000'000);
    EXPECT_EQ(library.runs()[0].id, first.id);
    EXPECT_EQ(library.runs(3).size(), 2u);
    EXPECT_EQ(library.runs(7).size(), 1u);
    EXPECT_TRUE(library.runs(8).empty());
    library.removeRun(first.id);
    EXPECT_FALSE(library.run(first.id));
    EXPECT_TRUE(library.runs(7).empty());
    EXPECT_GT(library.addRun({.kind = "summary"}), second);
}

TEST_F(LibraryDocuments, ResultsUsedLongestAgoGoFirst) {
    Library library(path());
    for (const char *key : {"a", "b", "c", "d"})
        library.keep("step", key, std::string(100, key[0]));
    Database(path()).execute("UPDATE results SET used_ms = 1000 * (5 - id)"); // "d" is the oldest
    EXPECT_EQ(library.forgetOldResults(400), 0u);
    EXPECT_EQ(library.forgetOldResults(250), 200u);
    EXPECT_TRUE(library.find("step", "a") && library.find("step", "b"));
    EXPECT_FALSE(library.find("step", "c") || library.find("step", "d"));
    library.keep("step", "e", std::string(1000, 'e'));
    EXPECT_EQ(library.forgetOldResults(999), 1200u); // the newest alone is too much
    EXPECT_FALSE(library.find("step", "e"));
}

TEST_F(LibraryDocuments, APurgeLeavesWhatSomethingNames) {
    Library library(path());
    auto add = [&](const char *text) { return library.addDocument(importText(text, "t", false)); };
    uint64_t kept = add("Kept."), run = add("Of a run."), result = add("With a result."),
             stays = add("Let stay."), unused = add("Unused.");
    library.addRun({.kind = "summary", .documents = {run}});
    library.keepFor(result, "step", "k", "x");
    library.letStay(stays, true);
    library.purgeDocuments(std::vector{kept});
    for (uint64_t id : {kept, run, result, stays})
        EXPECT_TRUE(library.document(id)) << id;
    EXPECT_FALSE(library.document(unused));
    EXPECT_TRUE(library.documentFacts(stays)->stays);
    EXPECT_EQ(library.documents().size(), 4u);
    EXPECT_TRUE(library.search("unused").empty());
    EXPECT_EQ(library.search("result").size(), 1u);
    EXPECT_GT(add("Unused."), unused); // what is leaving is not taken back
    EXPECT_EQ(library.search("unused").size(), 1u);
}

TEST_F(LibraryDocuments, RemovingLeavesNothingAndCompactingGivesTheBytesBack) {
    Library library(path());
    uint64_t empty_bytes = library.fileBytes();
    uint64_t id = library.addDocument(importText(longText(3'000'000), "long.txt", false));
    library.setTokenCounts(id, {.tokenizer = "t", .tokens = 1, .sections = {1}});
    EXPECT_EQ(library.search("word17", {.beginnings = false}).empty(), false);
    EXPECT_TRUE(library.removeDocument(id));
    EXPECT_FALSE(library.removeDocument(id));
    EXPECT_TRUE(library.search("word17").empty());
    Database database(path());
    for (const char *table : {"documents", "text_parts", "outlines", "pieces", "token_counts"}) {
        Statement count(database, std::format("SELECT count(*) FROM {}", table));
        ASSERT_TRUE(count.step());
        EXPECT_EQ(count.number(0), 0u) << table;
    }
    EXPECT_GT(library.compact(), 3'000'000u);
    EXPECT_LT(library.fileBytes(), empty_bytes + 100'000);
}

// What another program, or this one before it was killed, began is gone on with.
TEST_F(LibraryDocuments, AnImportThatWasBrokenOffIsGoneOnWith) {
    Document document = importText(longText(700'000), "long.txt", false);
    Library library(path());
    uint64_t id = library.addDocument(document);
    Database(path()).execute(
        "UPDATE documents SET state = 0, text_bytes = 262144; DELETE FROM outlines;"
        "DELETE FROM text_parts WHERE id & 0xFFFFFFFF > 0;");
    EXPECT_FALSE(library.document(id));
    EXPECT_TRUE(library.documents().empty());
    EXPECT_EQ(library.addDocument(document), id);
    EXPECT_EQ(library.document(id)->text, document.text);

    Document other = document; // begins in the same way
    other.text.replace(300'000, 1, "#");
    EXPECT_NE(library.addDocument(other), id);

    Database(path()).execute("UPDATE documents SET state = 0, added_ms = added_ms - 90000000");
    library.compact();
    Database database(path());
    Statement count(database, "SELECT count(*) FROM text_parts");
    ASSERT_TRUE(count.step());
    EXPECT_EQ(count.number(0), 0u);
}

TEST_F(LibraryDocuments, ALargeDocumentIsKeptQuicklyAndLetsOthersIn) {
    Library library(path());
    Document document = importText(longText(10'000'000), "large.txt", false);
    uint64_t conversation = library.addConversation("c", "");
    std::atomic<bool> done = false;
    double longest = 0, adding = 0, processor = 0;
    uint64_t id = 0;
    std::thread importer([&] {
        auto start = Clock::now();
        double before = processorSeconds();
        id = library.addDocument(document);
        processor = processorSeconds() - before;
        adding = secondsSince(start);
        done = true;
    });
    uint64_t messages = 0;
    for (; !done; ++messages) {
        auto start = Clock::now();
        library.addMessage({.conversation = conversation, .role = "user", .text = "While."});
        longest = std::max(longest, secondsSince(start));
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    importer.join();
    std::printf("10 MB were added in %.2f s (%.2f s of the processor); of %lu messages meanwhile "
                "the slowest took %.0f ms\n",
                adding, processor, static_cast<unsigned long>(messages), longest * 1000);
    EXPECT_LT(processor, 4);        // 0.6 measured; not the time on the clock: other tests may run
    EXPECT_LT(longest, adding / 4); // it got in between slices
    EXPECT_GT(messages, 10u);
    EXPECT_EQ(library.addDocument(document), id);
    auto again = library.document(id);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->text, document.text);
    EXPECT_EQ(again->paragraphs.size(), document.paragraphs.size());
    EXPECT_EQ(library.search("word17 word20010", {.every_word = false}).empty(), false);
}

} // namespace
} // namespace longscope::document
