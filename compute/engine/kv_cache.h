// Keys and values of one timeline: two buffers a layer, each [kv_heads, capacity, head_dim padded]
// of the cache's type with its scales behind, so that no buffer grows with the whole model. A layer
// whose pattern forgets has room for what it can still see and no more (a ring, sinks apart).
#pragma once

#include "compute/attention/schedule.h"
#include "compute/engine/session_options.h"
#include "compute/engine/weights.h"
#include "shaders/params.h"

#include <vector>

namespace longscope::engine {

/// Room of one layer, in tokens.
struct LayerRoom {
    uint64_t capacity = 0;
    attention::SlotMap slots; ///< of positions
    bool operator==(const LayerRoom &) const = default;
};

/// `chunk_tokens`: a ring must hold what the first query of a chunk sees beside the whole chunk.
LayerRoom planLayer(const SessionOptions &options, uint32_t layer, uint32_t chunk_tokens);

struct CacheLayer {
    LayerRoom room;
    gpu::Buffer k, v;
    params::CachePlanes k_planes, v_planes;
};

struct KvCache {
    CacheType k_type = CacheType::f16, v_type = CacheType::f16;
    uint32_t kv_heads = 0, head_dim = 0; ///< padded
    std::vector<CacheLayer> layers;

    /// Bytes of K and V of one token in one layer.
    uint64_t tokenBytes() const;
};

/// Bytes of K and V of a layer.
uint64_t planCacheLayer(const model::Config &config, const SessionOptions &options,
                        const LayerRoom &room);
/// The same of all layers.
uint64_t planCache(const model::Config &config, const SessionOptions &options,
                   uint32_t chunk_tokens);
KvCache makeCache(gpu::Device &device, const model::Config &config, const SessionOptions &options,
                  uint32_t chunk_tokens);

} // namespace longscope::engine
