#include "compute/engine/session.h"

#include "compute/attention/rope.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/engine/forward.h"
#include "compute/engine/impl.h"
#include "compute/engine/pacer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <utility>

namespace longscope::engine {
namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

attention::Rope ropeOf(const model::Config &config) {
    attention::RopeSettings settings;
    settings.dims = config.rope_dims;
    settings.base = config.rope_base;
    settings.scaling = config.rope_scaling.type;
    settings.factor = config.rope_scaling.factor;
    settings.original_context = config.rope_scaling.original_context;
    settings.attn_factor = config.rope_scaling.attn_factor;
    settings.yarn_beta_fast = config.rope_scaling.yarn_beta_fast;
    settings.yarn_beta_slow = config.rope_scaling.yarn_beta_slow;
    settings.factors = config.rope_factors;
    return attention::makeRope(settings);
}

Tiling tilingOf(const Engine &engine, const SessionOptions &options) {
    Tiling tiling = engine.impl().tiling;
    if (options.chunk_tokens)
        tiling.chunk_tokens = options.chunk_tokens;
    tiling.chunk_tokens = static_cast<uint32_t>(
        std::min<uint64_t>(tiling.chunk_tokens, std::max<uint64_t>(options.context_tokens, 1)));
    return tiling;
}

SessionOptions withWindow(const Engine &engine, SessionOptions options) {
    uint64_t trained = engine.config().context_tokens;
    if (options.context_tokens == 0)
        options.context_tokens = trained;
    if (options.context_tokens > trained)
        fail(ErrorKind::usage,
             "a window of {} tokens was asked for, but this model was trained for {}",
             options.context_tokens, trained);
    return options;
}

void refuseTooLarge(const Engine &engine, const SessionOptions &options, uint64_t cache_bytes,
                    uint64_t scratch_bytes) {
    const gpu::DeviceFacts &facts = engine.device().facts();
    uint64_t booked = engine.device().bookedBytes();
    uint64_t wanted = cache_bytes + scratch_bytes;
    uint64_t free = facts.free_memory_bytes > booked ? facts.free_memory_bytes - booked : 0;
    if (wanted > free)
        fail(ErrorKind::memory,
             "a window of {} tokens needs {} for keys and values and {} for scratch, but {} has "
             "{} free beside the weights",
             options.context_tokens, formatBytes(cache_bytes), formatBytes(scratch_bytes),
             facts.name, formatBytes(free));
}

} // namespace

struct Session::Impl {
    Impl(Engine &owner, const SessionOptions &wanted)
        : engine(owner), options(withWindow(owner, wanted)), tiling(tilingOf(owner, options)),
          rope(ropeOf(owner.config())), pacer(tiling.chunk_tokens),
          recorder(owner.device(), options.profile),
          operations(owner.device(), tiling, owner.config(), owner.impl().weights, options.k,
                     options.v) {
        const model::Config &config = engine.config();
        cache_bytes = planCache(config, options, options.context_tokens);
        scratch_bytes = planScratch(config, engine.impl().weights.widths, tiling);
        refuseTooLarge(engine, options, cache_bytes, scratch_bytes);
        cache = makeCache(engine.device(), config, options);
        scratch = makeScratch(engine.device(), config, engine.impl().weights.widths, tiling);
    }

    Model model() const { return {engine.config(), engine.impl().weights, operations}; }

    void submitAndMeasure() {
        if (recorder.empty())
            return;
        auto start = Clock::now();
        recorder.run();
        if (uint32_t layers = std::exchange(pending_layers, 0))
            pacer.measured(layers, secondsSince(start) * 1000);
        times.insert(times.end(), recorder.times().begin(), recorder.times().end());
    }

