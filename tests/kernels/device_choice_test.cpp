// The choice among made-up devices, and the seal on the pipeline cache: neither needs a driver.
#include "compute/gpu/impl.h"
#include "tests/support/errors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace longscope::gpu {

namespace {

DeviceFacts madeUp(uint32_t index, const std::string &name, DeviceType type, uint64_t gigabytes) {
    DeviceFacts facts;
    facts.index = index;
    facts.name = name;
    facts.type = type;
    facts.api_version = VK_API_VERSION_1_3;
    facts.max_workgroup_invocations = 128;
    facts.shared_memory_bytes = 16384;
    facts.push_constant_bytes = 128;
    facts.device_memory_bytes = gigabytes << 30;
    facts.has_compute_queue = true;
    facts.has_buffer_address = true;
    facts.has_subgroup_ops = true;
    return facts;
}

} // namespace

TEST(RankDevices, OrdersByTypeThenMemory) {
    const auto ranked = rankDevices({madeUp(0, "software", DeviceType::cpu, 64),
                                     madeUp(1, "small card", DeviceType::discrete, 8),
                                     madeUp(2, "laptop", DeviceType::integrated, 32),
                                     madeUp(3, "guest", DeviceType::virtual_gpu, 16),
                                     madeUp(4, "big card", DeviceType::discrete, 24)});
    std::vector<uint32_t> order;
    for (const DeviceFacts &facts : ranked)
        order.push_back(facts.index);
    EXPECT_EQ(order, (std::vector<uint32_t>{4, 1, 2, 3, 0}));
}

TEST(RankDevices, RefusesBelowTheFloorWithASentenceEach) {
    DeviceFacts poor = madeUp(0, "poor", DeviceType::discrete, 24);
    poor.push_constant_bytes = 64;
    poor.shared_memory_bytes = 8192;
    poor.max_workgroup_invocations = 64;
    poor.has_buffer_address = false;
    poor.has_compute_queue = false;
    poor.has_subgroup_ops = false;
    const auto ranked = rankDevices({poor, madeUp(1, "software", DeviceType::cpu, 1)});
    EXPECT_EQ(ranked[0].index, 1U);
    EXPECT_TRUE(ranked[0].refusals.empty());
    EXPECT_EQ(ranked[1].refusals.size(), 6U);
    for (const std::string &refusal : ranked[1].refusals)
        EXPECT_TRUE(refusal.starts_with("It ") && refusal.ends_with(".")) << refusal;
}

TEST(RankDevices, RefusesOldVulkan) {
    DeviceFacts old = madeUp(0, "old", DeviceType::discrete, 4);
    old.api_version = VK_API_VERSION_1_1;
    const auto ranked = rankDevices({old});
    ASSERT_EQ(ranked[0].refusals.size(), 1U);
    EXPECT_EQ(ranked[0].refusals[0], "It offers Vulkan 1.1; 1.3 is needed.");
}

TEST(ChooseDevice, ByRankIndexAndPartOfTheName) {
    const auto ranked = rankDevices({madeUp(0, "llvmpipe", DeviceType::cpu, 16),
                                     madeUp(1, "GeForce RTX 4090", DeviceType::discrete, 24)});
    EXPECT_EQ(chooseDevice(ranked, "").index, 1U);
    EXPECT_EQ(chooseDevice(ranked, "0").index, 0U);
    EXPECT_EQ(chooseDevice(ranked, "LLVM").index, 0U);
    EXPECT_EQ(chooseDevice(ranked, "geforce").index, 1U);
    EXPECT_EQ(chooseDevice(ranked, "4090").index, 1U);
}

TEST(ChooseDevice, SaysWhatThereIs) {
    DeviceFacts old = madeUp(0, "Old Card", DeviceType::discrete, 4);
    old.api_version = VK_API_VERSION_1_2;
    const auto ranked = rankDevices({old, madeUp(1, "Tiny", DeviceType::integrated, 1)});
    const auto message = [&](std::string_view wanted) {
        return errorOf(ErrorKind::device, [&] { chooseDevice(ranked, wanted); });
    };
    EXPECT_TRUE(holds(message("7"), "1 Tiny")) << message("7");
    EXPECT_TRUE(holds(message("old"), "1.3 is needed")) << message("old");
    EXPECT_TRUE(holds(message("0"), "cannot be used")) << message("0");
    const auto none = errorOf(ErrorKind::device, [] { chooseDevice({}, ""); });
    EXPECT_TRUE(holds(none, "no Vulkan device was found")) << none;
}

TEST(PipelineCacheFile, ReturnsWhatWasSealed) {
    Abilities abilities;
    abilities.vendor = 7;
    abilities.device = 9;
    abilities.cache_uuid.fill(3);
    VkPipelineCacheHeaderVersionOne head{};
    head.headerSize = sizeof head;
    head.headerVersion = VK_PIPELINE_CACHE_HEADER_VERSION_ONE;
    head.vendorID = 7;
    head.deviceID = 9;
    std::ranges::fill(head.pipelineCacheUUID, uint8_t{3});
    std::vector<std::byte> data(sizeof head + 100, std::byte{42});
    std::memcpy(data.data(), &head, sizeof head);
    const std::string file = sealCache(data);

    const auto kept = unsealCache(file, abilities);
    ASSERT_TRUE(kept);
    EXPECT_EQ(std::memcmp(kept->data(), data.data(), data.size()), 0);
    for (size_t bytes = 0; bytes < file.size(); bytes++)
        EXPECT_FALSE(unsealCache(std::string_view(file).substr(0, bytes), abilities)) << bytes;
    for (size_t at = 0; at < file.size(); at++) {
        std::string damaged = file;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        EXPECT_FALSE(unsealCache(damaged, abilities)) << at;
    }
    Abilities other = abilities;
    other.cache_uuid.fill(4);
    EXPECT_FALSE(unsealCache(file, other));
}

} // namespace longscope::gpu
