// One timeline of tokens with its KV cache. Reading makes the timeline equal to the tokens wanted,
// keeping the longest common prefix; it can be stopped between submits of a few tens of
// milliseconds and keeps what was done.
#pragma once

#include "compute/core/progress.h"
#include "compute/engine/engine.h"
#include "compute/gpu/recorder.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

namespace longscope::engine {

using model::Token;

enum class CacheType { f32, f16 };

struct SessionOptions {
    uint64_t context_tokens = 0; ///< window; 0 = the trained one
    CacheType k = CacheType::f16;
    CacheType v = CacheType::f16;
    bool profile = false;      ///< keep the time of every dispatch
    uint32_t chunk_tokens = 0; ///< most rows of one prefill pass; 0 = as tiling says (tests set it)
};

struct ReadResult {
    uint64_t reused = 0; ///< tokens whose keys and values were kept
    uint64_t read = 0;
    bool stopped = false;
    double seconds = 0;
};

class Session {
  public:
    /// Throws Error(memory) with planned and free bytes, Error(usage) when the window is larger
    /// than the trained one.
    Session(Engine &engine, const SessionOptions &options);
    ~Session();
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;

    Engine &engine() const;
    uint64_t contextTokens() const;
    const std::vector<Token> &tokens() const; ///< whose keys and values are in the cache

    /// Makes the timeline equal to `tokens` (not empty); afterwards `logits` are those of the last
    /// one. Throws Error(usage) with both numbers when they do not fit the window.
    ReadResult read(std::span<const Token> tokens, const ProgressSink &progress = {},
                    std::stop_token stop = {});
    /// [vocab], after the last token read. Valid until the next call.
    std::span<const float> logits() const;
    /// Reads `tokens` from an empty timeline and hands out the logits [vocab] of every position
    /// from `first` on, in order.
    void readAllLogits(std::span<const Token> tokens, uint64_t first,
                       const std::function<void(uint64_t position, std::span<const float>)> &sink,
                       std::stop_token stop = {});
    /// Forgets everything beyond the first `count` tokens.
    void truncate(uint64_t count);

    uint64_t cacheBytes() const;
    uint64_t scratchBytes() const;
    /// Dispatch times of the last `read` (profile only).
    const std::vector<gpu::DispatchTime> &times() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace longscope::engine
