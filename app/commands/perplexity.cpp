// `longscope perplexity`: the usual protocol. Windows of `context` tokens that do not overlap, each
// from an empty cache with its first token replaced by BOS where the model adds one; mean negative
// log-likelihood of the targets of the second half (logits at context/2 .. context-2). Several
// settings of attention and positions are read side by side and compared with full attention.
#include "app/commands/commands.h"
#include "app/likelihoods.h"
#include "app/perplexity_report.h"
#include "app/progress.h"
#include "app/settings_compared.h"
#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/engine/attention_metrics.h"
#include "compute/engine/plan.h"

#include <algorithm>
#include <chrono>
#include <format>
#include <optional>

namespace longscope::app {
namespace {

constexpr uint64_t kUsualContext = 512;

/// Eviction that begins when a prompt ends has nothing to do here.
void refuseDecodeEviction(const engine::SessionOptions &options) {
    using attention::EvictionKind;
    EvictionKind kind = options.eviction.kind;
    if (kind == EvictionKind::snapkv || kind == EvictionKind::quest)
        fail(ErrorKind::usage,
             "--evict {} acts when a prompt has been read, and perplexity only reads: there is "
             "nothing to measure",
             options.eviction.spec);
}

class Perplexity {
  public:
    Perplexity(const Options &options, std::stop_token stop)
        : options_(options), stop_(std::move(stop)), line_(options.quiet),
          context_(options.context_tokens ? options.context_tokens : kUsualContext) {}

    int run() {
        if (context_ < 4)
            fail(ErrorKind::usage, "--context must be 4 or more, not {}", context_);
        std::string text;
        for (const std::string &path : options_.files)
            text += readWholeFile(path);
        std::vector<Setting> settings = settingsOf(options_);
        engine_.emplace(engineOptions(options_), line_.sink(), stop_);
        tokens_ = engine_->tokenizer().encode(text, {.parse_special = false, .add_bos = true});
        windows_ = tokens_.size() / context_;
        if (windows_ == 0)
            fail(ErrorKind::file, "{} has {} tokens, one window needs {}", options_.files.front(),
                 tokens_.size(), context_);
        if (options_.chunks)
            windows_ = std::min(windows_, options_.chunks);
        if (settings.size() > 1 || options_.compare)
            addBaseline(settings);
        makeRuns(settings);
        measureAll();
        printPerplexity(options_, {.context = context_, .windows = windows_}, results_);
        return 0;
    }

  private:
    struct Run {
        std::unique_ptr<engine::Session> session;
        std::unique_ptr<engine::RecallCollector> recall{}; ///< comparing
        engine::Observers observers{};                     ///< of this session
    };

    /// Full attention over a cache of halves with the positions of the file, whatever the length.
    void addBaseline(std::vector<Setting> &settings) const {
        Options plain = options_;
        plain.k = plain.v = engine::CacheType::f16;
        plain.evict.clear();
        const Setting &first = settings.front();
        if (first.text() != "full" || options_.k != plain.k || options_.v != plain.v ||
            !options_.evict.empty())
            settings.insert(settings.begin(), {.session = sessionOptions(plain, "", "model")});
    }

    void makeRuns(const std::vector<Setting> &settings) {
        for (const Setting &setting : settings) {
            refuseDecodeEviction(setting.session);
            engine::SessionOptions wanted = setting.session;
            wanted.context_tokens = context_;
            if (std::ranges::count(options_.rope, setting.rope) > 0) // else it is the baseline's
                warnOutOfReach(engine_->config(), wanted);
            PerplexityResult result;
            result.setting = setting.text();
            if (options_.by_position)
                result.at.resize(context_ - 1);
            Run run{.session = std::make_unique<engine::Session>(*engine_, wanted)};
            const attention::LayerPatterns &patterns = run.session->options().patterns;
            if (!runs_.empty()) {
                run.recall = std::make_unique<engine::RecallCollector>(engine_->device(),
                                                                       engine_->config(), patterns);
                (patterns.anyDynamic() ? run : runs_.front()).observers.add(*run.recall);
            }
            runs_.push_back(std::move(run));
            result.cache_bytes = runs_.back().session->cacheBytes();
            results_.push_back(std::move(result));
        }
    }

