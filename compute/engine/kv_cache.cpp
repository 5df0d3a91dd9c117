#include "compute/engine/kv_cache.h"

namespace longscope::engine {
namespace {

uint64_t layerElements(const model::Config &config, uint64_t tokens) {
    return uint64_t{config.kv_heads} * padded(config.head_dim) * tokens;
}

} // namespace

uint64_t planCache(const model::Config &config, const SessionOptions &options, uint64_t tokens) {
    return config.layers * layerElements(config, tokens) *
           (bytesPerElement(options.k) + bytesPerElement(options.v));
}

KvCache makeCache(gpu::Device &device, const model::Config &config, const SessionOptions &options) {
    KvCache cache{options.k, options.v, options.context_tokens, {}};
    uint64_t elements = layerElements(config, options.context_tokens);
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        cache.layers.push_back(
            {gpu::Buffer(device, "kv cache", elements * bytesPerElement(options.k),
                         gpu::Memory::device),
             gpu::Buffer(device, "kv cache", elements * bytesPerElement(options.v),
                         gpu::Memory::device)});
    return cache;
}

} // namespace longscope::engine
