#include "compute/engine/kv_cache.h"

#include <algorithm>

namespace longscope::engine {
namespace {

using attention::dataBytes;
using attention::rowBytes;

uint64_t rowsOf(const model::Config &config, const LayerRoom &room) {
    return uint64_t{config.kv_heads} * room.capacity;
}

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

} // namespace

LayerRoom planLayer(const SessionOptions &options, uint32_t layer, uint32_t chunk_tokens) {
    uint64_t context = options.context_tokens;
    if (options.eviction.whileReading()) // room for what is kept, and for a chunk beside it
        return {.capacity = std::min(context, options.eviction.keep + chunk_tokens), .slots = {}};
    auto kept = options.patterns.of(layer).retention();
    if (!kept || kept->sinks + kept->window + chunk_tokens > context)
        return {.capacity = context, .slots = {}};
    uint64_t ring = kept->window + chunk_tokens - 1;
    return {.capacity = kept->sinks + ring, .slots = {.sinks = kept->sinks, .ring = ring}};
}

uint64_t KvCache::tokenBytes() const {
    return kv_heads * (rowBytes(k_type, head_dim) + rowBytes(v_type, head_dim));
}

uint64_t planCacheLayer(const model::Config &config, const SessionOptions &options,
                        const LayerRoom &room) {
    uint32_t head_dim = padded(config.head_dim);
    return rowsOf(config, room) * (rowBytes(options.k, head_dim) + rowBytes(options.v, head_dim));
}

uint64_t planCache(const model::Config &config, const SessionOptions &options,
                   uint32_t chunk_tokens) {
    uint64_t bytes = 0;
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        bytes += planCacheLayer(config, options, planLayer(options, layer, chunk_tokens));
    return bytes;
}

KvCache makeCache(gpu::Device &device, const model::Config &config, const SessionOptions &options,
                  uint32_t chunk_tokens) {
    KvCache cache{.k_type = options.k,
                  .v_type = options.v,
                  .kv_heads = config.kv_heads,
                  .head_dim = padded(config.head_dim),
                  .layers = {}};
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        LayerRoom room = planLayer(options, layer, chunk_tokens);
        Planes k = makePlanes(device, options.k, cache.head_dim, rowsOf(config, room));
        Planes v = makePlanes(device, options.v, cache.head_dim, rowsOf(config, room));
        cache.layers.push_back(
            {room, std::move(k.buffer), std::move(v.buffer), k.planes, v.planes});
    }
    return cache;
}

} // namespace longscope::engine
