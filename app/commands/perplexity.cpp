// `longscope perplexity`: the usual protocol. Windows of `context` tokens that do not overlap, each
// from an empty cache with its first token replaced by BOS where the model adds one; mean negative
// log-likelihood of the targets of the second half (logits at context/2 .. context-2).
#include "app/commands/commands.h"
#include "app/json_output.h"
#include "app/progress.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/engine/session.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <format>

namespace longscope::app {
namespace {

constexpr uint64_t kUsualContext = 512;
constexpr size_t kPrintedRanges = 16; ///< of positions, in the text form

/// Mean and spread of negative log-likelihoods.
struct Likelihoods {
    double sum = 0, squares = 0;
    uint64_t count = 0;

    void add(double nll) {
        sum += nll;
        squares += nll * nll;
        ++count;
    }
    double mean() const { return count ? sum / static_cast<double>(count) : 0; }
    double perplexity() const { return std::exp(mean()); }
    /// Standard error of the mean, carried through exp.
    double error() const {
        if (count < 2)
            return 0;
        double variance = squares / static_cast<double>(count) - mean() * mean();
        return perplexity() * std::sqrt(std::max(0.0, variance) / static_cast<double>(count - 1));
    }
};

/// -ln softmax(logits)[target], in double.
double negativeLogLikelihood(std::span<const float> logits, model::Token target) {
    float largest = *std::ranges::max_element(logits);
    double sum = 0;
    for (float logit : logits)
        sum += static_cast<double>(std::exp(logit - largest));
    return std::log(sum) + static_cast<double>(largest - logits[static_cast<size_t>(target)]);
}

struct Measured {
    Likelihoods second_half;
    std::vector<Likelihoods> at; ///< by position of the logits, only with --by-position
};

nlohmann::json positionsJson(const std::vector<Likelihoods> &at) {
    nlohmann::json positions = nlohmann::json::array();
    for (size_t position = 0; position < at.size(); ++position)
        positions.push_back({{"position", position},
                             {"nll", at[position].mean()},
                             {"perplexity", at[position].perplexity()}});
    return positions;
}

void printPositions(const std::vector<Likelihoods> &at) {
    size_t step = std::max<size_t>(1, (at.size() + kPrintedRanges - 1) / kPrintedRanges);
    printOut("positions        perplexity\n");
    for (size_t first = 0; first < at.size(); first += step) {
        size_t last = std::min(first + step, at.size()) - 1;
        Likelihoods range;
        for (size_t position = first; position <= last; ++position) {
            range.sum += at[position].sum;
            range.count += at[position].count;
        }
        printOut(std::format("{:>6} - {:<6}  {:.4f}\n", first, last, range.perplexity()));
    }
}

class Perplexity {
  public:
    Perplexity(const Options &options, std::stop_token stop)
        : options_(options), stop_(std::move(stop)), line_(options.quiet),
          context_(options.context_tokens ? options.context_tokens : kUsualContext) {}

    int run() {
        const std::string &path = options_.files.front();
        std::string text = readWholeFile(path);
        if (context_ < 4)
            fail(ErrorKind::usage, "--context must be 4 or more, not {}", context_);
        engine::Engine engine(engineOptions(options_), line_.sink(), stop_);
        if (context_ > engine.config().context_tokens)
            fail(ErrorKind::usage, "--context {} is larger than the model's window of {}", context_,
                 engine.config().context_tokens);
        std::vector<model::Token> tokens =
            engine.tokenizer().encode(text, {.parse_special = false, .add_bos = true});
        windows_ = tokens.size() / context_;
        if (windows_ == 0)
            fail(ErrorKind::file, "{} has {} tokens, one window needs {}", path, tokens.size(),
                 context_);
        if (options_.chunks)
            windows_ = std::min(windows_, options_.chunks);
        engine::SessionOptions wanted = sessionOptions(options_);
        wanted.context_tokens = context_;
        engine::Session session(engine, wanted);
        measureAll(session, tokens);
        report();
        return 0;
    }

  private:
    void measureAll(engine::Session &session, std::span<model::Token> tokens) {
        if (options_.by_position)
            measured_.at.resize(context_ - 1);
        start_ = std::chrono::steady_clock::now();
        for (uint64_t window = 0; window < windows_; ++window) {
            showProgress(window * context_);
            measure(session, tokens.subspan(window * context_, context_));
        }
        line_.clear();
    }

    /// Every window costs the same, so the rate of the windows so far holds.
    void showProgress(uint64_t done) {
        double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
        auto left = static_cast<double>(windows_ * context_ - done);
        line_.show({.label = "reading",
                    .unit = "tokens",
                    .done = done,
                    .total = windows_ * context_,
                    .seconds = seconds,
                    .remaining_s = done ? seconds * left / static_cast<double>(done) : -1});
    }

    void measure(engine::Session &session, std::span<model::Token> window) {
        const model::Tokenizer &tokenizer = session.engine().tokenizer();
        if (tokenizer.addsBos())
            window[0] = tokenizer.bos();
        uint64_t half = context_ / 2;
        session.readAllLogits(
            window, options_.by_position ? 0 : half,
            [&](uint64_t position, std::span<const float> logits) {
                if (position + 1 == context_)
                    return; // its target lies in the next window
                double nll = negativeLogLikelihood(logits, window[position + 1]);
                if (position >= half)
                    measured_.second_half.add(nll);
                if (options_.by_position)
                    measured_.at[position].add(nll);
            },
            stop_);
    }

    void report() const {
        const Likelihoods &result = measured_.second_half;
        if (!options_.json) {
            printOut(std::format("PPL = {:.4f} ± {:.4f}\n", result.perplexity(), result.error()));
            if (options_.by_position)
                printPositions(measured_.at);
            return;
        }
        nlohmann::json answer = {{"perplexity", result.perplexity()},
                                 {"error", result.error()},
                                 {"windows", windows_},
                                 {"context", context_},
                                 {"tokens", windows_ * context_},
                                 {"scored_tokens", result.count}};
        if (options_.by_position)
            answer["positions"] = positionsJson(measured_.at);
        printJson(answer);
    }

    const Options &options_;
    std::stop_token stop_;
    ProgressLine line_;
    uint64_t context_, windows_ = 0;
    std::chrono::steady_clock::time_point start_;
    Measured measured_;
};

} // namespace

int runPerplexity(const Options &options, std::stop_token stop) {
    return Perplexity(options, std::move(stop)).run();
}

} // namespace longscope::app
