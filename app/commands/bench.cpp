// `longscope bench`: how fast the model reads a prompt and writes, at each depth. Medians of runs
// after one warm-up (the driver compiles kernels at their first use), beside the peaks that the
// device reached in the same run.
#include "app/bench_report.h"
#include "app/commands/commands.h"
#include "app/output.h"
#include "app/progress.h"
#include "compute/attention/plan.h"
#include "compute/core/error.h"
#include "compute/engine/probe.h"
#include "compute/engine/session.h"

#include <algorithm>
#include <chrono>
#include <format>
#include <map>

namespace longscope::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kProfiledTokens = 16; ///< of generation

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Any tokens do: speed does not depend on them. The same ones each time.
std::vector<model::Token> someTokens(uint64_t count, uint32_t vocab) {
    std::vector<model::Token> tokens;
    uint32_t state = 1;
    for (uint64_t i = 0; i < count; ++i) {
        state = state * 1664525u + 1013904223u;
        tokens.push_back(static_cast<model::Token>((state >> 8) % vocab));
    }
    return tokens;
}

attention::PlanInput planInput(const engine::Engine &engine, const Options &options) {
    const model::Config &config = engine.config();
    auto bytesOf = [](engine::CacheType type) {
        return type == engine::CacheType::f32 ? 4.0 : 2.0;
    };
    attention::PlanInput in;
    in.layers = config.layers;
    in.model_dim = config.model_dim;
    in.ffn_dim = config.ffn_dim;
    in.heads = config.heads;
    in.kv_heads = config.kv_heads;
    in.head_dim = in.head_dim_padded = config.head_dim;
    in.vocab = config.vocab;
    in.k_bytes_per_element = bytesOf(options.k);
    in.v_bytes_per_element = bytesOf(options.v);
    uint64_t q = uint64_t{config.heads} * config.head_dim;
    uint64_t kv = uint64_t{config.kv_heads} * config.head_dim;
    in.matmul_parameters = config.layers * (config.model_dim * (2 * q + 2 * kv) +
                                            3 * uint64_t{config.model_dim} * config.ffn_dim);
    for (const model::Tensor &tensor : engine.file().tensors()) // a separate embedding: one row
        if (config.tied_head || tensor.name != "token_embd.weight")
            in.weight_bytes += tensor.bytes.size();
    return in;
}

class Bench {
  public:
    Bench(const Options &options, std::stop_token stop)
        : options_(options), stop_(std::move(stop)), line_(options.quiet) {}

    int run() {
        engine::Engine engine(engineOptions(options_), line_.sink(), stop_);
        plan_ = planInput(engine, options_);
        std::vector<BenchCase> cases = fittingCases(engine.config().context_tokens);
        line_.clear();
        BenchReport report(engine, options_, engine::probePeaks(engine.device()));
        tokens_ = someTokens(window_, engine.config().vocab);
        {
            engine::Session session(engine, session_options());
            for (const BenchCase &what : cases)
                report.add(measure(session, what));
        }
        if (options_.profile) {
            engine::SessionOptions profiled = session_options();
            profiled.profile = true;
            engine::Session session(engine, profiled);
            for (const BenchCase &what : cases)
                report.addProfile(what, profile(session, what));
        }
        line_.clear();
        report.print(options_.format);
        return 0;
    }

  private:
    engine::SessionOptions session_options() const {
        engine::SessionOptions session = sessionOptions(options_);
        session.context_tokens = window_;
        return session;
    }

    /// All asked for whose tokens fit the window; the others are named.
    std::vector<BenchCase> fittingCases(uint64_t trained) {
        uint64_t most = trained;
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
        if (before > session.tokens().size())
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
        return resultOf(what, std::move(rates));
    }

    /// GB/s and GFLOP/s by theory: the fewest bytes (weights once, keys and values) and the
    /// operations that the mathematics needs.
    BenchResult resultOf(const BenchCase &what, std::vector<double> rates) const {
        std::ranges::sort(rates);
        size_t half = rates.size() / 2;
        double median = rates.size() % 2 ? rates[half] : (rates[half - 1] + rates[half]) / 2;
        auto planAt = [&](uint64_t tokens) {
            attention::PlanInput in = plan_;
            in.context_tokens = tokens;
            return attention::planMemory(in);
        };
        auto weights = static_cast<double>(plan_.weight_bytes);
        auto tokens = static_cast<double>(what.tokens);
        double flops, bytes; // a token
        if (what.prompt) {
            attention::Plan all = planAt(what.depth + what.tokens);
            double head = 2.0 * plan_.model_dim * static_cast<double>(plan_.vocab);
            flops = (all.flops_prefill - planAt(what.depth).flops_prefill + head) / tokens;
            bytes =
                (weights + static_cast<double>(all.bytes_per_token * (what.depth + what.tokens))) /
                tokens;
        } else {
            uint64_t middle = what.depth + what.tokens / 2;
            attention::Plan plan = planAt(middle);
            flops = plan.flops_per_token;
            bytes = weights + static_cast<double>(plan.bytes_per_token * middle);
        }
        return {.what = what,
                .median = median,
                .least = rates.front(),
                .most = rates.back(),
                .gb_per_second = bytes * median / 1e9,
                .gflops = flops * median / 1e9};
    }

    std::vector<KernelTime> profile(engine::Session &session, BenchCase what) {
        if (!what.prompt)
            what.tokens = std::min(what.tokens, kProfiledTokens);
        uint64_t before = std::max<uint64_t>(what.depth, what.prompt ? 0 : 1);
        runOnce(session, what); // warm
        session.truncate(before);
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
    attention::PlanInput plan_;
    uint64_t window_ = 0;
    std::vector<model::Token> tokens_;
};

} // namespace

int runBench(const Options &options, std::stop_token stop) {
    return Bench(options, std::move(stop)).run();
}

} // namespace longscope::app
