// One timeline of tokens with its KV cache. Reading makes the timeline equal to the tokens wanted,
// keeping the longest common prefix; it can be stopped between submits of a few tens of
// milliseconds and keeps what was done.
#pragma once

#include "compute/core/progress.h"
#include "compute/engine/engine.h"
#include "compute/engine/session_options.h"
#include "compute/gpu/recorder.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

namespace longscope::engine {

using model::Token;
class Observer; // forward.h
struct AttentionWork;

struct ReadResult {
    uint64_t reused = 0; ///< tokens whose keys and values were kept
    uint64_t read = 0;
    bool stopped = false;
    double seconds = 0;
};

class Session {
  public:
    /// Throws Error(memory) with planned and free bytes, Error(usage) for options that do not go
    /// together and, without a chosen scheme of positions, when the window is out of reach.
    Session(Engine &engine, const SessionOptions &options);
    ~Session();
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;

    Engine &engine() const;
    const SessionOptions &options() const; ///< with the window filled in
    uint64_t contextTokens() const;
    const std::vector<Token> &tokens() const; ///< whose keys and values are in the cache

    /// Makes the timeline equal to `tokens` (not empty); afterwards `logits` are those of the last
    /// one. Throws Error(usage) with both numbers when they do not fit the window.
    /// `observer` sees every layer of every chunk that it wants to see.
    ReadResult read(std::span<const Token> tokens, const ProgressSink &progress = {},
                    std::stop_token stop = {}, Observer *observer = nullptr);
    /// Takes the tokens first .. end - 1 through the first `layers` layers again, against the kept
    /// cache, for the observer; nothing is stored. False when stopped. Throws Error(usage) when
    /// keys that these queries saw were forgotten.
    bool lookAgain(uint64_t first, uint64_t end, uint32_t layers, Observer &observer,
                   std::stop_token stop = {});
    /// In which way what `lookAgain` shows of these queries in the first `layers` layers is not
    /// what was seen at the reading, in one sentence; empty when it is the same. Where the data
    /// decide, keys are chosen for rows that are read together, and a look takes other rows
    /// together.
    std::string lookingNote(attention::Interval queries, uint32_t layers) const;
    /// [vocab], after the last token read. Valid until the next call.
    std::span<const float> logits() const;
    /// Reads `tokens` and hands out the logits [vocab] of every position from `first` on, in order.
    /// Goes on from the timeline when that holds a prefix of at most `first` tokens, else from an
    /// empty one. A text may be read in pieces, up to `most` tokens now: positions that follow the
    /// length (dynamic NTK) follow that of the whole.
    void readAllLogits(std::span<const Token> tokens, uint64_t first,
                       const std::function<void(uint64_t position, std::span<const float>)> &sink,
                       std::stop_token stop = {}, Observer *observer = nullptr,
                       uint64_t most = UINT64_MAX);
    /// Forgets everything beyond the first `count` tokens, or everything when the layers no longer
    /// have what the tokens before `count` need (rings, eviction). States of recurrent layers can
    /// be returned to only where there is a copy: everything behind the last one is forgotten.
    void truncate(uint64_t count);
    /// How many of these tokens `read` would not read again.
    uint64_t reusable(std::span<const Token> wanted) const;
    /// Positions that no layer can see any more from the next token on; without what evictions
    /// threw away.
    attention::Interval forgotten() const;
    /// For each token the share of the layers and KV heads that still hold its key for the next
    /// one, 1 where nothing forgets. Empty when it is not known: after SnapKV, from a file.
    std::vector<float> heldShares() const;

    uint64_t cacheBytes() const;
    uint64_t scratchBytes() const;
    /// Pairs of the last `read`, over all layers and heads.
    const AttentionWork &attentionWork() const;
    /// Dispatch times of the last `read` (profile only).
    const std::vector<gpu::DispatchTime> &times() const;

    struct Impl; ///< cache and attention; for compute/engine alone
    Impl &impl() const { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

} // namespace longscope::engine
