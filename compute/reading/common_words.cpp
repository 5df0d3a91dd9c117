#include "compute/reading/common_words.h"

#include <algorithm>

namespace longscope::reading {
namespace {

using Term = SentenceIndex::Term;

std::span<const Term> compared(std::span<const Term> terms) {
    return terms.first(std::min(terms.size(), kLongestCompared));
}

bool same(Term a, Term b) {
    return a == b && a != SentenceIndex::kUnknown;
}

} // namespace

size_t longestCommonRun(std::span<const Term> a, std::span<const Term> b) {
    a = compared(a);
    b = compared(b);
    std::vector<size_t> runs(b.size() + 1, 0); // ending at a[i - 1] and at b[j - 1]
    size_t longest = 0;
    for (Term term : a)
        for (size_t j = b.size(); j > 0; --j) {
            runs[j] = same(term, b[j - 1]) ? runs[j - 1] + 1 : 0;
            longest = std::max(longest, runs[j]);
        }
    return longest;
}

size_t longestCommonOrder(std::span<const Term> a, std::span<const Term> b) {
    a = compared(a);
    b = compared(b);
    std::vector<size_t> row(b.size() + 1, 0);
    for (Term term : a) {
        size_t diagonal = 0; // of the row before, one to the left
        for (size_t j = 1; j <= b.size(); ++j) {
            size_t above = row[j];
            row[j] = same(term, b[j - 1]) ? diagonal + 1 : std::max(above, row[j - 1]);
            diagonal = above;
        }
    }
    return row.back();
}

/// Sentences are tried by how many of the claim's terms they have in any order, until no one can
/// be better than the best so far.
double bestShareInOrder(const SentenceIndex &index, const Claim &claim) {
    if (claim.terms.empty())
        return 0;
    std::vector<uint32_t> most(index.size(), 0);
    for (Term term : compared(claim.terms))
        for (uint32_t s : index.sentencesWith(term))
            ++most[s];
    std::vector<uint32_t> order;
    for (uint32_t s = 0; s < most.size(); ++s)
        if (most[s] > 0)
            order.push_back(s);
    std::ranges::stable_sort(order, std::greater{}, [&](uint32_t s) { return most[s]; });
    size_t best = 0;
    for (uint32_t s : order) {
        if (most[s] <= best)
            break;
        best = std::max(best, longestCommonOrder(claim.terms, index.termsOf(s)));
    }
    return static_cast<double>(best) / static_cast<double>(claim.terms.size());
}

} // namespace longscope::reading
