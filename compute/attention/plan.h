// What a model and a way of reading cost by theory: FLOPs, keys that are looked at, bytes of the
// cache. Pure arithmetic (methods.md, section 8). What is booked on a device:
// compute/engine/plan.h.
#pragma once

#include "compute/attention/cache_type.h"
#include "compute/attention/choose.h"
#include "compute/attention/pattern.h"

#include <cstdint>

namespace longscope::attention {

struct ModelShape {
    uint32_t layers = 0, model_dim = 0, ffn_dim = 0, heads = 0, kv_heads = 0, head_dim = 0;
    uint32_t head_dim_padded = 0; ///< as the cache stores it
    uint64_t vocab = 0;
    bool operator==(const ModelShape &) const = default;
};

/// Of the matrices of all layers: Q, K, V, O, gate, up and down. The head is apart.
uint64_t layerParameters(const ModelShape &shape);

// A multiply-add is 2 FLOPs.
/// Of the matrices of all layers, for one token.
double linearFlops(const ModelShape &shape);
/// Of one row of logits.
double headFlops(const ModelShape &shape);
/// Scores and weighted values of all heads of one layer, for `pairs` of a query and a key in each.
double attentionFlops(const ModelShape &shape, double pairs);

/// Bytes of K and V of one token in one layer.
uint64_t cacheTokenBytes(const ModelShape &shape, CacheType k, CacheType v);

/// A layer that reads a text.
struct LayerReading {
    const Pattern &pattern;
    const Eviction &eviction;
    uint32_t layer = 0;
    uint32_t chunk_tokens = 1; ///< after which evictions that go on while reading throw away
    uint32_t heads = 1;        ///< that query, at least one; they may see different keys
};
/// Quest reads the layers below this one in full.
constexpr uint32_t kQuestDenseLayers = 2;

/// Pairs of a query and a key of n tokens that are read, mean over the heads. Of patterns that
/// choose from the data: as many as a fixed choice takes (vertical-slash, topk), or all
/// (xattention, flexprefill), because what they leave out is not known before.
double readingPairs(const LayerReading &reading, uint64_t n);
/// Further FLOPs of choosing keys while n tokens are read.
double choosingFlops(const ModelShape &shape, const LayerReading &reading, uint64_t n);
/// Keys that a token written at position t looks at, mean over the heads; Quest's pages count as
/// the keys that their two vectors are as large as.
double writingKeys(const LayerReading &reading, uint64_t t);

} // namespace longscope::attention
