// What differs between devices: from device facts and problem shape to kernel family and tile
// sizes. Pure, so it is tested with made-up devices; no vendor test stands anywhere else.
#pragma once

#include "compute/gpu/device.h"

#include <cstdint>
#include <string_view>

namespace longscope::engine {

enum class KernelFamily {
    lanes,    ///< the software device: barrier-free register tiles, lane = output column
    subgroup, ///< every GPU: workgroup tiles in shared memory
};

std::string_view familyName(KernelFamily family);

/// `wanted`: auto, lanes, subgroup. Throws Error(device) when the family cannot run there (with the
/// reason), Error(usage) for an unknown name. `lanes` needs subgroups of 8 and 64-bit integers.
KernelFamily chooseFamily(const gpu::DeviceFacts &facts, std::string_view wanted);

struct Tiling {
    KernelFamily family = KernelFamily::subgroup;
    uint32_t interleave = 1;    ///< of packed weights
    uint32_t shared_local = 64; ///< invocations of the kernels that both families share
    uint32_t matmul_rows = 0;   ///< of a workgroup's tile
    uint32_t matmul_groups = 0; ///< lanes: column groups of 8; subgroup: columns
    uint32_t matmul_local = 0;
    uint32_t matvec_rows = 0; ///< rows of w that one workgroup computes
    uint32_t matvec_local = 0;
    uint32_t chunk_tokens = 0;      ///< most rows of one prefill pass
    uint32_t decode_splits = 0;     ///< most ranges of keys in decode
    uint32_t decode_split_keys = 0; ///< fewest keys of a range
    uint32_t head_rows = 0;         ///< most rows of logits at once
    /// Columns of the result that one workgroup of the matmul computes.
    uint32_t matmulColumns() const {
        return family == KernelFamily::lanes ? matmul_groups * interleave : matmul_groups;
    }
};

Tiling chooseTiling(const gpu::DeviceFacts &facts, KernelFamily family);

struct AttentionTile {
    uint32_t heads = 1;   ///< query heads of one workgroup
    uint32_t keys = 1;    ///< keys a step
    uint32_t queries = 8; ///< query rows of one workgroup
    uint32_t local = 8;
    uint32_t lane_queries = 1; ///< lanes: of those, of one lane
};

AttentionTile choosePrefillTile(const Tiling &tiling, uint32_t heads, uint32_t kv_heads,
                                uint32_t head_dim_padded);
/// Of the kernels that only need scores (AttentionScores, AttentionMap), and for attention whose
/// tiles have few queries.
AttentionTile chooseScoreTile(const Tiling &tiling, uint32_t heads, uint32_t kv_heads,
                              uint32_t head_dim_padded);
AttentionTile chooseDecodeTile(const Tiling &tiling, uint32_t heads, uint32_t kv_heads,
                               uint32_t head_dim_padded);

/// How many ranges `keys` keys are cut into.
uint32_t decodeSplits(const Tiling &tiling, uint64_t keys);

} // namespace longscope::engine
