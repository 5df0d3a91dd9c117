// How a timeline reads: window, cache types, which keys count, positions, what is thrown away.
#pragma once

#include "compute/attention/cache_type.h"
#include "compute/attention/choose.h"
#include "compute/attention/pattern.h"
#include "compute/attention/rope.h"
#include "compute/engine/tiling.h"
#include "compute/model/config.h"

#include <cstdint>
#include <optional>
#include <string>

namespace longscope::engine {

using attention::CacheType;

struct SessionOptions {
    uint64_t context_tokens = 0; ///< window; 0 = the trained one
    CacheType k = CacheType::f16;
    CacheType v = CacheType::f16;
    attention::LayerPatterns patterns{}; ///< full unless said
    std::optional<attention::RopeScheme>
        rope{}; ///< none: as in the file, within the trained window
    attention::Eviction eviction{};
    bool profile = false;      ///< keep the time of every dispatch
    uint32_t chunk_tokens = 0; ///< most rows of one prefill pass; 0 = as tiling says

    const attention::RopeScheme &ropeScheme() const;
};

/// The same with the windows of the model's own layers as their patterns: these layers forget what
/// lies beyond, and a pattern for all layers is not for them. What was done is not done again.
SessionOptions withNativeWindows(const model::Config &config, SessionOptions options);
/// Which layers keep a window of the model's own, in one sentence; "" when there are none.
std::string describeWindows(const model::Config &config, const SessionOptions &options);

/// How the model's file rotates, as the arithmetic of positions wants it.
attention::RopeSettings ropeSettings(const model::RopeConfig &rope);

/// Chunks of patterns that choose for a chunk as a whole.
constexpr uint32_t kLongChunk = 1024;
/// Most rows of a chunk: `usual`, or more where patterns need many queries in flight. Patterns with
/// gaps read residue classes, whose tiles of 8 queries a chunk should fill.
uint32_t chunkTokens(const model::Config &config, const SessionOptions &options, uint32_t usual);
/// Tile sizes of a session with its window filled in: those of the engine, with its chunks.
Tiling sessionTiling(Tiling engine, const model::Config &config, const SessionOptions &options);

/// The largest window in which no query meets a distance that the model was not trained for, by the
/// scheme of positions or because every layer forgets that rotates; UINT64_MAX: any.
uint64_t reachOf(const model::Config &config, const SessionOptions &options);
/// What is wrong with a window beyond that, and what to do, in one sentence; "" when nothing is.
std::string outOfReach(const model::Config &config, const SessionOptions &options);
/// Throws Error(usage) for choices that do not go together, with the reason.
void checkOptions(const model::Config &config, const SessionOptions &options);

} // namespace longscope::engine
