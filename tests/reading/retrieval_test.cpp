// Finding passages: the parts against their definitions, and facts planted in a long document.
#include "compute/reading/retrieval.h"

#include "compute/document/characters.h"
#include "tests/support/errors.h"
#include "tests/support/planted_facts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <format>
#include <functional>
#include <map>

namespace longscope::reading {
namespace {

using document::Document;
using testing::PlantedFact;
using testing::Wording;
using Strings = std::vector<std::string>;

Document plain(std::string_view text) {
    return document::importText(text, "note.txt", false);
}

std::vector<size_t> indices(const std::vector<Scored> &scored) {
    std::vector<size_t> out;
    for (const Scored &one : scored)
        out.push_back(one.index);
    return out;
}

TEST(Fusion, AddsReciprocalRanks) {
    std::vector<std::vector<Scored>> lists = {{{7, 9.5}, {3, 2}, {5, 1}}, {{3, 0.9}, {8, 0.1}}};
    auto fused = fuseRanks(lists);
    EXPECT_EQ(indices(fused), (std::vector<size_t>{3, 7, 8, 5}));
    EXPECT_NEAR(fused[0].score, 1.0 / 62 + 1.0 / 61, 1e-12);
    EXPECT_NEAR(fused[1].score, 1.0 / 61, 1e-12);
    EXPECT_TRUE(fuseRanks({}).empty());
}

TEST(Diversity, HasThePublishedOrders) {
    std::vector<double> relevance = {0.9, 0.88, 0.5};
    auto similarity = [](size_t a, size_t b) {
        std::map<std::pair<size_t, size_t>, double> known = {
            {{0, 1}, 0.95}, {{0, 2}, 0.1}, {{1, 2}, 0.2}};
        return known.at(std::minmax(a, b));
    };
    using Order = std::vector<size_t>;
    for (double lambda : {1.0, 0.7})
        EXPECT_EQ(chooseDiverse(relevance, similarity, lambda, 3), (Order{0, 1, 2})) << lambda;
    for (double lambda : {0.5, 0.3})
        EXPECT_EQ(chooseDiverse(relevance, similarity, lambda, 3), (Order{0, 2, 1})) << lambda;
    EXPECT_EQ(chooseDiverse(relevance, similarity, 0.5, 9).size(), 3u);
    EXPECT_TRUE(chooseDiverse(relevance, similarity, 0.5, 0).empty());
    EXPECT_TRUE(chooseDiverse({}, similarity, 0.5, 2).empty());
}

TEST(WordsToFind, LeavesGrammarOutUnlessThereIsNothingElse) {
    EXPECT_EQ(wordsToFind("What is the weight limit for dogs?"),
              (Strings{"weight", "limit", "dogs"}));
    EXPECT_EQ(wordsToFind("Dogs, dogs and eleven DOGS"), (Strings{"dogs", "eleven", "11"}));
    EXPECT_EQ(wordsToFind("48,200 people"), (Strings{"48200", "people"}));
    EXPECT_EQ(wordsToFind("Who is it?"), (Strings{"who", "is", "it"}));
    EXPECT_TRUE(wordsToFind("?!").empty());
}

TEST(Retriever, FindsByWordsAndWidensToParagraphs) {
    std::string text;
    for (int i = 0; i < 60; ++i)
        text += "The committee met again and nothing was decided about the road to the north. It "
                "rained and everybody went home early that day.\n\n";
    std::string wanted = "It was a quiet year. The kestrel nested in the chimney. Nobody minded.";
    Document document = plain(text + wanted + "\n\n" + text);
    Retriever retriever(document);
    auto found = retriever.find("Where did the kestrels nest?", 3, {});
    ASSERT_FALSE(found.empty());
    EXPECT_NE(document.span(found[0].start, found[0].end).find(wanted), std::string::npos);
    EXPECT_TRUE(retriever.find("zebra", 3, {}).empty());
    EXPECT_TRUE(retriever.find("?", 3, {}).empty());
    for (size_t most : {0, 1, 2})
        EXPECT_LE(retriever.find("committee road", most, {}).size(), most);
}

TEST(Retriever, DocumentsWithLittleInThem) {
    for (const char *text : {"x", "One line", "- \n- \n"}) {
        Document document = plain(text);
        Retriever retriever(document);
        EXPECT_NO_THROW(retriever.find("line", 5, {}));
    }
    Document document = plain("One line");
    EXPECT_EQ(Retriever(document).find("line", 5, {}).size(), 1u);
}

// ---- vectors -----------------------------------------------------------------------------------

/// A vector of counts; words of one kind are one number, so it knows that a cat is an animal.
class StubEmbedder final : public Embedder {
  public:
    std::string fingerprint() const override { return "stub " + std::to_string(version); }
    std::string description() const override { return "stub"; }
    bool isTrained() const override { return trained; }
    void embed(std::span<const EmbedText> texts, const OnVectors &on_vectors, const ProgressSink &,
               std::stop_token) override {
        for (size_t i = 0; i < texts.size(); ++i) {
            if (embedded == stop_after)
                fail(ErrorKind::stopped, "stopped");
            ++embedded;
            Vectors vectors;
            for (document::Span part : texts[i].parts)
                vectors.push_back(
                    vectorOf(texts[i].text.substr(part.start, part.end - part.start)));
            on_vectors(i, std::move(vectors));
        }
    }
    static std::vector<float> vectorOf(std::string_view part) {
        std::vector<float> vector(4, 0.1f);
        std::string text = document::lowerCase(part);
        constexpr std::pair<const char *, size_t> kKinds[] = {
            {"cat", 0},    {"animal", 0}, {"feline", 0}, {"ship", 1},
            {"vessel", 1}, {"boat", 1},   {"tree", 2},   {"oak", 2}};
        for (auto [word, kind] : kKinds)
            vector[kind] += text.contains(word) ? 1.0f : 0.0f;
        return vector;
    }
    bool trained = true;
    int version = 1;
    size_t embedded = 0, stop_after = SIZE_MAX;
};

Document threeTopics() {
    std::string text;
    for (const char *topic :
         {"A cat slept by the stove", "The ship left the quay", "An oak stood on the hill"})
        for (int i = 0; i < 12; ++i)
            text += std::string(topic) + " while the committee talked of nothing in particular " +
                    "and the rain went on for days and nobody came or called.\n\n";
    return plain(text);
}

TEST(Retriever, FindsByVectorsWhatSharesNoWord) {
    Document document = threeTopics();
    Retriever retriever(document);
    StubEmbedder embedder;
    document::ResultsInMemory store;
    retriever.useVectors(embedder, store, {}, {});
    EXPECT_TRUE(retriever.find("vessel", 3, {}, Retriever::Way::words).empty());
    for (bool trained : {true, false}) { // of passages as they are, or of sentences and centred
        embedder.trained = trained;
        retriever.useVectors(embedder, store, {}, {});
        for (auto way : {Retriever::Way::vectors, Retriever::Way::both}) {
            auto found = retriever.find("vessel", 1, {}, way);
            ASSERT_EQ(found.size(), 1u);
            EXPECT_TRUE(document.span(found[0].start, found[0].end).contains("ship"));
        }
    }
}

/// A text that is wrapped and has no blank lines is one paragraph of many passages.
TEST(Retriever, SplitsAParagraphOnceForAllItsPassages) {
    std::string text = "# Before\n\nA short paragraph stands here.\n\n";
    for (int i = 0; i < 800; ++i)
        text += std::format("Line {} of the long one says what was seen on that day.\n", i);
    Document document = document::importText(text, "note.md", true);
    auto passages = document::splitPassages(document);
    ASSERT_GT(passages.size(), document.paragraphs.size() + 20);
    std::vector<size_t> asked(document.paragraphs.size(), 0);
    auto texts = textsWithParts(document, passages, [&](size_t paragraph) {
        ++asked[paragraph];
        return document::quotablePieces(document, paragraph, 90);
    });
    EXPECT_LE(std::ranges::max(asked), 1u);
    ASSERT_EQ(texts.size(), passages.size());
    for (size_t i = 0; i < texts.size(); ++i) { // the sentences of the passage, and all of them
        const document::Passage &passage = passages[i];
        EXPECT_EQ(texts[i].text, document.span(passage.start, passage.end));
        std::vector<document::Span> expected;
        for (size_t p = passage.first_paragraph; p <= passage.last_paragraph; ++p)
            for (document::Span piece : document::quotablePieces(document, p, 90))
                if (piece.end > passage.start && piece.start < passage.end)
                    expected.push_back({piece.start - passage.start, piece.end - passage.start});
        ASSERT_EQ(texts[i].parts.size(), expected.size());
        for (size_t k = 0; k < expected.size(); ++k) {
            EXPECT_EQ(texts[i].parts[k].start, expected[k].start);
            EXPECT_EQ(texts[i].parts[k].end, expected[k].end);
        }
    }
}

TEST(Retriever, KeepsVectorsByModelAndText) {
    Document document = threeTopics();
    document::ResultsInMemory store;
    StubEmbedder embedder;
    size_t passages = Retriever(document).passages().size();
    ASSERT_GE(passages, 3u);
    Retriever(document).useVectors(embedder, store, {}, {});
    EXPECT_EQ(embedder.embedded, passages);
    Retriever(document).useVectors(embedder, store, {}, {});
    EXPECT_EQ(embedder.embedded, passages) << "a second opening makes none";
    embedder.version = 2;
    Retriever(document).useVectors(embedder, store, {}, {});
    EXPECT_EQ(embedder.embedded, 2 * passages) << "another model makes its own";
}

TEST(Retriever, AStopLosesNoVector) {
    Document document = threeTopics();
    document::ResultsInMemory store;
    StubEmbedder embedder;
    embedder.stop_after = 2;
    Retriever retriever(document);
    errorOf(ErrorKind::stopped, [&] { retriever.useVectors(embedder, store, {}, {}); });
    EXPECT_FALSE(retriever.hasVectors());
    embedder.stop_after = SIZE_MAX;
    retriever.useVectors(embedder, store, {}, {});
    EXPECT_EQ(embedder.embedded, retriever.passages().size());
    EXPECT_TRUE(retriever.hasVectors());
}

// ---- planted facts -----------------------------------------------------------------------------

size_t foundWithin(const testing::PlantedDocument &planted, Wording wording, size_t most) {
    Retriever retriever(planted.document);
    size_t hits = 0;
    for (const PlantedFact &fact : planted.facts) {
        auto found = retriever.find(fact.question(wording), most, {});
        hits += std::ranges::any_of(found, [&](const FoundPassage &place) {
            return place.start <= fact.start && place.end >= fact.end;
        });
    }
    return hits;
}

TEST(PlantedFacts, AreWhereTheyShouldBe) {
    auto planted = testing::makePlantedDocument(LONGSCOPE_TEST_DATA);
    ASSERT_EQ(planted.facts.size(), 20u);
    double bytes = static_cast<double>(planted.document.text.size());
    EXPECT_GT(document::countWords(planted.document.text), 36'000u); // 50 000 tokens
    for (size_t i = 0; i < planted.facts.size(); ++i) {
        const PlantedFact &fact = planted.facts[i];
        EXPECT_EQ(planted.document.span(fact.start, fact.end), fact.fact);
        double place = static_cast<double>(fact.start) / bytes;
        EXPECT_NEAR(place, (static_cast<double>(i) + 0.25) / 20, 0.1) << "spread over all";
    }
}

// Measured: 20 of 20 for three seeds. Loose and distant wordings: tests/bench/results/retrieval.md.
TEST(PlantedFacts, AreFoundByTheirWords) {
    for (unsigned seed : {1, 2, 3}) {
        auto planted = testing::makePlantedDocument(LONGSCOPE_TEST_DATA, seed);
        EXPECT_GE(foundWithin(planted, Wording::close, 5), 18u) << seed;
        EXPECT_GE(foundWithin(planted, Wording::loose, 5), 14u) << seed;
    }
}

} // namespace
} // namespace longscope::reading