    /// Runs the layers over a chunk; false when stopped, and then the timeline is unchanged.
    bool runChunk(std::span<const Token> chunk, const std::stop_token &stop) {
        uint64_t position = tokens.size();
        auto rows = static_cast<uint32_t>(chunk.size());
        std::memcpy(scratch.tokens.mapped().data(), chunk.data(), chunk.size_bytes());
        auto rotation = scratch.rotation.mapped();
        attention::fillRotation(rope, position, rows,
                                {reinterpret_cast<float *>(rotation.data()),
                                 uint64_t{rows} * engine.config().rope_dims});
        pacer.beginChunk(rows);
        bool whole = recordLayers(recorder, model(), cache, scratch, {position, rows}, [&] {
            if (++pending_layers < pacer.layersPerSubmit())
                return true;
            submitAndMeasure();
            return !stop.stop_requested();
        });
        if (!whole)
            return false;
        if (rows > 1) { // a decode step keeps the rest for the submit of the head
            submitAndMeasure();
            pacer.endChunk();
        }
        tokens.insert(tokens.end(), chunk.begin(), chunk.end());
        return true;
    }

    void runHead(RowRange rows) {
        recordHead(recorder, model(), scratch, rows);
        submitAndMeasure();
    }

    std::span<const float> logitsRow(uint64_t row) const {
        auto *all = reinterpret_cast<const float *>(scratch.logits.buffer.mapped().data());
        return {all + row * scratch.logits.stride, engine.config().vocab};
    }

    void growLogits(uint32_t rows) {
        uint64_t bytes = uint64_t{rows} * scratch.logits.stride * sizeof(float);
        if (scratch.logits.buffer.bytes() >= bytes)
            return;
        scratch.logits.buffer =
            gpu::Buffer(engine.device(), "scratch", bytes, gpu::Memory::readback);
    }

    void checkTokens(std::span<const Token> wanted) const {
        if (wanted.empty())
            fail(ErrorKind::usage, "there is nothing to read: 0 tokens");
        if (wanted.size() > options.context_tokens)
            fail(ErrorKind::usage, "the text needs {} tokens, the window has {}", wanted.size(),
                 options.context_tokens);
        for (Token token : wanted)
            if (token < 0 || static_cast<uint32_t>(token) >= engine.config().vocab)
                fail(ErrorKind::usage, "token {} is not in the vocabulary of {} tokens", token,
                     engine.config().vocab);
    }

    Engine &engine;
    SessionOptions options;
    Tiling tiling;
    attention::Rope rope;
    Pacer pacer;
    gpu::Recorder recorder;
    Operations operations;
    uint64_t cache_bytes = 0, scratch_bytes = 0;
    KvCache cache;
    Scratch scratch;
    std::vector<Token> tokens;
    uint32_t pending_layers = 0; ///< recorded and not yet submitted
    bool has_logits = false;     ///< of the last of `tokens`
    std::vector<gpu::DispatchTime> times;
};

namespace {

/// Tells how far a reading is. A token costs a + b * position (the linear work and the attention
/// over what was read before), so the remaining time is not that of a constant rate.
class ReadingProgress {
  public:
    ReadingProgress(const ProgressSink &sink, uint64_t reused, uint64_t total)
        : sink_(sink), first_(static_cast<double>(reused)), start_(Clock::now()) {
        progress_.label = "reading";
        progress_.unit = "tokens";
        progress_.done = reused;
        progress_.total = total;
    }

    void reached(uint64_t done) {
        if (!sink_)
            return;
        double before = progress_.seconds;
        double from = static_cast<double>(progress_.done);
        progress_.done = done;
        progress_.seconds = secondsSince(start_);
        observe(from, static_cast<double>(done), progress_.seconds - before);
        progress_.remaining_s = remaining();
        sink_(progress_);
    }

  private:
    /// Least squares over the chunks: seconds of a chunk = a * tokens + b * (sum of positions).
    void observe(double from, double to, double seconds) {
        double tokens = to - from, depth = (to * to - from * from) / 2;
        tt_ += tokens * tokens;
        td_ += tokens * depth;
        dd_ += depth * depth;
        ts_ += tokens * seconds;
        ds_ += depth * seconds;
        ++chunks_;
    }

    double remaining() const {
        double done = static_cast<double>(progress_.done);
        double total = static_cast<double>(progress_.total);
        double determinant = tt_ * dd_ - td_ * td_;
        if (chunks_ >= 3 && determinant > 1e-9 * tt_ * dd_) {
            double a = (ts_ * dd_ - ds_ * td_) / determinant;
            double b = (ds_ * tt_ - ts_ * td_) / determinant;
            double left = a * (total - done) + b * (total * total - done * done) / 2;
            if (a >= 0 && b >= 0 && std::isfinite(left))
                return left;
        }
        return done > first_ ? progress_.seconds * (total - done) / (done - first_) : -1;
    }

