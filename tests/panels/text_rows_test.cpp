// The text widget's pure parts: wrapping, finding, words, counts.
#include "ui/widgets/text_find.h"
#include "ui/widgets/text_rows.h"
#include "ui/widgets/text_units.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

namespace longscope::ui {
namespace {

using Clock = std::chrono::steady_clock;
double milliseconds(Clock::time_point since) {
    return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

/// Every character is 1 wide, ideographs are 2.
Advances cells() {
    Advances advances;
    advances.ascii.fill(1);
    advances.ascii['\n'] = advances.ascii['\r'] = 0;
    advances.wide = 2;
    return advances;
}

RowIndex wrapped(std::string_view text, float width) {
    RowIndex rows(text, width, cells());
    while (!rows.work(cells(), 64)) {
    }
    return rows;
}
std::vector<std::string> rowsOf(std::string_view text, float width) {
    const RowIndex rows = wrapped(text, width);
    std::vector<std::string> out;
    for (size_t row = 0; row < rows.rows(); ++row)
        out.emplace_back(text.substr(rows.start(row), rows.visibleEnd(row) - rows.start(row)));
    return out;
}
using Strings = std::vector<std::string>;

TEST(TextRows, WrapsAfterBlanks) {
    EXPECT_EQ(rowsOf("the quick brown fox", 10), (Strings{"the quick ", "brown fox"}));
    EXPECT_EQ(rowsOf("the quick brown fox", 9), (Strings{"the quick ", "brown fox"}));
    EXPECT_EQ(rowsOf("the quick brown fox", 100), (Strings{"the quick brown fox"}));
    EXPECT_EQ(rowsOf("well-known", 6), (Strings{"well-", "known"}));
    EXPECT_EQ(rowsOf("a      b", 3), (Strings{"a      ", "b"}));
}

TEST(TextRows, KeepsLinesAndTheirEnds) {
    EXPECT_EQ(rowsOf("", 10), (Strings{""}));
    EXPECT_EQ(rowsOf("\n", 10), (Strings{"", ""}));
    EXPECT_EQ(rowsOf("one\n\ntwo", 10), (Strings{"one", "", "two"}));
    EXPECT_EQ(rowsOf("one\r\ntwo\r\n", 10), (Strings{"one", "two", ""}));
    EXPECT_EQ(rowsOf("12345\n67890", 5), (Strings{"12345", "67890"}));
}

TEST(TextRows, CutsLongWords) {
    EXPECT_EQ(rowsOf("abcdefghij", 4), (Strings{"abcd", "efgh", "ij"}));
    EXPECT_EQ(rowsOf("x abcdefghij", 4), (Strings{"x ", "abcd", "efgh", "ij"}));
    EXPECT_EQ(rowsOf("abc", 0.5F), (Strings{"a", "b", "c"}));
    // Narrow signs and endless blanks end too.
    const std::string blanks(3 * kMostRowBytes, ' ');
    EXPECT_EQ(rowsOf(blanks, 10).size(), 3U);
}

TEST(TextRows, WrapsIdeographsAnywhereButBeforeClosingMarks) {
    EXPECT_EQ(rowsOf("港口存煤三十天", 6), (Strings{"港口存", "煤三十", "天"}));
    EXPECT_EQ(rowsOf("港口存。煤", 6), (Strings{"港口", "存。煤"}));
    EXPECT_EQ(rowsOf("abc港口", 5), (Strings{"abc港", "口"}));
    EXPECT_EQ(rowsOf("e\u0301e\u0301e\u0301", 2.5F).front().substr(0, 3), "e\u0301"); // not within
}

/// Whatever the text: rows follow one another, none is empty, each fits or cannot be made smaller.
TEST(TextRows, CoversAnyText) {
    std::mt19937 random(7);
    const std::string_view signs[] = {
        "a",  "b",  " ",    "\n",     "\r\n", "-",        "é",
        "港", "。", "\xff", "\u0301", "🙂", "\xe6\xb8", std::string_view("\0", 1)};
    for (int trial = 0; trial < 300; ++trial) {
        std::string text;
        for (auto i = random() % 200; i > 0; --i)
            text += signs[random() % std::size(signs)];
        const RowIndex rows = wrapped(text, static_cast<float>(1 + random() % 12));
        EXPECT_EQ(rows.start(0), 0U);
        EXPECT_EQ(rows.end(rows.rows() - 1), text.size());
        for (size_t row = 0; row + 1 < rows.rows(); ++row) {
            ASSERT_LT(rows.start(row), rows.start(row + 1));
            ASSERT_LE(rows.visibleEnd(row), rows.end(row));
            ASSERT_EQ(rows.rowOf(rows.start(row)), row);
            ASSERT_EQ(rows.rowOf(rows.end(row) - 1), row);
        }
    }
}

TEST(TextUnits, FindsWordsAndLines) {
    const std::string_view text = "Die Straße,  na\u00efve.\r\n\n日本語 ok\n";
    const auto word = [&](std::string_view at) {
        const auto [start, end] = wordAt(text, text.find(at));
        return std::string(text.substr(start, end - start));
    };
    EXPECT_EQ(word("traß"), "Straße");
    EXPECT_EQ(word(","), ",");
    EXPECT_EQ(word("  "), "  ");
    EXPECT_EQ(word("ve."), "na\u00efve");
    EXPECT_EQ(word("本"), "日本語");
    const auto [start, end] = lineAt(text, 4);
    EXPECT_EQ(text.substr(start, end - start), "Die Straße,  na\u00efve.\r\n");
    EXPECT_EQ(lineAt(text, end), (ByteRange{end, end + 1}));
    EXPECT_EQ(lineAt(text, text.size()), (ByteRange{text.size(), text.size()}));
    EXPECT_EQ(signStart(text, text.find("ß") + 1), text.find("ß"));
    EXPECT_EQ(wordAt("", 0), (ByteRange{0, 0}));
}

TEST(TextUnits, CountsWordsAndCharacters) {
    const auto count = [](std::string_view text) {
        TextCounter counter(text);
        while (!counter.work(3)) {
        }
        return std::pair{counter.words(), counter.characters()};
    };
    EXPECT_EQ(count(""), (std::pair<uint64_t, uint64_t>{0, 0}));
    EXPECT_EQ(count("It's a well-known  Straße."), (std::pair<uint64_t, uint64_t>{5, 26}));
    EXPECT_EQ(count("港口 two"), (std::pair<uint64_t, uint64_t>{3, 6}));
}

std::vector<uint32_t> found(std::string_view text, std::string_view words, bool match_case) {
    TextFind find(text, words, match_case);
    while (!find.work(5)) {
    }
    return {find.hits().begin(), find.hits().end()};
}

TEST(TextFind, FindsInBothCases) {
    using Hits = std::vector<uint32_t>;
    EXPECT_EQ(found("Coal, coal, COAL", "coal", false), (Hits{0, 6, 12}));
    EXPECT_EQ(found("Coal, coal, COAL", "coal", true), (Hits{6}));
    EXPECT_EQ(found("aaaaa", "aa", true), (Hits{0, 2}));
    EXPECT_EQ(found("ÄRGER ärger Ärger", "ärger", false), (Hits{0, 7, 14}));
    EXPECT_EQ(found("Ρώμη РЫБА рыба ΝΈΑ νέα", "Рыба", false).size(), 2U);
    EXPECT_EQ(found("Ѐ Ѡ", "р", false), Hits{}); // bytes of both cases mixed
    EXPECT_EQ(found("abc", "", false), Hits{});
    EXPECT_EQ(found("abc", "abcd", false), Hits{});
    EXPECT_EQ(found("abc", "c", false), (Hits{2}));
}

TEST(TextFind, AgreesWithAPlainSearch) {
    std::mt19937 random(3);
    for (int trial = 0; trial < 200; ++trial) {
        std::string text, words;
        for (auto i = random() % 300; i > 0; --i)
            text += static_cast<char>('a' + random() % 3);
        for (auto i = 1 + random() % 4; i > 0; --i)
            words += static_cast<char>('a' + random() % 3);
        std::vector<uint32_t> plain;
        for (size_t at = text.find(words); at != std::string::npos;
             at = text.find(words, at + words.size()))
            plain.push_back(static_cast<uint32_t>(at));
        EXPECT_EQ(found(text, words, true), plain);
        EXPECT_EQ(found(text, words, false), plain);
    }
}

TEST(TextRows, TakesTenMegabytes) {
    std::string text;
    while (text.size() < 10'000'000)
        text +=
            "The harbour keeps coal for thirty days and water for ten; nobody wrote down which of "
            "the two cranes was mended first. Prices follow the wind.\n\n";
    auto since = Clock::now();
    const RowIndex rows = wrapped(text, 80);
    const double wrapping = milliseconds(since);
    since = Clock::now();
    TextFind find(text, "Mended", false);
    find.work(text.size());
    const double finding = milliseconds(since);
    since = Clock::now();
    TextCounter counter(text);
    counter.work(text.size());
    std::printf("10 MB: wrapped in %.0f ms (%zu rows), found %zu in %.1f ms, counted in %.0f ms\n",
                wrapping, rows.rows(), find.hits().size(), finding, milliseconds(since));
    EXPECT_GT(rows.rows(), 120'000U);
    EXPECT_EQ(find.hits().size(), rows.rows() / 3); // two rows and an empty one
}

} // namespace
} // namespace longscope::ui
