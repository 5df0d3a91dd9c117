// Chooses the sentences of a document that say most: centrality over TF-IDF vectors (LexRank,
// Erkan & Radev 2004), position, penalties, equal parts, maximal marginal relevance. Always true to
// the text, because it quotes.
#pragma once

#include "compute/document/document.h"

#include <span>
#include <vector>

namespace longscope::reading {

struct KeySentence {
    document::Sentence sentence;
    double score = 0;
};

/// At most `count`, in document order, covering the document's parts.
std::vector<KeySentence> chooseKeySentences(const document::Document &document, unsigned count);

/// With another measure in the place of word centrality: what each of `splitSentences` weighs, 0 to
/// 1 (tests/bench/results/key_sentences.md compares some). Empty: word centrality.
std::vector<KeySentence> chooseKeySentences(const document::Document &document, unsigned count,
                                            std::span<const double> weights);
/// LexRank of each sentence; the largest is 1.
std::vector<double> wordCentrality(const document::Document &document);

} // namespace longscope::reading