    const ProgressSink &sink_;
    double first_;
    Clock::time_point start_;
    Progress progress_;
    double tt_ = 0, td_ = 0, dd_ = 0, ts_ = 0, ds_ = 0;
    int chunks_ = 0;
};

} // namespace

Session::Session(Engine &engine, const SessionOptions &options)
    : impl_(std::make_unique<Impl>(engine, options)) {}

Session::~Session() = default;

Engine &Session::engine() const {
    return impl_->engine;
}
uint64_t Session::contextTokens() const {
    return impl_->options.context_tokens;
}
const std::vector<Token> &Session::tokens() const {
    return impl_->tokens;
}
uint64_t Session::cacheBytes() const {
    return impl_->cache_bytes;
}
uint64_t Session::scratchBytes() const {
    return impl_->scratch_bytes;
}
const std::vector<gpu::DispatchTime> &Session::times() const {
    return impl_->times;
}

void Session::truncate(uint64_t count) {
    if (count >= impl_->tokens.size())
        return;
    impl_->tokens.resize(count);
    impl_->has_logits = false;
}

ReadResult Session::read(std::span<const Token> wanted, const ProgressSink &progress,
                         std::stop_token stop) {
    Impl &self = *impl_;
    self.checkTokens(wanted);
    self.times.clear();
    auto start = Clock::now();
    auto differs = std::ranges::mismatch(self.tokens, wanted);
    auto common = static_cast<uint64_t>(differs.in2 - wanted.begin());
    ReadResult result;
    if (common == wanted.size() && common == self.tokens.size() && self.has_logits) {
        result.reused = common;
        return result;
    }
    truncate(std::min<uint64_t>(common, wanted.size() - 1)); // the last one must run for logits
    result.reused = self.tokens.size();
    self.has_logits = false;

    ReadingProgress reading(progress, result.reused, wanted.size());
    uint32_t rows = 0;
    while (self.tokens.size() < wanted.size() && !result.stopped) {
        rows = static_cast<uint32_t>(
            std::min<uint64_t>(self.pacer.chunkRows(), wanted.size() - self.tokens.size()));
        result.stopped =
            stop.stop_requested() || !self.runChunk(wanted.subspan(self.tokens.size(), rows), stop);
        if (!result.stopped)
            reading.reached(self.tokens.size());
    }
    if (!result.stopped) {
        self.runHead({rows - 1, 1});
        self.has_logits = true;
    }
    result.read = self.tokens.size() - result.reused;
    result.seconds = secondsSince(start);
    return result;
}

std::span<const float> Session::logits() const {
    return impl_->logitsRow(0);
}

void Session::readAllLogits(
    std::span<const Token> wanted, uint64_t first,
    const std::function<void(uint64_t position, std::span<const float>)> &sink,
    std::stop_token stop) {
    Impl &self = *impl_;
    self.checkTokens(wanted);
    self.times.clear();
    truncate(0);
    while (self.tokens.size() < wanted.size()) {
        uint64_t begin = self.tokens.size();
        uint64_t end = std::min<uint64_t>(begin + self.pacer.chunkRows(), wanted.size());
        if (!self.runChunk(wanted.subspan(begin, end - begin), stop))
            fail(ErrorKind::stopped, "stopped after {} of {} tokens", begin, wanted.size());
        for (uint64_t at = std::max(begin, first); at < end;) {
            auto rows = static_cast<uint32_t>(std::min<uint64_t>(self.tiling.head_rows, end - at));
            self.growLogits(rows);
            self.runHead({at - begin, rows});
            for (uint32_t row = 0; row < rows; ++row)
                sink(at + row, self.logitsRow(row));
            at += rows;
            if (stop.stop_requested() && at < wanted.size())
                fail(ErrorKind::stopped, "stopped after {} of {} tokens", at, wanted.size());
        }
    }
}

} // namespace longscope::engine
