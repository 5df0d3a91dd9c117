#include "compute/reading/sources.h"

#include "compute/reading/common_words.h"
#include "compute/reading/sentence_index.h"

#include <algorithm>

namespace longscope::reading {
namespace {

constexpr size_t kCandidates = 32;      // sentences that are looked at closely
constexpr double kMustWeight = 1.5;     // of a number or a name, times its rarity
constexpr double kNeighbour = 0.4;      // what a word counts that only a neighbour has
constexpr double kWithoutPhrase = 0.75; // of the score, where no two words follow one another
constexpr size_t kWholePhrase = 5;      // a run of so many words is as good as a longer one
constexpr double kWithoutMusts = 0.5;   // of the score, where no number and no name is there
constexpr double kNews = 0.15;          // share of the claim's weight that a further source adds
constexpr double kAsGood = 0.9;         // of the best score

struct Candidate {
    uint32_t sentence = 0;
    double share = 0; ///< of the claim's weight, in this sentence alone
    double score = 0;
};

class Search {
  public:
    Search(const SentenceIndex &index, const Claim &claim) : index_(index), claim_(claim) {
        for (const Claim::Item &item : claim.items) {
            weights_.push_back(index.rarity(item.term) * (item.must() ? kMustWeight : 1));
            total_ += weights_.back();
        }
    }

    std::vector<Candidate> best() const {
        std::vector<Candidate> found = nearest();
        for (Candidate &candidate : found)
            candidate.score = scoreOf(candidate.sentence);
        std::erase_if(found, [](const Candidate &c) { return c.score < kSourceFloor; });
        std::ranges::stable_sort(found, std::greater{}, &Candidate::score);
        return found;
    }

    /// Share of the claim that `sentence` adds to what is `held`, which then has it too.
    double news(uint32_t sentence, std::vector<bool> &held) const {
        double weight = 0;
        for (size_t i = 0; i < held.size(); ++i)
            if (!held[i] && index_.has(sentence, claim_.items[i].term)) {
                held[i] = true;
                weight += weights_[i];
            }
        return weight / total_;
    }

  private:
    /// Those that hold most of the claim's weight.
    std::vector<Candidate> nearest() const {
        std::vector<float> held(index_.size(), 0);
        std::vector<uint32_t> touched;
        for (size_t i = 0; i < weights_.size(); ++i)
            for (uint32_t s : index_.sentencesWith(claim_.items[i].term)) {
                if (held[s] == 0)
                    touched.push_back(s);
                held[s] += static_cast<float>(weights_[i] / total_);
            }
        size_t count = std::min(kCandidates, touched.size());
        std::ranges::partial_sort(
            touched, touched.begin() + static_cast<std::ptrdiff_t>(count),
            [&](uint32_t a, uint32_t b) { return held[a] != held[b] ? held[a] > held[b] : a < b; });
        std::vector<Candidate> found;
        for (uint32_t s : std::span(touched).first(count))
            found.push_back({s, held[s], 0});
        return found;
    }

    bool neighbourHas(uint32_t sentence, SentenceIndex::Term term) const {
        for (size_t other : {size_t{sentence} - 1, size_t{sentence} + 1})
            if (other < index_.size() && index_[other].document == index_[sentence].document &&
                index_.has(other, term))
                return true;
        return false;
    }

    double scoreOf(uint32_t sentence) const {
        double share = 0, musts = 0;
        size_t own = 0;
        for (size_t i = 0; i < weights_.size(); ++i) {
            const Claim::Item &item = claim_.items[i];
            bool has = index_.has(sentence, item.term);
            double here = has ? 1 : neighbourHas(sentence, item.term) ? kNeighbour : 0;
            own += has;
            share += here * weights_[i] / total_;
            musts += item.must() ? here : 0;
        }
        // One word in common is chance, unless it is all there is to say.
        if (own < 2 && claim_.items.size() > 1)
            return 0;
        size_t whole = std::min(kWholePhrase, claim_.terms.size());
        size_t run = std::min(whole, longestCommonRun(claim_.terms, index_.termsOf(sentence)));
        double phrase = whole > 1 ? static_cast<double>(std::max<size_t>(run, 1) - 1) /
                                        static_cast<double>(whole - 1)
                                  : 1;
        double score = share * (kWithoutPhrase + (1 - kWithoutPhrase) * phrase);
        if (claim_.musts > 0)
            score *=
                kWithoutMusts + (1 - kWithoutMusts) * musts / static_cast<double>(claim_.musts);
        return std::min(score, 1.0);
    }

    const SentenceIndex &index_;
    const Claim &claim_;
    std::vector<double> weights_; ///< of the claim's items
    double total_ = 0;
};

std::shared_ptr<const SentenceIndex> indexOf(const document::Document *document) {
    return std::make_shared<const SentenceIndex>(std::span(&document, 1));
}

} // namespace

SourceFinder::SourceFinder(std::span<const document::Document *const> documents)
    : index_(std::make_shared<const SentenceIndex>(documents)), support_(index_) {}

SourceFinder::SourceFinder(const document::Document &document)
    : index_(indexOf(&document)), support_(index_) {}

std::vector<Source> SourceFinder::find(std::string_view sentence, size_t most) const {
    Claim claim = readClaim(*index_, sentence);
    if (claim.items.empty() || index_->size() == 0 || most == 0)
        return {};
    Search search(*index_, claim);
    std::vector<Source> sources;
    std::vector<bool> held(claim.items.size(), false);
    for (const Candidate &candidate : search.best()) {
        bool has_news = search.news(candidate.sentence, held) >= kNews;
        bool as_good = sources.empty() || candidate.score >= kAsGood * sources[0].score;
        if (!has_news && !as_good)
            continue;
        const SourceSentence &at = (*index_)[candidate.sentence];
        sources.push_back({at.document, at.start, at.end, candidate.score});
        if (sources.size() == most)
            break;
    }
    return sources;
}

SourcedSentence SourceFinder::trace(std::string_view sentence, size_t most) const {
    return {.text = std::string(sentence),
            .supported = support_.check(sentence).supported,
            .sources = find(sentence, most)};
}

SourcedSentence checkedSentence(const SupportCheck &check, std::string sentence) {
    Support found = check.check(sentence);
    SourcedSentence out{.text = std::move(sentence), .supported = found.supported, .sources = {}};
    if (found.end > found.start)
        out.sources.push_back({.document = found.document,
                               .start = found.start,
                               .end = found.end,
                               .score = found.share});
    return out;
}

} // namespace longscope::reading
