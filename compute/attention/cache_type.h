// How keys and values are kept: the element types of the KV cache, with their sizes. A row is one
// token of one KV head, head_dim padded to a multiple of 32. Layout on the device:
// shaders/params.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace longscope::attention {

enum class CacheType { f32, f16, bf16, q8_0, q4_0 }; // as CACHE_* of shaders/params.h

constexpr std::string_view cacheTypeName(CacheType type) {
    constexpr std::string_view names[] = {"f32", "f16", "bf16", "q8_0", "q4_0"};
    return names[static_cast<int>(type)];
}

constexpr std::optional<CacheType> findCacheType(std::string_view name) {
    for (CacheType type :
         {CacheType::f32, CacheType::f16, CacheType::bf16, CacheType::q8_0, CacheType::q4_0})
        if (cacheTypeName(type) == name)
            return type;
    return std::nullopt;
}

/// Bytes of the elements of a row.
constexpr uint64_t dataBytes(CacheType type, uint32_t head_dim_padded) {
    switch (type) {
    case CacheType::f32:
        return uint64_t{4} * head_dim_padded;
    case CacheType::f16:
    case CacheType::bf16:
        return uint64_t{2} * head_dim_padded;
    case CacheType::q8_0:
        return head_dim_padded;
    case CacheType::q4_0:
        return head_dim_padded / 2;
    }
    return 0;
}

/// Bytes of the scales of a row: one f16 for 32 elements, in whole words.
constexpr uint64_t scaleBytes(CacheType type, uint32_t head_dim_padded) {
    bool has_scales = type == CacheType::q8_0 || type == CacheType::q4_0;
    return has_scales ? uint64_t{4} * ((head_dim_padded + 63) / 64) : 0;
}

constexpr uint64_t rowBytes(CacheType type, uint32_t head_dim_padded) {
    return dataBytes(type, head_dim_padded) + scaleBytes(type, head_dim_padded);
}

} // namespace longscope::attention
