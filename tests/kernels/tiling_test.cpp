// Choices that depend on the device, tested with made-up devices; and the pacing of submits.
#include "compute/core/error.h"
#include "compute/engine/pacer.h"
#include "compute/engine/tiling.h"

#include <gtest/gtest.h>

namespace longscope::engine {
namespace {

gpu::DeviceFacts softwareDevice() {
    gpu::DeviceFacts facts;
    facts.name = "llvmpipe";
    facts.type = gpu::DeviceType::cpu;
    facts.is_llvmpipe = true;
    facts.subgroup_size = 8;
    facts.has_int64 = true;
    facts.max_workgroup_invocations = 1024;
    facts.shared_memory_bytes = 32768;
    return facts;
}

gpu::DeviceFacts smallGpu(uint32_t subgroup_size) {
    gpu::DeviceFacts facts;
    facts.name = "a small GPU";
    facts.type = gpu::DeviceType::integrated;
    facts.subgroup_size = subgroup_size;
    facts.max_workgroup_invocations = 128;
    facts.shared_memory_bytes = 16384;
    return facts;
}

TEST(KernelFamilyChoice, LanesOnTheSoftwareDeviceAlone) {
    EXPECT_EQ(chooseFamily(softwareDevice(), "auto"), KernelFamily::lanes);
    EXPECT_EQ(chooseFamily(softwareDevice(), "subgroup"), KernelFamily::subgroup);
    EXPECT_EQ(chooseFamily(smallGpu(32), "auto"), KernelFamily::subgroup);
    gpu::DeviceFacts narrow = softwareDevice();
    narrow.subgroup_size = 4;
    EXPECT_EQ(chooseFamily(narrow, "auto"), KernelFamily::subgroup);
    EXPECT_THROW(chooseFamily(narrow, "lanes"), Error);
    EXPECT_THROW(chooseFamily(softwareDevice(), "fast"), Error);
}

/// What the kernels ask of their tiles, on every device.
TEST(TilingChoice, FitsThePortableFloor) {
    for (uint32_t subgroup : {1u, 4u, 8u, 16u, 32u, 64u, 128u}) {
        gpu::DeviceFacts facts = smallGpu(subgroup);
        Tiling tiling = chooseTiling(facts, KernelFamily::subgroup);
        EXPECT_LE(tiling.matmul_local, facts.max_workgroup_invocations);
        EXPECT_LE(tiling.matvec_local, facts.max_workgroup_invocations);
        EXPECT_LE((tiling.matmul_rows + tiling.matmul_groups) * 128, facts.shared_memory_bytes);
        EXPECT_EQ(tiling.matmul_local % (tiling.matmul_groups / 4), 0u);
        EXPECT_EQ(tiling.matmul_rows % (tiling.matmul_local / (tiling.matmul_groups / 4)), 0u);
        EXPECT_LE(tiling.matvec_local * tiling.matvec_rows * 16, facts.shared_memory_bytes);
    }
}

TEST(TilingChoice, AttentionTilesDivideTheGroups) {
    for (auto [facts, family] : {std::pair{softwareDevice(), KernelFamily::lanes},
                                 std::pair{smallGpu(32), KernelFamily::subgroup}}) {
        Tiling tiling = chooseTiling(facts, family);
        for (uint32_t kv_heads : {1u, 2u, 8u})
            for (uint32_t group : {1u, 2u, 3u, 4u, 5u, 7u, 8u})
                for (uint32_t dim = 32; dim <= 256; dim += 32) {
                    AttentionTile prefill =
                        choosePrefillTile(tiling, group * kv_heads, kv_heads, dim);
                    AttentionTile decode =
                        chooseDecodeTile(tiling, group * kv_heads, kv_heads, dim);
                    EXPECT_EQ(group % prefill.heads, 0u) << group << " heads of " << dim;
                    EXPECT_EQ(group % decode.heads, 0u) << group << " heads of " << dim;
                    EXPECT_GE(prefill.keys, 1u);
                }
    }
}

TEST(DecodeSplits, GrowWithTheKeysAndEnd) {
    Tiling tiling = chooseTiling(softwareDevice(), KernelFamily::lanes);
    EXPECT_EQ(decodeSplits(tiling, 1), 1u);
    EXPECT_EQ(decodeSplits(tiling, tiling.decode_split_keys + 1), 2u);
    EXPECT_EQ(decodeSplits(tiling, 1u << 20), tiling.decode_splits);
}

TEST(PacerTest, KeepsSubmitsNearTheBudget) {
    Pacer pacer(256);
    pacer.beginChunk(256);
    EXPECT_EQ(pacer.layersPerSubmit(), 1u); // nothing is known yet
    pacer.measured(1, 5);
    EXPECT_EQ(pacer.layersPerSubmit(), 12u); // 60 ms
    pacer.endChunk();
    EXPECT_EQ(pacer.chunkRows(), 256u);
    pacer.beginChunk(1); // a decode step tells nothing about chunks
    EXPECT_EQ(pacer.layersPerSubmit(), 1u);
    pacer.measured(1, 0.5);
    EXPECT_EQ(pacer.layersPerSubmit(), 120u);
    pacer.beginChunk(256);
    EXPECT_EQ(pacer.layersPerSubmit(), 12u);
}

TEST(PacerTest, ShrinksChunksThatTakeTooLongAndGrowsBack) {
    Pacer pacer(256);
    pacer.beginChunk(256);
    pacer.measured(1, 900); // a kernel compiled at its first dispatch
    pacer.measured(1, 150);
    pacer.endChunk();
    EXPECT_EQ(pacer.chunkRows(), 128u);
    for (int chunk = 0; chunk < 10; ++chunk) {
        pacer.beginChunk(pacer.chunkRows());
        pacer.measured(1, 1000);
        pacer.endChunk();
    }
    EXPECT_EQ(pacer.chunkRows(), 8u);
    pacer.beginChunk(8);
    pacer.measured(1, 2);
    pacer.endChunk();
    EXPECT_EQ(pacer.chunkRows(), 16u);
}

} // namespace
} // namespace longscope::engine
