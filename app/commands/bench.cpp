// `longscope bench`: how fast the model reads a prompt and writes, at each depth and under each
// setting of attention. Medians of runs after one warm-up (the driver compiles kernels at their
// first use), beside the peaks that the device reached in the same run. With --attention also what
// attention alone takes: pairs by formula, pairs gone through, time; several settings are compared
// with full attention.
#include "app/bench_report.h"
#include "app/commands/commands.h"
#include "app/output.h"
#include "app/progress.h"
#include "app/settings_compared.h"
#include "app/token_file.h"
#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/engine/attention.h"
#include "compute/engine/plan.h"
#include "compute/engine/probe.h"
#include "compute/engine/session.h"

#include <algorithm>
#include <chrono>
#include <format>
#include <map>

namespace longscope::app {
namespace {

constexpr uint64_t kProfiledTokens = 16; ///< of generation

/// Pairs of a query from..to-1 and a key by the formulas of the patterns, over layers and heads.
double pairsByFormula(const engine::SessionOptions &wanted, const model::Config &config,
                      uint64_t from, uint64_t to) {
    const engine::SessionOptions session = engine::withNativeWindows(config, wanted);
    double pairs = 0;
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        const attention::Pattern &pattern = session.patterns.of(layer);
        uint32_t heads = config.layer[layer].heads;
        pairs += pattern.headPairs(to, heads) - pattern.headPairs(from, heads);
    }
    return pairs;
}

class Bench {
  public:
    Bench(const Options &options, std::stop_token stop)
        : options_(options), stop_(std::move(stop)), line_(options.quiet) {}

    int run() {
        engine::Engine engine(engineOptions(options_), line_.sink(), stop_);
        model_ = engine::planModel(engine);
        std::vector<Setting> settings = settingsOf(options_);
        const bool compares = settings.size() > 1;
        const bool counts_pairs = compares || !options_.attention.empty();
        if (compares && settings.front().text() != "full")
            settings.insert(settings.begin(), {.session = sessionOptions(options_, "", "")});
        std::vector<BenchCase> cases = fittingCases(engine.config(), settings);
        line_.clear();
        BenchReport report(engine, options_, engine::probePeaks(engine.device()));
        tokens_ = someTokens(window_, engine.config().vocab);
        for (const Setting &setting : settings) {
            engine::SessionOptions own = setting.session;
            own.context_tokens = window_;
            setting_ = setting.text();
            {
                engine::Session session(engine, own);
                for (const BenchCase &what : cases)
                    report.add(measure(session, what));
            }
            if (!options_.profile && !counts_pairs)
                continue;
            own.profile = true;
            engine::Session session(engine, own);
            for (const BenchCase &what : cases) {
                std::vector<KernelTime> kernels = profile(session, what);
                if (counts_pairs)
                    report.addAttention(attentionCost(session, what, kernels));
                if (options_.profile)
                    report.addProfile(what, setting_, std::move(kernels));
            }
        }
        line_.clear();
        report.print(options_.format);
        return 0;
    }

  private:
    /// All asked for whose tokens fit the window of every setting; the others are named.
    std::vector<BenchCase> fittingCases(const model::Config &config,
                                        const std::vector<Setting> &settings) {
        uint64_t most = UINT64_MAX;
        for (const Setting &setting : settings)
            most = std::min(most, setting.session.rope ? UINT64_MAX
                                                       : engine::reachOf(config, setting.session));
        if (options_.context_tokens)
            most = std::min(most, options_.context_tokens);
        std::vector<BenchCase> cases;
        auto add = [&](bool prompt, uint64_t depth, uint64_t tokens) {
            uint64_t needed = std::max<uint64_t>(depth, prompt ? 0 : 1) + tokens;
            if (tokens == 0)
                return;
            if (needed > most) {
                printWarning(std::format("{} tokens at depth {} need a window of {}, it is {}: "
                                         "left out",
                                         tokens, depth, needed, most));
                return;
            }
            window_ = std::max(window_, needed);
            cases.push_back({.prompt = prompt, .tokens = tokens, .depth = depth});
        };
        for (uint64_t depth : options_.depths) {
            for (uint64_t tokens : options_.prompt_tokens)
                add(true, depth, tokens);
            for (uint64_t tokens : options_.generated_tokens)
                add(false, depth, tokens);
        }
        if (cases.empty())
            fail(ErrorKind::usage, "there is nothing to measure within a window of {} tokens",
                 most);
        return cases;
    }

    /// Reads up to `count` tokens; what the session already has is kept.
    void readTo(engine::Session &session, uint64_t count) {
        if (session.read(std::span(tokens_).first(count), {}, stop_).stopped)
            fail(ErrorKind::stopped, "stopped");
    }

