#include "compute/engine/sampler.h"

#include "compute/core/error.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace longscope::engine {
namespace {

using model::Token;

constexpr float kMinPMargin = 1e-3f; ///< in logits, for what is then looked at exactly

struct Candidate {
    float logit;
    Token token;
};

/// Best first; the lower id wins a tie, so that results do not depend on the library's sort.
bool better(const Candidate &a, const Candidate &b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

void checkOptions(const SamplingOptions &o) {
    if (!(o.temperature >= 0) || !std::isfinite(o.temperature))
        fail(ErrorKind::usage, "the temperature must be 0 or more, not {}", o.temperature);
    if (!(o.top_p >= 0 && o.top_p <= 1))
        fail(ErrorKind::usage, "top-p must be between 0 and 1, not {}", o.top_p);
    if (!(o.min_p >= 0 && o.min_p <= 1))
        fail(ErrorKind::usage, "min-p must be between 0 and 1, not {}", o.min_p);
    if (!(o.repeat_penalty > 0) || !std::isfinite(o.repeat_penalty))
        fail(ErrorKind::usage, "the repeat penalty must be above 0, not {}", o.repeat_penalty);
}

uint64_t seedOf(const SamplingOptions &options) {
    if (options.seed != 0)
        return options.seed;
    std::random_device device;
    uint64_t high = device(), low = device();
    return std::max<uint64_t>((high << 32) | low, 1);
}

/// Each token of the window once, however often it occurs there (Keskar 2019, arXiv 1909.05858).
void penalise(std::span<float> logits, std::span<const Token> recent,
              const SamplingOptions &options) {
    auto window = recent.last(std::min<size_t>(recent.size(), options.repeat_window));
    std::vector<Token> distinct(window.begin(), window.end());
    std::ranges::sort(distinct);
    auto repeated = std::ranges::unique(distinct);
    distinct.erase(repeated.begin(), repeated.end());
    for (Token token : distinct) {
        if (token < 0 || static_cast<size_t>(token) >= logits.size())
            continue;
        float &logit = logits[static_cast<size_t>(token)];
        logit = logit > 0 ? logit / options.repeat_penalty : logit * options.repeat_penalty;
    }
}

/// Logits that are not numbers never win.
Candidate best(std::span<const float> logits) {
    Candidate found{-INFINITY, -1};
    for (size_t i = 0; i < logits.size(); ++i)
        if (logits[i] > found.logit)
            found = {logits[i], static_cast<Token>(i)};
    if (found.token < 0 || !std::isfinite(found.logit))
        fail(ErrorKind::device, "the model's output has no finite largest value among {} logits",
             logits.size());
    return found;
}

/// The `count` best (0 = all) of those with at least the logit `least`, in no particular order.
std::vector<Candidate> topCandidates(std::span<const float> logits, uint32_t count, float least) {
    std::vector<Candidate> heap; // its front is the worst of those kept
    for (size_t i = 0; i < logits.size(); ++i) {
        Candidate candidate{logits[i], static_cast<Token>(i)};
        if (!(candidate.logit >= least) || !std::isfinite(candidate.logit))
            continue;
        if (count == 0) {
            heap.push_back(candidate);
        } else if (heap.size() < count) {
            heap.push_back(candidate);
            std::ranges::push_heap(heap, better);
        } else if (better(candidate, heap.front())) {
            std::ranges::pop_heap(heap, better);
            heap.back() = candidate;
            std::ranges::push_heap(heap, better);
        }
    }
    return heap;
}

/// Uniform in [0, 1) with 53 bits; the same on every standard library.
double uniform(std::mt19937_64 &random) {
    return static_cast<double>(random() >> 11) * 0x1p-53;
}

} // namespace

Sampler::Sampler(const SamplingOptions &options) : options_(options), seed_(seedOf(options)) {
    checkOptions(options_);
    random_.seed(seed_);
}

// Order: penalty, temperature, top-k, then top-p and min-p on the probabilities of what top-k left.
// Both keep a prefix of the sorted candidates, so only those that min-p keeps need sorting.
Token Sampler::sample(std::span<const float> logits, std::span<const Token> recent) {
    std::vector<float> penalised;
    if (options_.repeat_penalty != 1) {
        penalised.assign(logits.begin(), logits.end());
        penalise(penalised, recent, options_);
        logits = penalised;
    }
    Candidate first = best(logits);
    if (options_.temperature == 0)
        return first.token;
    auto weightOf = [&](const Candidate &candidate) {
        return std::exp(static_cast<double>(candidate.logit - first.logit) /
                        static_cast<double>(options_.temperature));
    };
    // Without top-p nothing depends on those that min-p leaves out: tens of thousands of exp().
    const bool all_count = options_.top_p < 1;
    const float least =
        all_count ? -INFINITY
                  : first.logit + options_.temperature * std::log(options_.min_p) - kMinPMargin;
    std::vector<Candidate> candidates = topCandidates(logits, options_.top_k, least);
    double total = all_count ? 0 : INFINITY;
    for (size_t i = 0; all_count && i < candidates.size(); ++i)
        total += weightOf(candidates[i]);
    std::erase_if(candidates, [&](const Candidate &candidate) {
        return weightOf(candidate) < static_cast<double>(options_.min_p);
    });
    std::ranges::sort(candidates, better);

    double kept = 0; // of the prefix that top-p keeps: the fewest whose sum reaches it
    size_t count = 0;
    while (count < candidates.size() && (count == 0 || kept < options_.top_p * total))
        kept += weightOf(candidates[count++]);
    double draw = uniform(random_) * kept;
    for (size_t i = 0; i + 1 < count; ++i)
        if ((draw -= weightOf(candidates[i])) < 0)
            return candidates[i].token;
    return candidates[count - 1].token;
}

} // namespace longscope::engine
