// The turns of a conversation: finding those that a question is about, and the sentences of old
// ones that are worth keeping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

struct Turn {
    std::string role; ///< "user", "assistant"
    std::string text;
    bool pinned = false; ///< never shortened
};

/// BM25 (Robertson & Zaragoza 2009; idf as Lucene has it, k1 = 1.2, b = 0.75) of each text for the
/// query, all given as words.
std::vector<double> bm25(std::span<const std::vector<std::string>> texts,
                         std::span<const std::string> query);

struct FoundTurn {
    size_t turn = 0;  ///< index
    double score = 0; ///< BM25
    double share = 0; ///< of the query's words that it holds, each weighted by its rarity
};

/// Turns with words of the query (stems and numbers, no grammar), best first.
std::vector<FoundTurn> findTurns(std::span<const Turn> turns, std::string_view query);

struct TurnSentence {
    size_t turn = 0; ///< index
    std::string text;

    bool operator==(const TurnSentence &) const = default;
};

/// "turn 3, user": as people count.
std::string turnName(size_t turn, std::string_view role);

/// Whole sentences, in order, each a line "- turn 3, user: …" of a list of at most `most_tokens`.
/// What was said once, with names and numbers, by the user above all: in a dialogue facts are short
/// and in the first person, which key sentences of documents (key_sentences.h) are not. Pinned
/// turns and blocks of code give none.
std::vector<TurnSentence>
chooseTurnSentences(std::span<const Turn> turns, uint64_t most_tokens,
                    const std::function<uint64_t(std::string_view)> &count_tokens);

/// The lines of the list.
std::string listSentences(std::span<const TurnSentence> sentences, std::span<const Turn> turns);

/// Sentences of one turn with words of the query, in order, of at most `most_tokens`; the whole
/// turn when it is as short.
std::string quoteTurn(const Turn &turn, std::string_view query, uint64_t most_tokens,
                      const std::function<uint64_t(std::string_view)> &count_tokens);

} // namespace longscope::reading
