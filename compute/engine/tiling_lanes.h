// Tile sizes of the `lanes` kernels, measured with tests/bench/kernel_bench.cpp on 2026-11-21:
// llvmpipe of Mesa 25.0.7 (LLVM 19.1.7, 256 bit, subgroups of 8) on two cores of an AMD EPYC
// (Zen 5), multiply-add peak 150 GFLOP/s. What decides is the loop body: beyond about 28 KB it
// leaves the instruction cache and runs at two thirds of the speed; a few sizes below that fall to
// a third for no reason that was found (f16 cache, head_dim 128, 2 heads x 2 keys). Other processors
// may want other tiles: time them before changing these.
#pragma once

#include <cstdint>

namespace longscope::engine::lanes {

// Share of the peak at 256 x 1536 x 576, 4-bit codes / 8-bit codes: 16 x 4 groups of 8 columns
// 74 / 69 %, 12 x 4 69 / 62, 8 x 8 69 / 65, 8 x 4 66 / 57, 12 x 8 53 / -. First use 0.2 s.
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

/// `group_heads` = heads / kv_heads. Share of the peak, q 256 after 4096 keys, f16 cache (f32):
///   head_dim 32: 4x4 80 % (75), 3x6 78 (71), 2x6 68 (48), 1x8 54 (49)
///            64: 4x2 77 (72), 3x3 75 (69), 2x4 73 (64), 1x8 57; 3x4 56, 3x2 70 (31)
///            96: 2x3 73 (68), 3x1 59 (58), 1x4 57 (50); 4x2 57
///           128: 1x4 59 (43); 2x3 55 (50), 2x2 30 (53), 4x1 66 (64) but 0.65 s at first use
///           256: 1x3 49 (20 to 29)
constexpr HeadsKeys prefillTile(uint32_t group_heads, uint32_t head_dim_padded) {
    if (head_dim_padded <= 64) {
        bool small = head_dim_padded == 32;
        if (group_heads % 4 == 0)
            return {4, small ? 4u : 2u};
        if (group_heads % 3 == 0)
            return {3, small ? 6u : 3u};
        if (group_heads % 2 == 0)
            return {2, small ? 6u : 4u};
        return {1, 8};
    }
    if (head_dim_padded <= 96 && group_heads % 2 == 0)
        return {2, 3};
    if (head_dim_padded <= 96 && group_heads % 3 == 0)
        return {3, 1};
    return {1, head_dim_padded <= 128 ? 4u : 3u};
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