    /// Seconds of one run; the depth before it does not count.
    double runOnce(engine::Session &session, const BenchCase &what) {
        uint64_t before = std::max<uint64_t>(what.depth, what.prompt ? 0 : 1);
        session.truncate(before);
        if (before > session.tokens().size()) // rings and evicted caches begin anew
            readTo(session, before);
        auto start = Clock::now();
        if (what.prompt) {
            readTo(session, before + what.tokens);
        } else {
            for (uint64_t count = before + 1; count <= before + what.tokens; ++count)
                readTo(session, count);
        }
        return secondsSince(start);
    }

    BenchResult measure(engine::Session &session, const BenchCase &what) {
        Progress progress{
            .label = std::format("{} {} at depth {}:", what.prompt ? "prompt" : "generation",
                                 what.tokens, what.depth),
            .unit = "runs",
            .total = options_.repeat + 1};
        std::vector<double> rates;
        auto start = Clock::now();
        for (unsigned run = 0; run <= options_.repeat; ++run) {
            line_.show(progress);
            double seconds = runOnce(session, what);
            if (run > 0) // the first is the warm-up
                rates.push_back(static_cast<double>(what.tokens) / seconds);
            progress.done = run + 1;
            progress.seconds = secondsSince(start);
        }
        return resultOf(session.options(), what, std::move(rates));
    }

    /// GB/s and GFLOP/s by theory: the fewest bytes (weights once, keys and values) and the
    /// operations that the mathematics needs.
    BenchResult resultOf(const engine::SessionOptions &session, const BenchCase &what,
                         std::vector<double> rates) const {
        std::ranges::sort(rates);
        size_t half = rates.size() / 2;
        double median = rates.size() % 2 ? rates[half] : (rates[half - 1] + rates[half]) / 2;
        engine::Work work; // of a token
        if (what.prompt) {
            auto tokens = static_cast<double>(what.tokens);
            work = engine::readingWork(model_, session, what.depth, what.depth + what.tokens);
            work = {.flops = work.flops / tokens, .bytes = work.bytes / tokens};
        } else {
            work = engine::writingWork(model_, session, what.depth + what.tokens / 2);
        }
        return {.what = what,
                .setting = setting_,
                .median = median,
                .least = rates.front(),
                .most = rates.back(),
                .gb_per_second = work.bytes * median / 1e9,
                .gflops = work.flops * median / 1e9};
    }

    AttentionCost attentionCost(const engine::Session &session, const BenchCase &what,
                                const std::vector<KernelTime> &kernels) const {
        const model::Config &config = session.engine().config();
        uint64_t before = std::max<uint64_t>(what.depth, what.prompt ? 0 : 1);
        uint64_t tokens = what.prompt ? what.tokens : std::min(what.tokens, kProfiledTokens);
        AttentionCost cost{.what = what, .setting = setting_};
        cost.what.tokens = tokens;
        cost.formula_pairs = pairsByFormula(session.options(), config, before, before + tokens);
        cost.visible_pairs = static_cast<double>(work_.visible_pairs);
        cost.computed_pairs = static_cast<double>(work_.computed_pairs);
        for (const KernelTime &kernel : kernels)
            if (kernel.kernel.starts_with("attention_") || kernel.kernel.starts_with("page_"))
                cost.ms += kernel.ms;
        return cost;
    }

    std::vector<KernelTime> profile(engine::Session &session, BenchCase what) {
        if (!what.prompt)
            what.tokens = std::min(what.tokens, kProfiledTokens);
        uint64_t before = std::max<uint64_t>(what.depth, what.prompt ? 0 : 1);
        runOnce(session, what); // warm
        session.truncate(before);
        if (before > session.tokens().size()) // a ring cannot go back
            readTo(session, before);
        work_ = {};
        std::map<std::string, KernelTime> kernels;
        auto collect = [&] {
            for (const gpu::DispatchTime &time : session.times()) {
                KernelTime &sum = kernels[time.kernel];
                sum.kernel = time.kernel;
                ++sum.dispatches;
                sum.ms += time.ms;
                sum.bytes += static_cast<double>(time.cost.bytes);
                sum.flops += static_cast<double>(time.cost.flops);
            }
        };
        uint64_t step = what.prompt ? what.tokens : 1;
        for (uint64_t count = before + step; count <= before + what.tokens; count += step) {
            readTo(session, count);
            collect();
            work_.visible_pairs += session.attentionWork().visible_pairs;
            work_.computed_pairs += session.attentionWork().computed_pairs;
        }
        std::vector<KernelTime> sorted;
        for (auto &[name, time] : kernels)
            sorted.push_back(time);
        std::ranges::sort(sorted, std::greater{}, &KernelTime::ms);
        return sorted;
    }

    const Options &options_;
    std::stop_token stop_;
    ProgressLine line_;
    engine::ModelPlan model_;
    uint64_t window_ = 0;
    std::vector<model::Token> tokens_;
    std::string setting_;        ///< that is measured now
    engine::AttentionWork work_; ///< of the last profiled case
};

} // namespace

int runBench(const Options &options, std::stop_token stop) {
    return Bench(options, std::move(stop)).run();
}

} // namespace longscope::app
