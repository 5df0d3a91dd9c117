// Keys and values of one timeline: two buffers a layer, [kv_heads, capacity, head_dim padded], so
// that no single buffer grows with the whole model. Offsets are 64-bit on the host.
#pragma once

#include "compute/engine/session.h"
#include "compute/engine/weights.h"

#include <vector>

namespace longscope::engine {

struct CacheLayer {
    gpu::Buffer k, v;
};

struct KvCache {
    CacheType k_type = CacheType::f16, v_type = CacheType::f16;
    uint64_t capacity_tokens = 0;
    std::vector<CacheLayer> layers;
};

constexpr uint64_t bytesPerElement(CacheType type) {
    return type == CacheType::f32 ? 4 : 2;
}

/// Bytes of K and V of all layers for `tokens` tokens.
uint64_t planCache(const model::Config &config, const SessionOptions &options, uint64_t tokens);
KvCache makeCache(gpu::Device &device, const model::Config &config, const SessionOptions &options);

} // namespace longscope::engine
