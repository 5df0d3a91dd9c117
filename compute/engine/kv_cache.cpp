#include "compute/engine/kv_cache.h"

#include <algorithm>

namespace longscope::engine {
namespace {

using attention::dataBytes;
using attention::rowBytes;

struct Planes {
    gpu::Buffer buffer;
    params::CachePlanes planes;
};

Planes makePlanes(gpu::Device &device, CacheType type, uint32_t head_dim, uint64_t rows) {
    Planes made{.buffer = gpu::Buffer(device, "kv cache", rows * rowBytes(type, head_dim),
                                      gpu::Memory::device),
                .planes = {}};
    made.planes.data = made.buffer.address();
    made.planes.scales = made.buffer.address() + rows * dataBytes(type, head_dim);
    return made;
}

CacheLayer makeLayer(gpu::Device &device, const model::Config &config,
                     const SessionOptions &options, uint32_t layer, uint32_t chunk_tokens) {
    CacheLayer made{.room = planLayer(config, options, layer, chunk_tokens),
                    .k = {},
                    .v = {},
                    .k_planes = {},
                    .v_planes = {}};
    if (!hasCache(config, layer))
        return made;
    made.kv_heads = config.layer[layer].kv_heads;
    made.head_dim = padded(config.layer[layer].head_dim);
    uint64_t rows = made.kv_heads * made.room.capacity;
    Planes k = makePlanes(device, options.k, made.head_dim, rows);
    made.k = std::move(k.buffer);
    made.k_planes = made.v_planes = k.planes;
    if (sharesValues(config))
        return made;
    Planes v = makePlanes(device, options.v, made.head_dim, rows);
    made.v = std::move(v.buffer);
    made.v_planes = v.planes;
    return made;
}

} // namespace

LayerRoom planLayer(const model::Config &config, const SessionOptions &options, uint32_t layer,
                    uint32_t chunk_tokens) {
    if (!config.layer[layer].attends())
        return {};
    uint64_t context = options.context_tokens;
    if (options.eviction.whileReading()) // room for what is kept, and for a chunk beside it
        return {.capacity = std::min(context, options.eviction.keep + chunk_tokens), .slots = {}};
    auto kept = options.patterns.of(config.layer[layer].cache_layer).retention();
    if (!kept || kept->sinks + kept->window + chunk_tokens > context)
        return {.capacity = context, .slots = {}};
    uint64_t ring = kept->window + chunk_tokens - 1;
    return {.capacity = kept->sinks + ring, .slots = {.sinks = kept->sinks, .ring = ring}};
}

bool hasCache(const model::Config &config, uint32_t layer) {
    return config.layer[layer].attends() && config.layer[layer].cache_layer == layer;
}

bool sharesValues(const model::Config &config) {
    return config.latent.absorbed;
}

CacheType valueType(const model::Config &config, const SessionOptions &options) {
    return sharesValues(config) ? options.k : options.v;
}

uint64_t KvCache::tokenBytes(const CacheLayer &layer) const {
    uint64_t values = layer.v ? rowBytes(v_type, layer.head_dim) : 0;
    return layer.kv_heads * (rowBytes(k_type, layer.head_dim) + values);
}

uint64_t cacheTokenBytes(const model::Config &config, const SessionOptions &options,
                         uint32_t layer) {
    if (!hasCache(config, layer))
        return 0;
    uint32_t head_dim = padded(config.layer[layer].head_dim);
    uint64_t values = sharesValues(config) ? 0 : rowBytes(options.v, head_dim);
    return config.layer[layer].kv_heads * (rowBytes(options.k, head_dim) + values);
}

uint64_t planCacheLayer(const model::Config &config, const SessionOptions &options, uint32_t layer,
                        uint32_t chunk_tokens) {
    return cacheTokenBytes(config, options, layer) *
           planLayer(config, options, layer, chunk_tokens).capacity;
}

uint64_t planCache(const model::Config &config, const SessionOptions &options,
                   uint32_t chunk_tokens) {
    uint64_t bytes = 0;
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        bytes += planCacheLayer(config, options, layer, chunk_tokens);
    return bytes;
}

KvCache makeCache(gpu::Device &device, const model::Config &config, const SessionOptions &options,
                  uint32_t chunk_tokens) {
    KvCache cache{.k_type = options.k, .v_type = valueType(config, options), .layers = {}};
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        cache.layers.push_back(makeLayer(device, config, options, layer, chunk_tokens));
    return cache;
}

} // namespace longscope::engine
