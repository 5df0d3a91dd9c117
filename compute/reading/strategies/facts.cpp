#include "compute/reading/strategies/facts.h"

#include "compute/document/sentences.h"
#include "compute/reading/words.h"

#include <algorithm>

namespace longscope::reading {
namespace {

constexpr size_t kFewestWords = 6, kWordsWithoutPenalty = 28;
constexpr double kShort = 0.5, kPerWordTooMany = 0.02, kBigrams = 0.5, kNoStop = 0.5;
constexpr double kEnoughBigrams = 0.7; // judgement: nearly the passage's own wording

document::Document documentOf(std::string_view passage) {
    return document::importText(passage, "passage", false);
}

/// Without the echo of the task ("The main fact of the passage is that ...") and quotes around all
/// of it, with a capital again.
std::string withoutEcho(std::string sentence) {
    constexpr std::string_view kEcho = "The main fact of the passage is", kThat = "that ";
    if (sentence.starts_with(kEcho)) {
        size_t at = std::min(sentence.find_first_not_of(" :,", kEcho.size()), sentence.size());
        if (sentence.compare(at, kThat.size(), kThat) == 0)
            at += kThat.size();
        sentence.erase(0, at);
    }
    if (sentence.size() > 2 && sentence.front() == '"' && sentence.back() == '"')
        sentence = sentence.substr(1, sentence.size() - 2);
    if (!sentence.empty() && sentence[0] >= 'a' && sentence[0] <= 'z')
        sentence[0] = static_cast<char>(sentence[0] - 'a' + 'A');
    return sentence;
}

} // namespace

engine::SamplingOptions factSampling(unsigned attempt, uint64_t seed) {
    engine::SamplingOptions sampling;
    sampling.temperature = attempt == 0 ? 0 : 0.7f;
    sampling.top_k = 0;
    sampling.top_p = 1;
    sampling.min_p = 0.1f;
    sampling.repeat_penalty = 1;
    sampling.seed = seed + attempt;
    return sampling;
}

FactChoice::FactChoice(std::string_view passage)
    : passage_(documentOf(passage)), support_(passage_) {
    std::vector<std::string> words = plainWords(passage);
    for (size_t i = 0; i + 1 < words.size(); ++i)
        bigrams_.emplace(words[i], words[i + 1]);
}

double FactChoice::bigramShare(std::string_view sentence) const {
    std::vector<std::string> words = plainWords(sentence);
    size_t known = 0;
    for (size_t i = 0; i + 1 < words.size(); ++i)
        known += bigrams_.contains({words[i], words[i + 1]});
    return words.size() < 2 ? 0
                            : static_cast<double>(known) / static_cast<double>(words.size() - 1);
}

void FactChoice::offer(std::string sentence) {
    sentence = withoutEcho(std::move(sentence));
    Support support = support_.check(sentence);
    if (!support.supported)
        return;
    size_t words = plainWords(sentence).size();
    double bigrams = bigramShare(sentence);
    double score = 1 + support.share + kBigrams * bigrams;
    if (words > kWordsWithoutPenalty)
        score -= kPerWordTooMany * static_cast<double>(words - kWordsWithoutPenalty);
    if (words < kFewestWords)
        score -= kShort;
    bool has_stop = document::hasFinalStop(sentence);
    if (!has_stop)
        score -= kNoStop;
    if (!best_.empty() && score <= best_score_)
        return;
    best_ = std::move(sentence);
    best_score_ = score;
    enough_ = support.share >= 0.999 && bigrams >= kEnoughBigrams && words >= kFewestWords &&
              words <= kWordsWithoutPenalty && has_stop;
}

bool FactChoice::isEnough() const {
    return enough_;
}

std::optional<std::string> FactChoice::best() const {
    return best_.empty() ? std::nullopt : std::optional(best_);
}

} // namespace longscope::reading
