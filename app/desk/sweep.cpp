#include "app/desk/sweep.h"

#include "app/token_file.h"
#include "compute/core/error.h"
#include "compute/engine/attention.h"
#include "compute/engine/plan.h"

#include <algorithm>
#include <map>

namespace longscope::app {
namespace {

using model::Token;

constexpr uint64_t kWarmTokens = 64;      ///< the driver compiles kernels at their first use
constexpr uint64_t kBytesPerToken = 24;   ///< of a text, so many hold a token for sure
constexpr uint64_t kProfiledTokens = 256; ///< of the chunk, and before it

/// The text's tokens, again and again.
std::vector<Token> tokensOf(const engine::Engine &engine, const std::string &text, uint64_t count) {
    std::vector<Token> once;
    if (!text.empty() && engine.sharedTokenizer())
        once = engine.tokenizer().encode(text.substr(0, count * kBytesPerToken),
                                         {.parse_special = false, .add_bos = false});
    if (once.empty())
        return someTokens(count, engine.config().vocab);
    std::vector<Token> tokens;
    while (tokens.size() < count)
        tokens.insert(tokens.end(), once.begin(),
                      once.begin() + static_cast<std::ptrdiff_t>(
                                         std::min<uint64_t>(once.size(), count - tokens.size())));
    return tokens;
}

/// What is measured is work, whatever the positions reach.
engine::SessionOptions optionsFor(engine::SessionOptions options, uint64_t window) {
    options.context_tokens = window;
    if (!options.rope)
        options.rope = attention::RopeScheme{};
    return options;
}

engine::ReadResult readAll(engine::Session &session, std::span<const Token> tokens,
                           const ProgressSink &progress, const std::stop_token &stop) {
    engine::ReadResult result = session.read(tokens, progress, stop);
    if (result.stopped)
        fail(ErrorKind::stopped, "stopped after {} of {} tokens", session.tokens().size(),
             tokens.size());
    return result;
}

std::vector<ui::KernelTime> kernelTimes(const engine::Session &session) {
    struct Sum {
        ui::KernelTime time;
        double bytes = 0, flops = 0;
    };
    std::map<std::string, Sum> sums;
    for (const gpu::DispatchTime &dispatch : session.times()) {
        Sum &sum = sums[dispatch.kernel];
        sum.time.kernel = dispatch.kernel;
        ++sum.time.dispatches;
        sum.time.milliseconds += dispatch.ms;
        sum.bytes += static_cast<double>(dispatch.cost.bytes);
        sum.flops += static_cast<double>(dispatch.cost.flops);
    }
    std::vector<ui::KernelTime> times;
    for (auto &[name, sum] : sums) {
        if (sum.time.milliseconds > 0) {
            sum.time.gflops = sum.flops / sum.time.milliseconds / 1e6;
            sum.time.gigabytes = sum.bytes / sum.time.milliseconds / 1e6;
        }
        times.push_back(sum.time);
    }
    std::ranges::sort(times, std::greater{}, &ui::KernelTime::milliseconds);
    return times;
}

} // namespace

void sweep(engine::Engine &engine, const SweepWanted &wanted,
           const std::function<void(const ui::CostDot &)> &on_dot, const ProgressSink &progress,
           std::stop_token stop) {
    const model::Config &config = engine.config();
    std::vector<uint64_t> lengths = wanted.tokens;
    std::ranges::sort(lengths);
    lengths.erase(std::ranges::unique(lengths).begin(), lengths.end());
    std::erase(lengths, 0u);
    if (lengths.empty())
        return;
    std::vector<Token> tokens = tokensOf(engine, wanted.text, lengths.back());
    auto heads = static_cast<double>(std::max<uint64_t>(engine::allHeads(config), 1));
    for (uint64_t length : lengths) // short ones first: something is seen soon
        for (size_t i = 0; i < wanted.attention.size(); ++i) {
            engine::Session session(engine, optionsFor(wanted.options[i], length));
            readAll(session, std::span(tokens).first(std::min(length, kWarmTokens)), {}, stop);
            session.truncate(0);
            auto named = [&](Progress now) {
                now.label = wanted.attention[i] + ", reading";
                progress(now);
            };
            double seconds = readAll(session, std::span(tokens).first(length), named, stop).seconds;
            auto pairs = static_cast<double>(session.attentionWork().computed_pairs);
            on_dot({.attention = wanted.attention[i],
                    .tokens = length,
                    .seconds = seconds,
                    .pairs = pairs / heads,
                    .cache_bytes = session.cacheBytes()});
        }
}

Speeds fitSpeeds(const std::vector<ui::CostDot> &dots, double token_flops, double pair_flops) {
    // seconds = tokens * a + pairs * b, divided by the seconds
    double tt = 0, tp = 0, pp = 0, t1 = 0, p1 = 0;
    for (const ui::CostDot &dot : dots) {
        if (dot.seconds <= 0 || dot.tokens == 0)
            continue;
        double t = static_cast<double>(dot.tokens) / dot.seconds, p = dot.pairs / dot.seconds;
        tt += t * t;
        tp += t * p;
        pp += p * p;
        t1 += t;
        p1 += p;
    }
    if (tt <= 0)
        return {};
    double determinant = tt * pp - tp * tp, a = 0, b = 0;
    if (determinant > 1e-9 * tt * pp) {
        a = (t1 * pp - p1 * tp) / determinant;
        b = (p1 * tt - t1 * tp) / determinant;
    }
    // One length, or noise, does not part the two: then both do as many FLOPs a second.
    if (a <= 0 || b <= 0) {
        double one = token_flops * t1 + pair_flops * p1;
        double all = token_flops * token_flops * tt + 2 * token_flops * pair_flops * tp +
                     pair_flops * pair_flops * pp;
        a = token_flops * one / all;
        b = pair_flops * one / all;
    }
    return {.linear_flops_per_second = token_flops / a, .pair_seconds = b};
}

ui::Profile profileKernels(engine::Engine &engine, engine::SessionOptions options,
                           const std::string &text, const ProgressSink &progress,
                           std::stop_token stop) {
    if (engine.device().facts().timestamp_period_ns <= 0)
        fail(ErrorKind::device, "{} keeps no times of single kernels",
             engine.device().facts().name);
    options.profile = true;
    uint64_t chunk = kProfiledTokens, depth = kProfiledTokens;
    std::vector<Token> tokens = tokensOf(engine, text, depth + chunk + 2);
    engine::Session session(engine, optionsFor(options, tokens.size()));
    auto readTo = [&](uint64_t count) {
        readAll(session, std::span(tokens).first(count), progress, stop);
    };
    readTo(depth + chunk); // warm
    readTo(depth + chunk + 1);
    session.truncate(depth);
    if (session.tokens().size() != depth) // rings and evicted caches begin anew
        readTo(depth);
    ui::Profile profile{.chunk_tokens = chunk, .depth_tokens = depth, .chunk = {}, .token = {}};
    readTo(depth + chunk);
    profile.chunk = kernelTimes(session);
    readTo(depth + chunk + 1);
    profile.token = kernelTimes(session);
    return profile;
}

} // namespace longscope::app