    void measureAll() {
        start_ = Clock::now();
        for (uint64_t window = 0; window < windows_; ++window)
            measure(window);
        line_.clear();
        const model::Config &config = engine_->config();
        double full = static_cast<double>(windows_ * engine::allHeads(config)) *
                      static_cast<double>(context_) * static_cast<double>(context_ + 1) / 2;
        for (size_t run = 1; run < runs_.size(); ++run)
            results_[run].recall = runs_[run].recall->recall();
        for (PerplexityResult &result : results_) {
            result.density = static_cast<double>(result.work.visible_pairs) / full;
            result.computed = static_cast<double>(result.work.computed_pairs) / full;
        }
    }

    /// Every window costs the same, so the rate so far holds.
    void showProgress(uint64_t done) {
        double seconds = secondsSince(start_);
        auto left = static_cast<double>(windows_ * context_ - done);
        line_.show({.label = "reading",
                    .unit = "tokens",
                    .done = done,
                    .total = windows_ * context_,
                    .seconds = seconds,
                    .remaining_s = done ? seconds * left / static_cast<double>(done) : -1});
    }

    void measure(uint64_t window) {
        // Recall is measured on the first window alone: looking takes half the time of attention.
        looks_ = window == 0 && runs_.size() > 1;
        std::span<model::Token> tokens = std::span(tokens_).subspan(window * context_, context_);
        const model::Tokenizer &tokenizer = engine_->tokenizer();
        if (tokenizer.addsBos())
            tokens[0] = tokenizer.bos();
        uint64_t first = options_.by_position ? 0 : context_ / 2;
        // In pieces, so that no more than a piece's logits are kept for the comparison.
        uint64_t piece = runs_.size() == 1 ? context_ : engine::kLongChunk;
        for (uint64_t end = std::min(piece, context_);; end = std::min(end + piece, context_)) {
            uint64_t begin = (end - 1) / piece * piece;
            showProgress(window * context_ + begin);
            for (size_t run = 0; run < runs_.size(); ++run)
                measurePiece(run, tokens, begin, end, first);
            if (end == context_)
                break;
        }
    }

    void measurePiece(size_t run, std::span<const model::Token> window, uint64_t begin,
                      uint64_t end, uint64_t first) {
        engine::Session &session = *runs_[run].session;
        PerplexityResult &result = results_[run];
        bool keeps = run == 0 && runs_.size() > 1;
        if (keeps)
            full_logits_.clear();
        auto start = Clock::now();
        engine::Observers &observers = runs_[run].observers;
        double other_seconds = -observers.seconds();
        if (begin == 0)
            session.truncate(0);
        session.readAllLogits(
            window, std::max(begin, first),
            [&](uint64_t position, std::span<const float> logits) {
                auto own = Clock::now();
                if (keeps)
                    full_logits_.insert(full_logits_.end(), logits.begin(), logits.end());
                if (position + 1 < context_) // else its target lies in the next window
                    score(result, run, position, logits, window[position + 1],
                          position - std::max(begin, first));
                other_seconds += secondsSince(own);
            },
            stop_, looks_ ? &observers : nullptr, end);
        result.seconds += secondsSince(start) - (other_seconds + observers.seconds());
        result.work.visible_pairs += session.attentionWork().visible_pairs;
        result.work.computed_pairs += session.attentionWork().computed_pairs;
    }

    void score(PerplexityResult &result, size_t run, uint64_t position,
               std::span<const float> logits, model::Token target, uint64_t row) const {
        double nll = negativeLogLikelihood(logits, target);
        if (position >= context_ / 2) {
            result.second_half.add(nll);
            if (run > 0)
                result.against_full.add(divergence(
                    std::span(full_logits_).subspan(row * logits.size(), logits.size()), logits));
        }
        if (options_.by_position)
            result.at[position].add(nll);
    }

    const Options &options_;
    std::stop_token stop_;
    ProgressLine line_;
    uint64_t context_, windows_ = 0;
    std::vector<model::Token> tokens_;
    std::optional<engine::Engine> engine_;
    std::vector<Run> runs_; ///< end before the engine
    std::vector<PerplexityResult> results_;
    bool looks_ = false;             ///< in this window
    std::vector<float> full_logits_; ///< of the piece, [rows, vocab]
    Clock::time_point start_;
};

} // namespace

int runPerplexity(const Options &options, std::stop_token stop) {
    return Perplexity(options, std::move(stop)).run();
}

} // namespace longscope::app
