// Tile sizes of the `lanes` kernels, measured with tests/bench/kernel_bench.cpp on 2026-11-21:
// llvmpipe of Mesa 25.0.7 (LLVM 19.1.7, 256 bit, subgroups of 8) on two cores of an AMD EPYC
// (Zen 5, 4.2 GHz). Per cents are of the multiply-add peak of shaders/probe_peak.comp, 217 GFLOP/s.
// What decides is the loop body: beyond about 28 KB it leaves the instruction cache and runs at two
// thirds of the speed. Other processors may want other tiles: time them before changing these.
#pragma once

#include <cstdint>

namespace longscope::engine::lanes {

// 256 x 1536 x 576, 4-bit / 8-bit codes: 16 rows x 4 groups of 8 columns 52 / 50 %, 12 x 6 51 / 48,
// 12 x 4 49 / 44, 8 x 8 50 / 44, 8 x 4 46 / 41, 16 x 5 56 / 51 but it is near the edge of the cache.
// First use 0.2 s.
constexpr uint32_t kMatmulRows = 16;
constexpr uint32_t kMatmulGroups = 4;

// GB/s of packed bytes at 49152 x 1536, 4-bit / 8-bit codes: 64 rows of w 11.4 / 13.8, 32 9.5 / 12.4,
// 96 12.2 / 13.3, 128 11.2 / 12.5. First use 0.06 s.
constexpr uint32_t kMatvecRows = 64;

// Ranges of keys in decode: 2 to 16 are equal for two threads, 1 leaves a thread idle.
constexpr uint32_t kDecodeSplits = 4;

struct HeadsKeys {
    uint32_t heads; ///< query heads of a workgroup, a divisor of the heads of a KV head
    uint32_t keys;  ///< a step
};

/// `group_heads` = heads / kv_heads. Of the peak, 256 queries after 4096 keys, f16 (f32) cache:
///   head_dim 32: 4x4 56 %, 3x5 52 (46), 2x6 49 (41), 1x8 39 (32)
///            64: 4x2 53 (48), 3x3 55 (45), 2x4 50 (42), 1x8 40 (31); 3x2 51 (48), 3x4 40 (37)
///            96: 2x3 47 (37), 3x2 49 (40), 1x4 38 (33)
///           128: 2x2 45 (41), 1x4 39 (29); 4x1 41 (38) but 0.6 s at first use
///           160: 1x3 41 (32); 256: 1x2 34 (27), 1x3 24 (24)
/// First use 0.1 to 0.37 s.
constexpr HeadsKeys prefillTile(uint32_t group_heads, uint32_t head_dim_padded) {
    if (head_dim_padded <= 64) {
        bool small = head_dim_padded == 32;
        if (group_heads % 4 == 0)
            return {4, small ? 4u : 2u};
        if (group_heads % 3 == 0)
            return {3, small ? 5u : 3u};
        if (group_heads % 2 == 0)
            return {2, small ? 6u : 4u};
        return {1, 8};
    }
    if (head_dim_padded <= 96 && group_heads % 3 == 0)
        return {3, 2};
    if (head_dim_padded <= 128 && group_heads % 2 == 0)
        return {2, head_dim_padded <= 96 ? 3u : 2u};
    if (head_dim_padded <= 192)
        return {1, head_dim_padded <= 128 ? 4u : 3u};
    return {1, 2};
}

/// Heads of a workgroup in decode, 8 keys a step. Heads share the loads of a key: at 4096 keys
/// (f16, head_dim 64) 7 heads do 55 GFLOP/s, 3 heads 30, 1 head 19. First use 0.07 to 0.2 s.
constexpr uint32_t decodeHeads(uint32_t group_heads, uint32_t head_dim_padded) {
    uint32_t most = head_dim_padded <= 256 ? 512 / head_dim_padded : 1;
    while (group_heads % most != 0)
        --most;
    return most;
}

} // namespace longscope::engine::lanes
