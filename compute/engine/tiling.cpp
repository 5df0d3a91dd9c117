#include "compute/engine/tiling.h"

#include "compute/core/error.h"
#include "compute/engine/tiling_lanes.h"

#include <algorithm>

namespace longscope::engine {
namespace {

std::string_view refuseLanes(const gpu::DeviceFacts &facts) {
    if (facts.subgroup_size != 8)
        return "its subgroups do not have 8 lanes";
    if (!facts.has_int64)
        return "it has no 64-bit integers in shaders";
    return "";
}

uint32_t largestDivisor(uint32_t number, uint32_t most) {
    for (uint32_t divisor = std::min(number, most); divisor > 1; --divisor)
        if (number % divisor == 0)
            return divisor;
    return 1;
}

AttentionTile subgroupTile(uint32_t head_dim_padded) {
    // As the kernel keeps in registers.
    uint32_t own_rows = head_dim_padded > 256 ? 1 : head_dim_padded > 128 ? 2 : 4;
    return {.heads = 1, .keys = 32, .queries = 128 / 8 * own_rows, .local = 128};
}

AttentionTile lanesTile(lanes::HeadsKeys tile) {
    return {.heads = tile.heads,
            .keys = tile.keys,
            .queries = 8 * tile.rows,
            .local = 8,
            .lane_queries = tile.rows};
}

} // namespace

std::string_view familyName(KernelFamily family) {
    return family == KernelFamily::lanes ? "lanes" : "subgroup";
}

KernelFamily chooseFamily(const gpu::DeviceFacts &facts, std::string_view wanted) {
    std::string_view refusal = refuseLanes(facts);
    if (wanted == "auto")
        return facts.is_llvmpipe && refusal.empty() ? KernelFamily::lanes : KernelFamily::subgroup;
    if (wanted == "subgroup")
        return KernelFamily::subgroup;
    if (wanted != "lanes")
        fail(ErrorKind::usage, "there is no kernel family {}; there are auto, lanes and subgroup",
             wanted);
    if (!refusal.empty())
        fail(ErrorKind::device, "the lanes kernels cannot run on {}: {}", facts.name, refusal);
    return KernelFamily::lanes;
}

Tiling chooseTiling(const gpu::DeviceFacts &facts, KernelFamily family) {
    Tiling tiling;
    tiling.family = family;
    if (family == KernelFamily::lanes) {
        tiling.interleave = 8;
        tiling.shared_local = 8; // one subgroup: no barrier, half the time of 64
        tiling.matmul_rows = lanes::kMatmulRows;
        tiling.matmul_groups = lanes::kMatmulGroups;
        tiling.matmul_local = tiling.matvec_local = 8;
        tiling.matvec_rows = lanes::kMatvecRows;
        tiling.chunk_tokens = 256;
        tiling.decode_splits = lanes::kDecodeSplits;
        tiling.decode_split_keys = 256;
        tiling.head_rows = 32;
        return tiling;
    }
    // Tiles of 64 x 64 fill the 16 KiB of shared memory that every device has.
    tiling.interleave = 1;
    tiling.matmul_rows = tiling.matmul_groups = 64;
    tiling.matmul_local = 128;
    tiling.matvec_rows = 4;
    tiling.matvec_local = std::clamp(facts.subgroup_size, 32u, 64u);
    tiling.chunk_tokens = facts.type == gpu::DeviceType::cpu ? 256 : 512;
    tiling.decode_splits = 32;
    tiling.decode_split_keys = 128;
    tiling.head_rows = 64;
    return tiling;
}

AttentionTile choosePrefillTile(const Tiling &tiling, uint32_t heads, uint32_t kv_heads,
                                uint32_t head_dim_padded) {
    if (tiling.family == KernelFamily::subgroup)
        return subgroupTile(head_dim_padded);
    return lanesTile(lanes::prefillTile(heads / kv_heads, head_dim_padded));
}

AttentionTile chooseScoreTile(const Tiling &tiling, uint32_t heads, uint32_t kv_heads,
                              uint32_t head_dim_padded) {
    if (tiling.family == KernelFamily::subgroup)
        return subgroupTile(head_dim_padded);
    return lanesTile(lanes::scoreTile(heads / kv_heads, head_dim_padded));
}

AttentionTile chooseDecodeTile(const Tiling &tiling, uint32_t heads, uint32_t kv_heads,
                               uint32_t head_dim_padded) {
    uint32_t group = heads / kv_heads;
    if (tiling.family == KernelFamily::subgroup)
        return {.heads = largestDivisor(group, 8), .keys = 1, .queries = 1, .local = 128};
    return {.heads = lanes::decodeHeads(group, head_dim_padded),
            .keys = 1, // groups of 8
            .queries = 1,
            .local = 8};
}

uint32_t decodeSplits(const Tiling &tiling, uint64_t keys) {
    uint64_t wanted = (keys + tiling.decode_split_keys - 1) / tiling.decode_split_keys;
    return static_cast<uint32_t>(std::clamp<uint64_t>(wanted, 1, tiling.decode_splits));
}

} // namespace longscope::engine
