// Chooses the sentences of a document that say most: centrality over TF-IDF vectors (LexRank,
// Erkan & Radev 2004), position, penalties, equal parts, maximal marginal relevance. Always true to
// the text, because it quotes.
#pragma once

#include "compute/document/document.h"

#include <vector>

namespace longscope::reading {

struct KeySentence {
    document::Sentence sentence;
    double score = 0;
};

/// At most `count`, in document order, covering the document's parts.
std::vector<KeySentence> chooseKeySentences(const document::Document &document, unsigned count);

} // namespace longscope::reading
