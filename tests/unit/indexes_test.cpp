// Finding passages by words and by vectors, each against a plain twin.
#include "compute/document/text_index.h"
#include "compute/document/vector_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <sstream>

namespace longscope::document {
namespace {

using Strings = std::vector<std::string>;

// ---- words -------------------------------------------------------------------------------------

enum class Idf { lucene, fts5 };

Strings split(const std::string &text) {
    std::istringstream in(text);
    return {std::istream_iterator<std::string>(in), {}};
}

/// BM25 over words parted by spaces, without stems.
std::vector<double> plainBm25(const Strings &texts, const Strings &query, Idf kind, double k1) {
    constexpr double kB = 0.75;
    double n = static_cast<double>(texts.size()), total = 0;
    for (const std::string &text : texts)
        total += static_cast<double>(split(text).size());
    std::vector<double> scores(texts.size(), 0);
    for (const std::string &word : query) {
        std::vector<double> counts;
        for (const std::string &text : texts)
            counts.push_back(static_cast<double>(std::ranges::count(split(text), word)));
        double df = static_cast<double>(
            std::ranges::count_if(counts, [](double count) { return count > 0; }));
        double ratio = (n - df + 0.5) / (df + 0.5);
        double idf = kind == Idf::lucene ? std::log(1 + ratio) : std::max(std::log(ratio), 1e-6);
        for (size_t i = 0; i < texts.size(); ++i) {
            double length = static_cast<double>(split(texts[i]).size());
            double norm = k1 * (1 - kB + kB * length / (total / n));
            scores[i] += idf * counts[i] * (k1 + 1) / (counts[i] + norm);
        }
    }
    return scores;
}

std::map<size_t, double> searched(const Strings &texts, const Strings &query) {
    TextIndex index(std::vector<std::string_view>(texts.begin(), texts.end()));
    std::map<size_t, double> scores;
    double last = 1e9;
    for (const Scored &found : index.search(query, texts.size())) {
        scores[found.index] = found.score;
        EXPECT_LE(found.score, last);
        last = found.score;
    }
    return scores;
}

TEST(TextIndex, TheTwinHasThePublishedNumbers) {
    Strings texts = {"the cat sat on the mat", "the dog sat on the log", "cats and dogs are pets"};
    auto at12 = plainBm25(texts, {"cat", "sat"}, Idf::lucene, 1.2);
    EXPECT_NEAR(at12[0], 1.416740, 1e-6);
    EXPECT_NEAR(at12[1], 0.458959, 1e-6);
    EXPECT_EQ(at12[2], 0);
    auto at15 = plainBm25(texts, {"cat", "sat"}, Idf::lucene, 1.5);
    EXPECT_NEAR(at15[0], 1.413419, 1e-6);
    EXPECT_NEAR(at15[1], 0.457883, 1e-6);
}

TEST(TextIndex, ScoresLikeTheTwin) {
    std::mt19937 random(11);
    Strings vocabulary; // nothing that Porter's rules change
    for (char a = 'b'; a < 'h'; ++a)
        for (char b = 'b'; b < 'h'; ++b)
            vocabulary.push_back(std::string("qu") + a + "o" + b);
    for (int round = 0; round < 20; ++round) {
        Strings texts(30);
        for (std::string &text : texts)
            for (size_t i = 0, words = 1 + random() % 40; i < words; ++i)
                text += vocabulary[std::min(random() % vocabulary.size(),
                                            random() % vocabulary.size())] +
                        " ";
        Strings query = {vocabulary[random() % 12], vocabulary[12 + random() % 24], "absent"};
        auto want = plainBm25(texts, query, Idf::fts5, 1.2);
        auto got = searched(texts, query);
        for (size_t i = 0; i < texts.size(); ++i) {
            EXPECT_EQ(got.contains(i), want[i] > 0) << texts[i];
            if (want[i] > 0) {
                EXPECT_NEAR(got[i], want[i], 1e-9 + 1e-6 * want[i]) << i;
            }
        }
    }
}

TEST(TextIndex, StemsNumbersAndScriptsWithoutSpaces) {
    Strings texts = {
        "The keepers were mending nets.", "It cost 48,200 crowns.", "Nothing here.",
        "\u6F22\u5B57\u3092\u8AAD\u3080", "Version 6.4 and 64.",    "Caf\u00E9 \u00DCber"};
    EXPECT_TRUE(searched(texts, {"keeper"}).contains(0));
    EXPECT_TRUE(searched(texts, {"mended"}).contains(0));
    EXPECT_TRUE(searched(texts, {"48200"}).contains(1));
    EXPECT_TRUE(searched(texts, {"48,200"}).contains(1));
    EXPECT_TRUE(searched(texts, {"\u5B57"}).contains(3));
    EXPECT_EQ(searched(texts, {"6.4"}).size(), 1u);
    EXPECT_TRUE(searched(texts, {"cafe", "uber"}).contains(5));
}

TEST(TextIndex, NothingInAWordIsAnOperator) {
    Strings texts = {"cat dog", "near text or not and", "x"};
    for (const char *word :
         {"\"", "\"\"", "cat\" OR \"x", "cat*", "text:cat", "NEAR(cat dog)", "^cat", "-cat",
          "{a}:", "' ; DROP TABLE passages", "(", "", "?", "\\", "*", "+", "AND", "OR", "NOT"})
        EXPECT_NO_THROW(searched(texts, {word})) << word;
    EXPECT_NO_THROW(searched(texts, {std::string("cat\0dog", 7)}));
    EXPECT_TRUE(searched(texts, {"OR"}).contains(1));
    EXPECT_TRUE(searched(texts, {"?", "cat"}).contains(0)); // a word of no tokens is no obstacle
    EXPECT_TRUE(searched(texts, {"cat\" OR \"x"}).empty());
    Strings many;
    for (int i = 0; i < 5000; ++i)
        many.push_back("w" + std::to_string(i));
    many.push_back("dog");
    EXPECT_TRUE(searched(texts, many).contains(0));
}

TEST(TextIndex, EmptyOnes) {
    EXPECT_TRUE(searched({}, {"cat"}).empty());
    EXPECT_TRUE(searched({"cat"}, {}).empty());
    TextIndex index(std::vector<std::string_view>{"cat", "cat cat", ""});
    EXPECT_EQ(index.search(Strings{"cat"}, 1).size(), 1u);
    EXPECT_TRUE(index.search(Strings{"cat"}, 0).empty());
    EXPECT_EQ(index.size(), 3u);
}

// ---- vectors -----------------------------------------------------------------------------------

std::vector<float> randomRows(size_t count, size_t dim, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> rows(count * dim);
    for (float &value : rows)
        value = normal(random);
    return rows;
}

std::vector<size_t> indices(const std::vector<Scored> &found) {
    std::vector<size_t> out;
    for (const Scored &one : found)
        out.push_back(one.index);
    return out;
}

TEST(VectorIndex, FindsByCosine) {
    std::vector<float> rows = {1, 0, 0, 2, -1, 0, 3, 3, 0, 0};
    for (auto way : {VectorIndex::Way::exact, VectorIndex::Way::graph}) {
        VectorIndex index(rows, 2, way);
        EXPECT_EQ(index.way(), way);
        auto found = index.search(std::vector<float>{5, 1}, 5);
        EXPECT_EQ(indices(found), (std::vector<size_t>{0, 3, 1, 4, 2}));
        EXPECT_NEAR(found[0].score, 5 / std::sqrt(26.0), 1e-6);
        EXPECT_NEAR(found[3].score, 0, 1e-6);                             // zeros are like nothing
        EXPECT_EQ(index.search(std::vector<float>{5, 1}, 99).size(), 5u); // n < k
        EXPECT_EQ(index.search(std::vector<float>{5, 1}, 1).size(), 1u);
        EXPECT_TRUE(index.search(std::vector<float>{5, 1}, 0).empty());
    }
}

TEST(VectorIndex, TheGraphRecallsWhatTheExactOneFinds) {
    constexpr size_t kCount = 5000, kDim = 32, kQueries = 200;
    auto rows = randomRows(kCount, kDim, 1), queries = randomRows(kQueries, kDim, 2);
    VectorIndex exact(rows, kDim), graph(rows, kDim, VectorIndex::Way::graph);
    EXPECT_EQ(exact.way(), VectorIndex::Way::exact); // by itself below 20 000
    size_t hits = 0;
    for (size_t q = 0; q < kQueries; ++q) {
        auto query = std::span(queries).subspan(q * kDim, kDim);
        auto want = indices(exact.search(query, 10));
        std::set<size_t> wanted(want.begin(), want.end());
        for (size_t index : indices(graph.search(query, 10, 128)))
            hits += wanted.contains(index);
    }
    double recall = static_cast<double>(hits) / (10 * kQueries);
    RecordProperty("recall", std::to_string(recall));
    EXPECT_GE(recall, 0.95);
}

TEST(VectorIndex, Duplicates) {
    std::vector<float> rows;
    for (int i = 0; i < 100; ++i)
        rows.insert(rows.end(), {1, 2, 3});
    rows.insert(rows.end(), {-1, 0, 0});
    VectorIndex exact(rows, 3), graph(rows, 3, VectorIndex::Way::graph);
    EXPECT_EQ(indices(exact.search(std::vector<float>{1, 2, 3}, 3)),
              (std::vector<size_t>{0, 1, 2})); // equals in order
    auto found = graph.search(std::vector<float>{1, 2, 3}, 50, 128);
    auto all = indices(found);
    EXPECT_EQ(std::set<size_t>(all.begin(), all.end()).size(), 50u);
    for (const Scored &one : found)
        EXPECT_NEAR(one.score, 1, 1e-5);
}

TEST(VectorIndex, SavedAndLoadedItFindsTheSame) {
    auto rows = randomRows(700, 16, 3);
    auto query = randomRows(1, 16, 4);
    for (auto way : {VectorIndex::Way::exact, VectorIndex::Way::graph}) {
        VectorIndex index(rows, 16, way);
        auto again = VectorIndex::load(index.save());
        ASSERT_TRUE(again);
        EXPECT_EQ(again->way(), way);
        EXPECT_EQ(again->size(), 700u);
        EXPECT_EQ(again->dim(), 16u);
        EXPECT_EQ(indices(again->search(query, 20)), indices(index.search(query, 20)));
    }
    auto empty = VectorIndex::load(VectorIndex(std::span<const float>(), 16).save());
    ASSERT_TRUE(empty);
    EXPECT_TRUE(empty->search(query, 3).empty());
}

TEST(VectorIndex, LoadRejectsTruncatedAndDamaged) {
    std::string bytes = VectorIndex(randomRows(50, 8, 5), 8, VectorIndex::Way::graph).save();
    for (size_t size = 0; size < bytes.size(); size += 1 + size / 7)
        EXPECT_FALSE(VectorIndex::load(std::string_view(bytes).substr(0, size))) << size;
    std::mt19937 random(6);
    for (int round = 0; round < 200; ++round) {
        std::string damaged = bytes;
        damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
        EXPECT_FALSE(VectorIndex::load(damaged));
    }
    EXPECT_FALSE(VectorIndex::load(bytes + "x"));
}

TEST(VectorIndex, LoadRejectsHugeCount) {
    std::string bytes = VectorIndex(randomRows(2, 8, 5), 8).save();
    uint64_t huge = UINT64_MAX / 2;
    for (size_t at : {8, 16, 24}) {
        std::string damaged = bytes;
        std::copy_n(reinterpret_cast<const char *>(&huge), 8,
                    damaged.begin() + static_cast<int>(at));
        EXPECT_FALSE(VectorIndex::load(damaged));
    }
}

} // namespace
} // namespace longscope::document
