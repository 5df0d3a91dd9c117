#include "app/cache_values.h"

#include "compute/model/quant.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace longscope::app {

using attention::CacheType;

std::vector<float> columnsOf(const std::vector<float> &rows, uint32_t stride, uint32_t first,
                             uint32_t count) {
    std::vector<float> part;
    for (size_t at = first; at < rows.size(); at += stride)
        part.insert(part.end(), &rows[at], &rows[at] + count);
    return part;
}

std::vector<float> cacheOrder(const std::vector<float> &values, uint32_t heads, uint32_t dim) {
    std::vector<float> ordered(values.size());
    size_t tokens = values.size() / heads / dim;
    for (size_t at = 0; at < values.size(); at += dim) {
        size_t token = at / dim / heads, head = at / dim % heads;
        std::copy_n(&values[at], dim, &ordered[(head * tokens + token) * dim]);
    }
    return ordered;
}

double allowedInCache(CacheType type, std::span<const float> block, double value) {
    double largest = 0, size = std::abs(value);
    for (float other : block)
        largest = std::max(largest, std::abs(static_cast<double>(other)));
    double step = 0;
    switch (type) {
    case CacheType::f32:
        return 2e-6 * size + 4e-6;
    case CacheType::f16:
        return 1.1e-3 * size + 4e-6;
    case CacheType::bf16:
        return 4.1e-3 * size + 4e-6;
    case CacheType::q8_0:
        step = largest / 127;
        break;
    case CacheType::q4_0:
        step = largest / 8;
        if (size > 7.5 * step) // the code 8 exists with one sign only
            return step * 1.01;
        break;
    }
    return 0.51 * step + 6e-4 * size + 4e-6; // the scale is a half
}

float elementOf(CacheType type, const uint8_t *row, const uint8_t *scales, uint32_t i) {
    uint16_t half = 0;
    if (type == CacheType::f32) {
        float value;
        std::memcpy(&value, row + 4 * i, 4);
        return value;
    }
    if (type == CacheType::f16 || type == CacheType::bf16) {
        std::memcpy(&half, row + 2 * i, 2);
        return type == CacheType::f16 ? model::halfToFloat(half)
                                      : std::bit_cast<float>(uint32_t{half} << 16);
    }
    std::memcpy(&half, scales + i / 32 * 2, 2);
    int code = type == CacheType::q8_0 ? static_cast<int8_t>(row[i])
                                       : (row[i / 2] >> (4 * (i % 2)) & 15) - 8;
    return static_cast<float>(code) * model::halfToFloat(half);
}

} // namespace longscope::app
