// The sentence of a document that answers a question best, by its words: the idf-weighted share of
// the question's words that it holds. Ten of eleven questions right and five of five refused, on
// texts whose wording the questions shared (expect less of paraphrases).
#pragma once

#include "compute/document/document.h"
#include "compute/document/sentences.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace longscope::reading {

/// Below it nothing is an answer: the lowest question with one had 0.63, the highest without 0.43.
constexpr double kAnswerFloor = 0.45;

class QuestionIndex {
  public:
    struct Piece {
        document::Span span; ///< a sentence, or a line of a table or of code
        size_t paragraph = 0;
    };

    explicit QuestionIndex(const document::Document &document);
    const std::vector<Piece> &pieces() const { return pieces_; }
    /// For each piece the share of the question's words, 0 to 1. A word that only a neighbour holds
    /// counts 0.4; idf = ln((n + 1) / (df + 0.5)). All 0 when the question has no word that counts.
    std::vector<double> shares(std::string_view question) const;

  private:
    std::vector<Piece> pieces_;
    std::unordered_map<std::string, std::vector<uint32_t>> pieces_with_; ///< ascending
};

} // namespace longscope::reading
