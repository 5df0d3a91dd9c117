// How much of a sentence another one has word by word: the longest run and the longest ordered part
// of content words and numbers that both have.
#pragma once

#include "compute/reading/sentence_index.h"

#include <span>

namespace longscope::reading {

/// Of a sequence of more terms only the first ones are compared with others term by term: no
/// sentence of a language is that long, and the time grows with the product.
constexpr size_t kLongestCompared = 2048;

/// Length in terms of the longest run that both have, unknown terms equal none.
size_t longestCommonRun(std::span<const SentenceIndex::Term> a,
                        std::span<const SentenceIndex::Term> b);
/// Length of the longest common subsequence.
size_t longestCommonOrder(std::span<const SentenceIndex::Term> a,
                          std::span<const SentenceIndex::Term> b);

/// The largest share of a claim's terms that one sentence has in the same order; 0 for a claim
/// without terms.
double bestShareInOrder(const SentenceIndex &index, const Claim &claim);

} // namespace longscope::reading
