// Which sentences can stand alone: headings that run in, terms that are explained, long clauses.
#include "compute/document/sentences.h"
#include "compute/reading/best_first.h"
#include "compute/reading/key_candidates.h"
#include "compute/reading/key_sentences.h"
#include "compute/reading/words.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <format>
#include <map>
#include <ranges>
#include <string>

namespace longscope::reading {
namespace {

using document::Document;
using Strings = std::vector<std::string>;

Document plain(std::string_view text) {
    return document::importText(text, "note.txt", false);
}

/// What speaks against quoting the text's only sentence.
double penaltyOf(std::string_view sentence) {
    Candidates candidates = readCandidates(plain(sentence));
    EXPECT_EQ(candidates.penalty.size(), 1u) << sentence;
    return candidates.penalty.at(0);
}

TEST(KeyCandidates, StandAloneOrDoNot) {
    for (const char *sentence : {
             "The harbour of Vestrand was built by monks from the south.",
             "There was a king in the north who had three daughters.",
             "This report covers the eighteen months of the trial in the town.",
             "\"Upstage\" is away from the audience and \"downstage\" is toward it.",
             "“The flies” are the space above the stage of a theatre.",
             "(a) You must give every other recipient a copy of the text.",
             "For each token it computes a query, a key and a value.",
         })
        EXPECT_EQ(penaltyOf(sentence), 0) << sentence;
    for (const char *sentence : {
             "There they met a king who had three daughters at home.",
             "This covers the eighteen months of the trial in the town.",
             "\"You called and said that you would give what was asked,\" said the woman.",
             "“Never,” He said and went out into the rain that fell.",
             "[The following words were added by another hand at a later time.",
             "It was however the last one that they had ever seen there.",
             "Who would have thought that the harbour would be closed again?",
             "I have never seen so many ships in the harbour of the town.",
             "7 ships left the harbour of the town before the morning came.",
         })
        EXPECT_EQ(penaltyOf(sentence), -1) << sentence;
    EXPECT_LE(penaltyOf("2. Grant of License."), kFragmentPenalty);
    EXPECT_LE(penaltyOf("A line of a list that has no stop at its end"), kFragmentPenalty);
}

std::string sentenceOf(size_t words, char letter) {
    std::string text = "The";
    for (size_t i = 1; i < words; ++i)
        text += std::string(" ") + letter + "word" + std::to_string(i);
    return text + ". ";
}

TEST(KeyCandidates, LengthIsJudgedByTheDocument) {
    std::string prose, contract;
    for (int i = 0; i < 19; ++i) {
        prose += sentenceOf(20, 'a');
        contract += sentenceOf(70, 'a');
    }
    auto last = [](const std::string &text) { return readCandidates(plain(text)).penalty.back(); };
    EXPECT_DOUBLE_EQ(last(prose + sentenceOf(40, 'b')), 0);
    EXPECT_DOUBLE_EQ(last(prose + sentenceOf(50, 'b')), -0.3);
    EXPECT_DOUBLE_EQ(last(prose + sentenceOf(70, 'b')), -0.8);
    EXPECT_DOUBLE_EQ(last(contract + sentenceOf(70, 'b')), 0);
    EXPECT_DOUBLE_EQ(last(contract + sentenceOf(110, 'b')), -0.8);
}

TEST(KeySentences, AHeadingThatRunsInIsNoFirstSentence) {
    std::string text;
    for (const char *topic : {"Harbour", "Bridge", "Market", "School", "Church"})
        text += std::format("1. {0} dues. Every owner of {0} ground pays dues {0} clerks ask for "
                            "{0} works and {0} men. Whoever is late by more than a week pays "
                            "interest on what is due. Children under twelve and clerks of the "
                            "court have nothing to pay at all.\n\n",
                            topic);
    Document d = plain(text);
    for (const KeySentence &key : chooseKeySentences(d, 5))
        EXPECT_TRUE(d.span(key.sentence.start, key.sentence.end).starts_with("Every owner"))
            << d.span(key.sentence.start, key.sentence.end);
}

TEST(KeySentences, FourWordsInARowAreSeldomQuotedTwice) {
    std::string text;
    for (const char *place : {"Harrow", "Selby", "Marsh", "Tarn", "Wick", "Brent"})
        text += std::format("The council of {} met in the town hall on Monday. The ferry of {} "
                            "was sold to a man from {} for a low price.\n\n",
                            place, place, place);
    text += "Nobody ever asked the fishermen whether they wanted that bridge at all.\n";
    auto phrases = [&](unsigned count) { // the largest count of one run of four words
        std::map<std::string, int> seen;
        Document d = plain(text);
        for (const KeySentence &key : chooseKeySentences(d, count)) {
            auto words = plainWords(d.span(key.sentence.start, key.sentence.end));
            for (size_t i = 0; i + 4 <= words.size(); ++i)
                ++seen[words[i] + words[i + 1] + words[i + 2] + words[i + 3]];
        }
        return std::ranges::max(seen | std::views::values);
    };
    EXPECT_EQ(phrases(3), 1);
    EXPECT_GT(phrases(8), 1); // exactly as many as asked for, all the same
}

/// As in a log, where most sentences share a phrase with the first one that is quoted.
TEST(KeySentences, ManyThatAreLoweredAreEachValuedTwiceOnly) {
    constexpr size_t kMany = 5000;
    std::vector<double> values(kMany);
    for (size_t i = 0; i < kMany; ++i)
        values[i] = 1 + static_cast<double>(i * 7919 % kMany) / kMany;
    std::vector<bool> lowered(kMany, false);
    size_t asked = 0;
    auto value = [&](size_t i) -> std::optional<double> {
        ++asked;
        return i == 3 ? std::nullopt : std::optional(values[i]);
    };
    auto lowers = [&](size_t i) {
        bool now = !lowered[i] && i != 17;
        values[i] -= now ? 2 : 0;
        lowered[i] = lowered[i] || now;
        return now;
    };
    EXPECT_EQ(bestAfterLook(kMany, value, lowers), 17u);
    EXPECT_LE(asked, 2 * kMany);
    values.assign(4, 0.5);
    EXPECT_EQ(bestAfterLook(4, value, [](size_t) { return false; }), 0u); // the first of equals
    EXPECT_EQ(bestAfterLook(0, value, lowers), std::nullopt);
}

TEST(KeySentences, FollowOtherWeights) {
    Document d = document::importFile(LONGSCOPE_TEST_DATA "/bees.txt");
    auto sentences = document::splitSentences(d);
    std::vector<double> words = wordCentrality(d);
    ASSERT_EQ(words.size(), sentences.size());
    EXPECT_DOUBLE_EQ(*std::ranges::max_element(words), 1);
    auto starts = [](const std::vector<KeySentence> &keys) {
        std::vector<size_t> out;
        for (const KeySentence &key : keys)
            out.push_back(key.sentence.start);
        return out;
    };
    EXPECT_EQ(starts(chooseKeySentences(d, 5)), starts(chooseKeySentences(d, 5, words)));
    // A weight beyond all others brings its sentence in.
    Candidates candidates = readCandidates(d);
    for (size_t i = 0; i < sentences.size(); ++i) {
        if (candidates.penalty[i] < 0)
            continue;
        std::vector<double> weights(sentences.size(), 0);
        weights[i] = 100;
        EXPECT_EQ(starts(chooseKeySentences(d, 1, weights)), std::vector{sentences[i].start});
    }
}

} // namespace
} // namespace longscope::reading
