// The measured recipe for quoting a document: LexRank over TF-IDF vectors, position, penalties,
// equal parts, maximal marginal relevance (Carbonell & Goldstein 1998). What it finds of the key
// points of ten texts, and what attention and hidden states find in the place of words, is in
// tests/bench/results/key_sentences.md.
#include "compute/reading/key_sentences.h"

#include "compute/reading/best_first.h"
#include "compute/reading/key_candidates.h"
#include "compute/reading/sentence_stream.h"
#include "compute/reading/words.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <string_view>

namespace longscope::reading {
namespace {

using document::Document;
using document::Sentence;

constexpr double kLinkCosine = 0.05; // weaker likeness is no link
constexpr double kDamping = 0.85;
constexpr int kRankSteps = 60;
constexpr size_t kLargestGraph = 4000; // sentences; links beyond are not kept but recomputed
constexpr unsigned kParts = 5;
// Over ten texts; 0.3 and 0.6 found 0.01 to 0.04 fewer key points (results/key_sentences.md).
constexpr double kPositionWeight = 0.6;
constexpr double kOwnShare = 0.5; // of maximal marginal relevance; the rest is against likeness
constexpr double kRepeatedPhrase = 0.25; // as much as leaning on earlier text costs
constexpr size_t kLongestQuote = 2000;   // bytes; what is longer is no sentence but missing stops

struct Link {
    uint32_t other;
    float cosine;
};

/// Links of every sentence to those above the threshold, found through the rows of each term.
std::vector<std::vector<Link>> findLinks(const Vectors &vectors) {
    size_t n = vectors.rows();
    std::vector<std::vector<Link>> rows_of(vectors.vocabulary), links(n);
    std::vector<double> sums(n, 0);
    std::vector<uint32_t> touched;
    for (uint32_t r = 0; r < n; ++r) {
        for (const Vectors::Term &term : vectors.row(r)) {
            for (const Link &earlier : rows_of[term.id]) {
                if (sums[earlier.other] == 0)
                    touched.push_back(earlier.other);
                sums[earlier.other] += static_cast<double>(term.weight) * earlier.cosine;
            }
            if (term.weight > 0)
                rows_of[term.id].push_back({r, term.weight});
        }
        for (uint32_t other : touched) {
            float value = static_cast<float>(sums[other]);
            sums[other] = 0;
            if (value > kLinkCosine) {
                links[r].push_back({other, value});
                links[other].push_back({r, value});
            }
        }
        touched.clear();
    }
    return links;
}

/// out = W in over the kept links.
std::vector<double> spreadOverLinks(const std::vector<std::vector<Link>> &links,
                                    const std::vector<double> &in) {
    std::vector<double> out(links.size(), 0);
    for (size_t r = 0; r < links.size(); ++r)
        for (const Link &link : links[r])
            out[r] += link.cosine * in[link.other];
    return out;
}

/// out = (X Xt - I) in: the graph of all cosines, weak ones too, without ever holding it. Time and
/// memory grow with the words of the document, not with its sentences squared.
std::vector<double> spreadOverTerms(const Vectors &vectors, const std::vector<double> &in) {
    std::vector<double> by_term(vectors.vocabulary, 0), out(vectors.rows(), 0);
    for (size_t r = 0; r < vectors.rows(); ++r)
        for (const Vectors::Term &term : vectors.row(r))
            by_term[term.id] += term.weight * in[r];
    for (size_t r = 0; r < vectors.rows(); ++r) {
        double own = 0;
        for (const Vectors::Term &term : vectors.row(r)) {
            out[r] += term.weight * by_term[term.id];
            own += static_cast<double>(term.weight) * term.weight;
        }
        out[r] = std::max(out[r] - own * in[r], 0.0);
    }
    return out;
}

/// LexRank: PageRank over the sentences, links weighted by cosine; the largest is 1.
std::vector<double> centrality(const Vectors &vectors) {
    size_t n = vectors.rows();
    bool keep = n <= kLargestGraph;
    std::vector<std::vector<Link>> links = keep ? findLinks(vectors) : decltype(links)();
    auto spread = [&](const std::vector<double> &in) {
        return keep ? spreadOverLinks(links, in) : spreadOverTerms(vectors, in);
    };
    std::vector<double> degree = spread(std::vector<double>(n, 1));
    std::vector<double> rank(n, 1 / static_cast<double>(n)), share(n);
    for (int step = 0; step < kRankSteps; ++step) {
        for (size_t r = 0; r < n; ++r)
            share[r] = degree[r] > 1e-9 ? rank[r] / degree[r] : 0;
        rank = spread(share);
        for (double &value : rank)
            value = (1 - kDamping) / static_cast<double>(n) + kDamping * value;
    }
    double largest = *std::ranges::max_element(rank);
    for (double &value : rank)
        value /= largest;
    return rank;
}

/// 1 for the first sentence of a paragraph, 0.3 for the second, and 0.5 more in the first two and
/// the last paragraphs that have sentences. Fragments do not count: "2. Grant of License." is a
/// heading, and the first sentence comes after it.
std::vector<double> positions(const Candidates &candidates) {
    const std::vector<Sentence> &sentences = candidates.sentences;
    std::vector<size_t> order; // of the paragraph, among those with sentences
    std::vector<size_t> place; // in the paragraph
    for (size_t i = 0; i < sentences.size(); ++i) {
        bool same = i > 0 && sentences[i].paragraph == sentences[i - 1].paragraph;
        order.push_back(i == 0 ? 0 : order.back() + !same);
        bool after_fragment = same && candidates.penalty[i - 1] <= kFragmentPenalty;
        place.push_back(same ? place.back() + !after_fragment : 0);
    }
    std::vector<double> out;
    for (size_t i = 0; i < sentences.size(); ++i) {
        double value = place[i] == 0 ? 1 : place[i] == 1 ? 0.3 : 0;
        out.push_back(value + (order[i] < 2 || order[i] == order.back() ? 0.5 : 0));
    }
    return out;
}

/// Which of the equal parts (by words) the middle of each sentence lies in.
std::vector<unsigned> partsByWords(const std::vector<size_t> &words) {
    size_t total = 0, before = 0;
    for (size_t count : words)
        total += count;
    std::vector<unsigned> parts;
    for (size_t count : words) {
        size_t middle = 2 * before + count; // in half words
        size_t part = total > 0 ? middle * kParts / (2 * total) : 0;
        parts.push_back(static_cast<unsigned>(std::min<size_t>(part, kParts - 1)));
        before += count;
    }
    return parts;
}

class Chooser {
  public:
    Chooser(const Document &document, const Candidates &candidates, std::vector<double> scores)
        : document_(document), candidates_(candidates), scores_(std::move(scores)),
          parts_(partsByWords(candidates.words)), likeness_(scores_.size(), 0),
          closed_(scores_.size(), false), repeats_(scores_.size(), false) {
        for (size_t i = 0; i < closed_.size(); ++i)
            closed_[i] = textOf(i).size() > kLongestQuote;
    }

