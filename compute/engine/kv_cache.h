// Keys and values of one timeline: two buffers a layer, each [kv_heads, capacity, head_dim padded]
// of the cache's type with its scales behind, so that no buffer grows with the whole model. A layer
// whose pattern forgets has room for what it can still see and no more (a ring, sinks apart).
// Layers without attention, and those that read another layer's cache, have none; in latent
// attention values are the first part of the keys.
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

/// Of the cache that a layer reads; none where it does not attend. `chunk_tokens`: a ring must hold
/// what the first query of a chunk sees beside the whole chunk.
LayerRoom planLayer(const model::Config &config, const SessionOptions &options, uint32_t layer,
                    uint32_t chunk_tokens);

/// Whether a layer has a cache of its own.
bool hasCache(const model::Config &config, uint32_t layer);
/// Whether values are the first part of the keys.
bool sharesValues(const model::Config &config);
CacheType valueType(const model::Config &config, const SessionOptions &options);

struct CacheLayer {
    LayerRoom room;
    uint32_t kv_heads = 0, head_dim = 0; ///< padded; 0: no cache of its own
    gpu::Buffer k, v;                    ///< v is empty where values are a part of the keys
    params::CachePlanes k_planes, v_planes;

    const gpu::Buffer &values() const { return v ? v : k; }
};

struct KvCache {
    CacheType k_type = CacheType::f16, v_type = CacheType::f16;
    std::vector<CacheLayer> layers;

    /// Bytes of K and V of one token in a layer that has a cache.
    uint64_t tokenBytes(const CacheLayer &layer) const;
};

/// Bytes of K and V of one token in a layer's own cache; 0 where it has none.
uint64_t cacheTokenBytes(const model::Config &config, const SessionOptions &options,
                         uint32_t layer);
/// Bytes of K and V of a layer.
uint64_t planCacheLayer(const model::Config &config, const SessionOptions &options, uint32_t layer,
                        uint32_t chunk_tokens);
/// The same of all layers.
uint64_t planCache(const model::Config &config, const SessionOptions &options,
                   uint32_t chunk_tokens);
KvCache makeCache(gpu::Device &device, const model::Config &config, const SessionOptions &options,
                  uint32_t chunk_tokens);

} // namespace longscope::engine
