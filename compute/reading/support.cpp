// The loose check: some window of 3 sentences in a row holds 0.75 of the content words, all numbers
// and all names. It measures wording: it passed "The cost grows exponentially" where the source
// said "in proportion", and that is why nothing here is called verified.
#include "compute/reading/support.h"

#include "compute/reading/common_words.h"
#include "compute/reading/sentence_index.h"

#include <algorithm>
#include <tuple>

namespace longscope::reading {
namespace {

constexpr size_t kWindow = 3;          // source sentences
constexpr double kEnough = 0.75;       // share of content stems
constexpr size_t kFewestItems = 3;     // content stems, names among them, and numbers
constexpr double kSameStatement = 0.6; // from here on, the nearest sentence's negation counts

/// How many items of a claim each sentence, and each window [first, first + 3), holds.
struct Counts {
    std::vector<uint32_t> in_sentence, in_window, musts_in_window;
};

Counts count(const SentenceIndex &index, const Claim &claim) {
    size_t n = index.size();
    Counts counts{std::vector<uint32_t>(n, 0), std::vector<uint32_t>(n, 0),
                  std::vector<uint32_t>(n, 0)};
    for (const Claim::Item &item : claim.items) {
        size_t next = 0; // first window not counted yet
        for (size_t s : index.sentencesWith(item.term)) {
            counts.in_sentence[s] += !item.number;
            size_t first = std::max(next, s + 1 >= kWindow ? s + 1 - kWindow : 0);
            for (size_t w = first; w <= s; ++w) {
                // A window ends with its document.
                if (index[w].document != index[s].document)
                    continue;
                counts.in_window[w] += !item.number;
                counts.musts_in_window[w] += item.must();
            }
            next = s + 1;
        }
    }
    return counts;
}

/// Whether the negations of the claim and of window [w, end) agree; `nearest` is the sentence of
/// the window that is most like the claim. Where that makes the same statement, its own negation
/// counts: a "not" that its neighbour has says nothing.
bool negationAgrees(const SentenceIndex &index, const Claim &claim, size_t w, size_t end,
                    size_t nearest, double nearest_share) {
    if (nearest_share >= kSameStatement)
        return index[nearest].negates == claim.negates;
    if (!claim.negates)
        return true;
    for (size_t s = w; s < end; ++s)
        if (index[s].negates)
            return true;
    return false;
}

} // namespace

SupportCheck::SupportCheck(const document::Document &document) {
    const document::Document *only = &document;
    index_ = std::make_shared<const SentenceIndex>(std::span(&only, 1));
}

SupportCheck::SupportCheck(std::shared_ptr<const SentenceIndex> index) : index_(std::move(index)) {}

Support SupportCheck::check(std::string_view sentence) const {
    const SentenceIndex &index = *index_;
    Claim claim = readClaim(index, sentence);
    Counts counts = count(index, claim);
    auto shareOf = [&](size_t held) {
        return claim.stems > 0 ? static_cast<double>(held) / static_cast<double>(claim.stems) : 0;
    };
    auto nearness = [&](size_t s) {
        return std::pair(counts.in_sentence[s], index[s].negates == claim.negates);
    };
    Support best;
    double best_nearest = -1;
    for (size_t w = 0; w < index.size(); ++w) {
        size_t end = w + 1, nearest = w;
        for (; end < std::min(w + kWindow, index.size()); ++end) {
            if (index[end].document != index[w].document)
                break;
            if (nearness(end) > nearness(nearest))
                nearest = end;
        }
        double share = shareOf(counts.in_window[w]);
        double nearest_share = shareOf(counts.in_sentence[nearest]);
        bool supported = claim.items.size() >= kFewestItems &&
                         (share >= kEnough || claim.stems == 0) &&
                         counts.musts_in_window[w] == claim.musts &&
                         negationAgrees(index, claim, w, end, nearest, nearest_share);
        auto rank = std::tuple(supported, share, nearest_share);
        if (best_nearest >= 0 && rank <= std::tuple(best.supported, best.share, best_nearest))
            continue;
        best = {supported, share, index[nearest].start, index[nearest].end,
                index[nearest].document};
        best_nearest = nearest_share;
    }
    return best;
}

double SupportCheck::shareInOrder(std::string_view sentence) const {
    Claim claim = readClaim(*index_, sentence);
    return bestShareInOrder(*index_, claim);
}

bool SupportCheck::isStrict(std::string_view sentence, double share) const {
    return check(sentence).supported && shareInOrder(sentence) >= share - 1e-9;
}

} // namespace longscope::reading
