// Tile sizes of the `lanes` kernels, measured with `kernel_bench tiles` on 2026-11-21:
// llvmpipe of Mesa 25.0.7 (LLVM 19.1.7, 256 bit, subgroups of 8) on two cores of an AMD EPYC
// (Zen 5, 4.2 GHz) while other programs ran: about 5 % uncertain. Per cents are of the multiply-add
// peak of shaders/probe_peak.comp, 217 GFLOP/s. What decides is the loop body: beyond about 32 KB
// it leaves the instruction cache and runs at two thirds of the speed. Other processors may want
// other tiles. Now and then (2 of 72) a pipeline runs at 40 % for as long as it lives, and the same
// one made again does not; so measure twice.
#pragma once

#include <cstdint>

namespace longscope::engine::lanes {

// 256 x 1536 x 576, 4-bit / 8-bit codes: 16 rows x 4 groups of 8 columns 48 to 52 / 48 to 50 %,
// 12 x 6 50 / 45, 12 x 4 46 / 44, 8 x 8 46 / 42, 8 x 4 44 / 39, 24 x 4 36 / 34. First use 0.2 s.
constexpr uint32_t kMatmulRows = 16;
constexpr uint32_t kMatmulGroups = 4;

// Tiles of expert layers are seldom full. 8 of 64 experts, 576 x 192, 4-bit codes: 256 rows 26 to
// 27 ms with 8, 12 or 16 rows a tile; 32 rows 6.9, 8.5 and 11.2 ms. One by one 32 rows take 9.9 ms,
// 8 rows 2.4 (in tiles of 16 8.3).
constexpr uint32_t kExpertMatmulRows = 8;

// GB/s of packed bytes at 49152 x 1536, 4-bit / 8-bit codes: 64 rows of w 10.2 / 13.2,
// 16 5.6 / 9.0, 32 8.2 / 11.7, 96 10.8 / 12.7, 128 10.8 / 11.9. First use 0.06 s.
constexpr uint32_t kMatvecRows = 64;

// Ranges of keys in decode: 2 to 16 are equal for two threads, 1 leaves a thread idle.
constexpr uint32_t kDecodeSplits = 4;

struct HeadsKeys {
    uint32_t heads;    ///< query heads of a workgroup, a divisor of the heads of a KV head
    uint32_t keys;     ///< a step
    uint32_t rows = 1; ///< queries of a lane
};

/// Of kernels that only score, and of attention beside `prefillTile`. keys <= 8.
/// `group_heads` = heads / kv_heads. Of the peak, 256 queries after 4096 keys, f16 (f32) cache:
///   head_dim 32: 4x4 55 % (52), 3x5 52 (49), 2x6 48 (41), 1x8 38 (34)
///            64: 4x2 54 (50), 3x3 53 (40), 2x4 52 (48), 1x8 42 (33); 3x2 50 (45), 3x4 39 (36)
///            96: 2x3 47 (40), 3x2 50 (40), 1x4 38 (29)
///           128: 2x2 43 (34), 1x4 38 (26); 4x1 39 (34) but 0.6 s at first use
///           160: 1x3 37 (21); 256: 1x2 27 (11), 1x3 27 (12)
/// The second pass (maps) has one head a workgroup: the picture of one head of 64 over 8192 tokens
/// takes 77 ms with 8 keys and 83 with 4, 9 % of the attention of all 9 heads; of 128 147 and 143
/// ms. Metrics of 9 heads over 4096 tokens: 152 ms; where the heads of a KV head have the same
/// schedule, 95 ms with 3 heads and 3 keys, half of the attention. Scores for choosing keys: 64 x
/// 8000 pairs, 9/3 heads of 64, 3x3 7.3 ms, 3x2 7.5, 1x8 10.7.
/// First use 0.4 to 0.8 s. 9/3 heads of 64, 3x3: f16 25.1 ms, bf16 24.1, q8_0 24.3, q4_0 24.7, f32
/// 34. There lists cost 4 to 8 %, raw keys 30 to 50 %: their tables take as many loads as f32 keys.
constexpr HeadsKeys scoreTile(uint32_t group_heads, uint32_t head_dim_padded) {
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
    return {1, head_dim_padded <= 256 ? 2u : 1u};
}

/// Of attention: where heads cannot share a workgroup, two queries of each lane do. 16 blocks of 64
/// keys that each head of 64 chose, f16: 2 queries x 4 keys 3.1 ns a pair, 1 x 8 4.6 in the same
/// minutes.
constexpr HeadsKeys prefillTile(uint32_t group_heads, uint32_t head_dim_padded) {
    HeadsKeys tile = scoreTile(group_heads, head_dim_padded);
    if (tile.heads == 1 && head_dim_padded <= 128)
        return {1, scoreTile(2, head_dim_padded).keys, 2};
    return tile;
}

/// Heads of a workgroup in decode, 8 keys a step. Heads share the loads of a key: at 4096 keys of
/// 9/3 heads of 64 (f16) 3 heads read 8 to 11 GB/s of cache, 1 head 5 to 6; 16 to 32 keys a step
/// are within the noise. First use 0.07 to 0.2 s.
constexpr uint32_t decodeHeads(uint32_t group_heads, uint32_t head_dim_padded) {
    uint32_t most = head_dim_padded <= 256 ? 512 / head_dim_padded : 1;
    while (group_heads % most != 0)
        --most;
    return most;
}

} // namespace longscope::engine::lanes
