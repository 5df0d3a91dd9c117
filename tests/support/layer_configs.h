// Made-up models whose layers differ, for tests of attention without a file.
#pragma once

#include "compute/engine/session_options.h"

#include <algorithm>

namespace longscope::test {

constexpr uint32_t kTokens = 100, kChunk = 40; ///< of a window, and of a chunk

inline model::RopeConfig ropeOf(uint32_t dims, double base) {
    model::RopeConfig rope;
    rope.dims = dims;
    rope.base = base;
    return rope;
}

inline model::Config emptyConfig(std::vector<model::LayerConfig> layers) {
    model::Config config;
    config.architecture = model::findArchitecture("llama");
    config.layer = std::move(layers);
    config.ropes = {model::RopeConfig()};
    config.layers = static_cast<uint32_t>(config.layer.size());
    config.model_dim = 64;
    config.vocab = 32;
    config.context_tokens = 4096;
    for (uint32_t i = 0; i < config.layers; ++i) {
        model::LayerConfig &layer = config.layer[i];
        layer.ffn_dim = 64;
        config.heads = std::max(config.heads, layer.heads);
        config.kv_heads = std::max(config.kv_heads, layer.kv_heads);
        config.head_dim = std::max(config.head_dim, layer.head_dim);
    }
    return config;
}

/// A layer that attends to a cache of its own.
inline model::LayerConfig layerOf(uint32_t number, uint32_t heads, uint32_t kv_heads,
                                  uint32_t head_dim, uint32_t rope) {
    model::LayerConfig layer;
    layer.heads = heads;
    layer.kv_heads = kv_heads;
    layer.head_dim = layer.value_dim = head_dim;
    layer.rope = rope;
    layer.cache_layer = number;
    return layer;
}

/// Two kinds of rotations and of heads, windows and chunks, a recurrent layer, shared keys.
inline model::Config mixedConfig(model::RopeLayout layout) {
    model::LayerConfig full = layerOf(0, 4, 2, 64, model::kGlobalRope);
    model::LayerConfig local = layerOf(1, 6, 1, 48, model::kLocalRope);
    local.window = 20;
    model::LayerConfig recurrent;
    recurrent.recurrence = model::Recurrence::mamba2;
    model::LayerConfig sharing = local;
    sharing.heads = 3;
    model::LayerConfig plain = layerOf(4, 4, 4, 64, model::kNoRope);
    plain.window = 16;
    plain.chunked = true;
    plain.tempered = true;
    model::Config config = emptyConfig({full, local, recurrent, sharing, plain});
    config.rope_layout = layout;
    config.ropes = {ropeOf(64, 10000), ropeOf(24, 300)};
    config.temperature = {.scale = 0.7, .offset = 1, .length = 8};
    return config;
}

inline engine::SessionOptions exactOptions(const char *rope = nullptr) {
    engine::SessionOptions options{.context_tokens = kTokens,
                                   .k = attention::CacheType::f32,
                                   .v = attention::CacheType::f32,
                                   .chunk_tokens = kChunk};
    if (rope)
        options.rope = attention::parseRope(rope);
    return options;
}

} // namespace longscope::test
