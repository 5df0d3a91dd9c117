// What the rules of an architecture say for each layer; for readKeys alone.
#pragma once

#include "compute/model/config.h"
#include "compute/model/keys.h"

namespace longscope::model {

constexpr uint64_t kMostContextTokens = 1ull << 31; ///< positions are 32-bit on the device

/// Fills config.layer, heads, kv_heads, head_dim and ffn_dim. `blocks`: layers with draft layers.
void readLayers(const Keys &keys, const HasTensor &has, uint32_t blocks, Config &config);
/// Fills config.rope_layout and config.ropes (without the factors of tensors).
void readRopes(const Keys &keys, Config &config);
/// Fills config.experts; `counts`: experts used, of each layer.
void readExperts(const Keys &keys, const HasTensor &has, Config &config);
void readRecurrence(const Keys &keys, const HasTensor &has, Config &config);

} // namespace longscope::model
