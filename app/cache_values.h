// Numbers as the KV cache has them, on the side of the host: their order, their bits, and how far
// rounding may take them.
#pragma once

#include "compute/attention/cache_type.h"

#include <cstdint>
#include <span>
#include <vector>

namespace longscope::app {

/// Columns first .. first + count - 1 of rows [rows, stride].
std::vector<float> columnsOf(const std::vector<float> &rows, uint32_t stride, uint32_t first,
                             uint32_t count);
/// [tokens, heads, dim] as the cache has it: [heads, tokens, dim].
std::vector<float> cacheOrder(const std::vector<float> &values, uint32_t heads, uint32_t dim);
/// What a value may differ by from the cache's one: half a step of the type, and what rotation
/// rounds before. `block`: the 32 values that share a scale.
double allowedInCache(attention::CacheType type, std::span<const float> block, double value);
/// One element of a row, from the bytes of the row and of its scales (shaders/params.h).
float elementOf(attention::CacheType type, const uint8_t *row, const uint8_t *scales, uint32_t i);

} // namespace longscope::app