    std::vector<KeySentence> choose(unsigned count) {
        unsigned most = (count + kParts - 1) / kParts;
        fill(count, most, false);  // the recipe
        fill(count, count, false); // a part of tables or lists leaves its places to others
        fill(count, count, true);  // a short text may have fragments only
        std::ranges::sort(chosen_);
        std::vector<KeySentence> out;
        for (size_t i : chosen_)
            out.push_back({candidates_.sentences[i], scores_[i]});
        return out;
    }

  private:
    void fill(unsigned count, unsigned most_in_part, bool fragments) {
        auto value = [&](size_t i) -> std::optional<double> {
            bool fragment = candidates_.penalty[i] <= kFragmentPenalty;
            if (closed_[i] || taken_[parts_[i]] >= most_in_part || (fragment && !fragments))
                return std::nullopt;
            return kOwnShare * scores_[i] - (1 - kOwnShare) * likeness_[i] -
                   (repeats_[i] ? kRepeatedPhrase : 0);
        };
        auto nowRepeats = [&](size_t i) { // then something else may be as good
            bool lowers = !repeats_[i] &&
                          phrases_.judge(plainWords(textOf(i))) != PhraseMemory::Novelty::fresh;
            repeats_[i] = repeats_[i] || lowers;
            return lowers;
        };
        while (chosen_.size() < count) {
            std::optional<size_t> best = bestAfterLook(scores_.size(), value, nowRepeats);
            if (!best)
                return;
            phrases_.remember(plainWords(textOf(*best)));
            take(*best);
        }
    }

    void take(size_t best) {
        chosen_.push_back(best);
        ++taken_[parts_[best]];
        std::string_view text = textOf(best);
        for (size_t i = 0; i < scores_.size(); ++i) {
            likeness_[i] = std::max(
                likeness_[i], cosine(candidates_.vectors.row(i), candidates_.vectors.row(best)));
            // A page header that stands on every page is quoted once.
            closed_[i] = closed_[i] || textOf(i) == text;
        }
    }

    std::string_view textOf(size_t i) const {
        return document_.span(candidates_.sentences[i].start, candidates_.sentences[i].end);
    }

    const Document &document_;
    const Candidates &candidates_;
    std::vector<double> scores_;
    std::vector<unsigned> parts_;
    std::vector<double> likeness_; ///< largest cosine to a chosen one
    std::vector<bool> closed_;     ///< chosen, equal to a chosen one, or too long
    std::vector<bool> repeats_;    ///< has four words in a row of a chosen one, as was seen
    PhraseMemory phrases_;         ///< of the chosen ones
    std::vector<size_t> chosen_;
    unsigned taken_[kParts] = {};
};

} // namespace

std::vector<KeySentence> chooseKeySentences(const Document &document, unsigned count) {
    return chooseKeySentences(document, count, {});
}

std::vector<KeySentence> chooseKeySentences(const Document &document, unsigned count,
                                            std::span<const double> weights) {
    Candidates candidates = readCandidates(document);
    if (candidates.sentences.empty() || count == 0)
        return {};
    assert(weights.empty() || weights.size() == candidates.sentences.size());
    std::vector<double> scores = weights.empty()
                                     ? centrality(candidates.vectors)
                                     : std::vector<double>(weights.begin(), weights.end());
    std::vector<double> places = positions(candidates);
    for (size_t i = 0; i < scores.size(); ++i)
        scores[i] += kPositionWeight * places[i] + candidates.penalty[i];
    return Chooser(document, candidates, std::move(scores)).choose(count);
}

std::vector<double> wordCentrality(const Document &document) {
    Candidates candidates = readCandidates(document);
    return candidates.sentences.empty() ? std::vector<double>() : centrality(candidates.vectors);
}

} // namespace longscope::reading
