#include "compute/engine/session.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/engine/session_impl.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <format>
#include <utility>

namespace longscope::engine {
namespace {

SessionOptions withWindow(const Engine &engine, SessionOptions options) {
    const model::Config &config = engine.config();
    if (options.context_tokens == 0)
        options.context_tokens = config.context_tokens;
    checkOptions(config, options);
    options = withNativeWindows(config, std::move(options));
    // A scheme that was chosen is the reader's word; without one nothing goes out of range.
    if (std::string problem = outOfReach(config, options); !problem.empty() && !options.rope)
        fail(ErrorKind::usage, "{}", problem);
    return options;
}

} // namespace

/// `attended`: what attention books on its way through the window.
void Session::Impl::refuseTooLarge(const AttentionScratch &attended) const {
    const gpu::DeviceFacts &facts = engine.device().facts();
    // Schedules of keys that the data choose are only guessed at: what may fit is not refused.
    uint64_t guessed = options.patterns.anyDynamic() ? attended.schedules : 0;
    uint64_t attention_bytes = attended.bytes() - guessed;
    const std::string asked = options.eviction.kind == attention::EvictionKind::none
                                  ? options.patterns.text()
                                  : options.eviction.spec;
    uint64_t booked = engine.device().bookedBytes();
    uint64_t wanted = cache_bytes + state_bytes + scratch_bytes + attention_bytes;
    uint64_t free = facts.free_memory_bytes > booked ? facts.free_memory_bytes - booked : 0;
    std::string states = state_bytes == 0 ? std::string()
                                          : std::format(", {} for the states of recurrent layers",
                                                        formatBytes(state_bytes));
    if (wanted > free)
        fail(ErrorKind::memory,
             "a window of {} tokens needs {} for keys and values{}, {} for scratch and {} for "
             "schedules and scores of attention ({}), but {} has {} free beside the weights",
             options.context_tokens, formatBytes(cache_bytes), states, formatBytes(scratch_bytes),
             formatBytes(attention_bytes), asked, facts.name, formatBytes(free));
    uint64_t most = std::min(facts.max_buffer_bytes, facts.max_allocation_bytes);
    if (attended.scores > most)
        fail(ErrorKind::memory,
             "a window of {} tokens needs {} for scores of attention ({}) in one buffer, but {} "
             "makes buffers of at most {}",
             options.context_tokens, formatBytes(attended.scores), asked, facts.name,
             formatBytes(most));
}

Session::Impl::Impl(Engine &owner, const SessionOptions &wanted)
    : engine(owner), options(withWindow(owner, wanted)),
      tiling(sessionTiling(owner.impl().tiling, owner.config(), options)),
      pacer(tiling.chunk_tokens), recorder(owner.device(), options.profile),
      operations(owner.device(), tiling) {
    const model::Config &config = engine.config();
    const WidthPlan &widths = engine.impl().weights.widths;
    cache_bytes = planCache(config, options, tiling.chunk_tokens);
    scratch_bytes = planScratch(config, widths, tiling, options);
    state_bytes = recurs(config) ? planRecurrentMemory(config) : 0;
    refuseTooLarge(planAttentionScratch(config, widths, tiling, options));
    cache = makeCache(engine.device(), config, options, tiling.chunk_tokens);
    scratch = makeScratch(engine.device(), config, widths, tiling, options);
    operations.setAdapted(scratch.adapted);
    if (config.experts.count > 0)
        experts.emplace(engine.device(), tiling, routingRule(config));
    if (recurs(config)) {
        memory.emplace(engine.device(), config);
        mixers.emplace(engine.device(), tiling, config, *memory);
    }
    attention = std::make_unique<Attention>(engine.device(), tiling, config, widths, options,
                                            readSinks(engine.file(), config));
}

Pass Session::Impl::pass() const {
    return {engine.config(),
            engine.impl().weights,
            operations,
            *attention,
            experts ? &*experts : nullptr,
            mixers ? &*mixers : nullptr,
            cache,
            scratch};
}

/// Submits and waits; in the middle of a layer, the time counts for the layers that are pending.
void Session::Impl::flush() {
    if (recorder.empty())
        return;
    auto start = Clock::now();
    recorder.run();
    pending_ms += secondsSince(start) * 1000;
    times.insert(times.end(), recorder.times().begin(), recorder.times().end());
}

void Session::Impl::submitAndMeasure() {
    flush();
    if (uint32_t layers = std::exchange(pending_layers, 0))
        pacer.measured(layers, std::exchange(pending_ms, 0));
}

/// What the host knows of the chunk's positions, where the model asks for it.
void Session::Impl::fillPositions(const Chunk &chunk) {
    if (scratch.positions) {
        auto *positions = reinterpret_cast<uint32_t *>(scratch.positions.mapped().data());
        for (uint32_t row = 0; row < chunk.rows; ++row)
            positions[row] = static_cast<uint32_t>(chunk.positionOf(row));
    }
}

/// Runs the layers over a chunk; false when stopped, and then the timeline is unchanged.
bool Session::Impl::runLayers(const Chunk &chunk, std::span<const Token> ids,
                              const LayerRange &layers, bool looking_back,
                              const std::stop_token &stop) {
    std::memcpy(scratch.tokens.mapped().data(), ids.data(), ids.size_bytes());
    fillPositions(chunk);
    attention->begin(chunk, scratch, looking_back, layers.observer != nullptr);
    pacer.beginChunk(chunk.rows);
    pending_ms = 0;
    auto layer_done = [&] {
        if (++pending_layers < pacer.layersPerSubmit())
            return true;
        submitAndMeasure();
        return !stop.stop_requested();
    };
    bool whole = recordLayers(
        recorder, pass(), chunk, layers, [&] { flush(); }, layer_done);
    if (!whole) // a stop is asked for only after a submit: nothing is left recorded
        return false;
    // A decode step keeps the rest for the submit of the head.
    if (chunk.rows > 1 || looking_back || chunk.position + chunk.rows < chunk.total) {
        submitAndMeasure();
        pacer.endChunk();
    }
    return true;
}

bool Session::Impl::runChunk(std::span<const Token> ids, uint64_t total, Observer *observer,
                             const std::stop_token &stop) {
    Chunk chunk{tokens.size(), static_cast<uint32_t>(ids.size()), total};
    const bool several = ids.size() > 1;
    if (several) // where a stop returns to
        keepStates();
    // A single row that was stopped halfway could not be taken back without a copy each time.
    const std::stop_token usable = memory && !several ? std::stop_token() : stop;
    if (!runLayers(chunk, ids, {engine.config().layers, observer}, false, usable)) {
        if (memory)
            memory->returnTo(tokens.size());
        if (options.eviction.kind != attention::EvictionKind::none)
            forget(0); // some layers have seen the chunk and thrown tokens away, others not
        return false;
    }
    attention->end();
    tokens.insert(tokens.end(), ids.begin(), ids.end());
    if (several)
        keepStates();
    return true;
}

/// Rows of the next chunk of a text that ends at token `end`. The rows that SnapKV observes lie in
/// one chunk, the last: the one before leaves them.
uint32_t Session::Impl::nextRows(uint64_t end) const {
    const attention::Eviction &eviction = options.eviction;
    uint64_t left = end - tokens.size();
    uint64_t last = eviction.kind == attention::EvictionKind::snapkv ? eviction.window : 1;
    uint64_t rows = std::min<uint64_t>(pacer.chunkRows(), left);
    if (left <= last)
        rows = left;
    else if (left - rows < last && left > rows)
        rows = left - last;
    return static_cast<uint32_t>(rows);
}

/// A chunk of a branch: the timeline stays as it is, and so does what the cache holds of it.
bool Session::Impl::runBranchChunk(const Chunk &chunk, std::span<const Token> ids,
                                   const std::stop_token &stop) {
    has_logits = false;
    if (!runLayers(chunk, ids, {engine.config().layers}, false, stop))
        return false;
    attention->end();
    return true;
}

void Session::Impl::keepStates() {
    if (memory)
        memory->keep(tokens.size());
}

/// Cuts to `count` tokens whose states and logits were kept; false when they were not.
bool Session::Impl::returnTo(uint64_t count) {
    std::span<const float> known = memory ? memory->logits(count) : std::span<const float>();
    if (known.empty() || attention->keepable(tokens.size(), count) != count)
        return false;
    forget(count);
    setLogits(known);
    return true;
}

void Session::Impl::setLogits(std::span<const float> known) {
    std::memcpy(scratch.logits.buffer.mapped().data(), known.data(), known.size_bytes());
    has_logits = true;
}

/// How many tokens stay when the timeline is cut to `count`.
uint64_t Session::Impl::keepable(uint64_t count) const {
    for (uint64_t before = tokens.size(); before != count;) { // both must have it
        before = count;
        count = attention->keepable(tokens.size(), memory ? memory->keepable(count) : count);
    }
    return count;
}

void Session::Impl::forget(uint64_t count) {
    if (count >= tokens.size())
        return;
    count = keepable(count);
    tokens.resize(count);
    attention->truncate(count);
    if (memory)
        memory->returnTo(count);
    has_logits = false;
}

void Session::Impl::runHead(RowRange rows) {
    recordHead(recorder, pass(), rows);
    submitAndMeasure();
}

std::span<const float> Session::Impl::logitsRow(uint64_t row) const {
    auto *all = reinterpret_cast<const float *>(scratch.logits.buffer.mapped().data());
    return {all + row * scratch.logits.stride, engine.config().vocab};
}

void Session::Impl::growLogits(uint32_t rows) {
    uint64_t bytes = uint64_t{rows} * scratch.logits.stride * sizeof(float);
    if (scratch.logits.buffer.bytes() >= bytes)
        return;
    scratch.logits.buffer = gpu::Buffer(engine.device(), "scratch", bytes, gpu::Memory::readback);
}

void Session::Impl::checkTokens(std::span<const Token> wanted) const {
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

Session::Session(Engine &engine, const SessionOptions &options)
    : impl_(std::make_unique<Impl>(engine, options)) {}

Session::~Session() = default;

Engine &Session::engine() const {
    return impl_->engine;
}
const SessionOptions &Session::options() const {
    return impl_->options;
}
uint64_t Session::contextTokens() const {
    return impl_->options.context_tokens;
}
const std::vector<Token> &Session::tokens() const {
    return impl_->tokens;
}
std::vector<float> Session::heldShares() const {
    return impl_->attention->heldShares(impl_->tokens.size());
}

attention::Interval Session::forgotten() const {
    return impl_->attention->forgotten(impl_->tokens.size());
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
const AttentionWork &Session::attentionWork() const {
    return impl_->attention->work();
}

void Session::truncate(uint64_t count) {
    impl_->forget(count);
}

uint64_t Session::reusable(std::span<const Token> wanted) const {
    auto differs = std::ranges::mismatch(impl_->tokens, wanted);
    auto common = static_cast<uint64_t>(differs.in2 - wanted.begin());
    bool all = common == wanted.size();
    if (all && common == impl_->tokens.size() && impl_->has_logits)
        return common;
    uint64_t count = all && common > 0 ? common - 1 : common; // the last one must run for logits
    return count < impl_->tokens.size() ? impl_->keepable(count) : count;
}

ReadResult Session::read(std::span<const Token> wanted, const ProgressSink &progress,
                         std::stop_token stop, Observer *observer) {
    Impl &self = *impl_;
    self.checkTokens(wanted);
    self.times.clear();
    self.attention->resetWork();
    auto start = Clock::now();
    auto differs = std::ranges::mismatch(self.tokens, wanted);
    auto common = static_cast<uint64_t>(differs.in2 - wanted.begin());
    ReadResult result;
    if (common == wanted.size() && common == self.tokens.size() && self.has_logits) {
        result.reused = common;
        return result;
    }
    if (common == wanted.size() && self.returnTo(common)) {
        result.reused = common;
        return result;
    }
    truncate(std::min<uint64_t>(common, wanted.size() - 1)); // the last one must run for logits
    result.reused = self.tokens.size();
    self.has_logits = false;

    ReadingProgress reading(progress, result.reused, wanted.size());
    uint32_t rows = 0;
    while (self.tokens.size() < wanted.size() && !result.stopped) {
        rows = self.nextRows(wanted.size());
        result.stopped =
            stop.stop_requested() ||
            !self.runChunk(wanted.subspan(self.tokens.size(), rows), wanted.size(), observer, stop);
        if (!result.stopped)
            reading.reached(self.tokens.size());
    }
    if (!result.stopped) {
        self.runHead({rows - 1, 1});
        self.has_logits = true;
        if (self.memory)
            self.memory->keepLogits(wanted.size(), logits());
    }
    result.read = self.tokens.size() - std::min<uint64_t>(result.reused, self.tokens.size());
    result.seconds = secondsSince(start);
    return result;
}

std::span<const float> Session::logits() const {
    return impl_->logitsRow(0);
}

void Session::readAllLogits(
    std::span<const Token> wanted, uint64_t first,
    const std::function<void(uint64_t position, std::span<const float>)> &sink,
    std::stop_token stop, Observer *observer, uint64_t most) {
    Impl &self = *impl_;
    self.checkTokens(wanted);
    self.times.clear();
    self.attention->resetWork();
    const uint64_t last = std::min<uint64_t>(wanted.size(), most);
    bool goes_on = first >= self.tokens.size() && last > self.tokens.size() &&
                   std::ranges::equal(self.tokens, wanted.first(self.tokens.size()));
    if (!goes_on)
        self.forget(0);
    self.has_logits = false;
    while (self.tokens.size() < last) {
        uint64_t begin = self.tokens.size();
        uint64_t end = begin + self.nextRows(last);
        if (!self.runChunk(wanted.subspan(begin, end - begin), wanted.size(), observer, stop))
            fail(ErrorKind::stopped, "stopped after {} of {} tokens", begin, last);
        for (uint64_t at = std::max(begin, first); at < end;) {
            auto rows = static_cast<uint32_t>(std::min<uint64_t>(self.tiling.head_rows, end - at));
            self.growLogits(rows);
            self.runHead({at - begin, rows});
            for (uint32_t row = 0; row < rows; ++row)
                sink(at + row, self.logitsRow(row));
            at += rows;
            if (stop.stop_requested() && at < last)
                fail(ErrorKind::stopped, "stopped after {} of {} tokens", at, last);
        }
    }
}

} // namespace longscope::engine
