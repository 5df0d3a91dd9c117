// Asks a physical device what it is and what it can do.
#include "compute/gpu/impl.h"

#include <algorithm>
#include <cstring>

namespace longscope::gpu {

namespace {

constexpr VkMemoryPropertyFlags kLocalAndVisible =
    VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;

DeviceType typeOf(VkPhysicalDeviceType type) {
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return DeviceType::discrete;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return DeviceType::integrated;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return DeviceType::virtual_gpu;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return DeviceType::cpu;
    default:
        return DeviceType::other;
    }
}

bool hasExtension(VkPhysicalDevice physical, const char *name) {
    uint32_t count = 0;
    if (vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, nullptr) != VK_SUCCESS)
        return false;
    std::vector<VkExtensionProperties> offered(count);
    if (vkEnumerateDeviceExtensionProperties(physical, nullptr, &count, offered.data()) <
        VK_SUCCESS)
        return false;
    offered.resize(count);
    return std::ranges::any_of(
        offered, [&](const auto &entry) { return !std::strcmp(entry.extensionName, name); });
}

std::vector<VkQueueFamilyProperties> queueFamilies(VkPhysicalDevice physical) {
    uint32_t count = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
    families.resize(count);
    return families;
}

bool deviceLocal(const VkMemoryHeap &heap) {
    return heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
}

/// Integrated and software devices whose own memory the host can reach. A discrete card with a
/// large window (resizable BAR) is not meant: reading through that is slow.
bool isUnified(DeviceType type, const VkPhysicalDeviceMemoryProperties &memory) {
    if (type != DeviceType::integrated && type != DeviceType::cpu)
        return false;
    return std::any_of(memory.memoryTypes, memory.memoryTypes + memory.memoryTypeCount,
                       [](const auto &kind) {
                           return (kind.propertyFlags & kLocalAndVisible) == kLocalAndVisible;
                       });
}

void readMemory(VkPhysicalDevice physical, DeviceFacts &facts) {
    VkPhysicalDeviceMemoryProperties memory{};
    vkGetPhysicalDeviceMemoryProperties(physical, &memory);
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++)
        if (deviceLocal(memory.memoryHeaps[i]))
            facts.device_memory_bytes += memory.memoryHeaps[i].size;
    facts.unified_memory = isUnified(facts.type, memory);
    facts.free_memory_bytes = freeMemoryBytes(physical);
}

void readLimits(const VkPhysicalDeviceProperties &properties, DeviceFacts &facts) {
    const VkPhysicalDeviceLimits &limits = properties.limits;
    facts.name = properties.deviceName;
    facts.type = typeOf(properties.deviceType);
    facts.api_version = properties.apiVersion;
    facts.max_workgroup_invocations =
        std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]);
    facts.shared_memory_bytes = limits.maxComputeSharedMemorySize;
    facts.push_constant_bytes = limits.maxPushConstantsSize;
    facts.max_storage_range_bytes = limits.maxStorageBufferRange;
}

void readVersion13(VkPhysicalDevice physical, DeviceFacts &facts) {
    auto v13 = chained<VkPhysicalDeviceVulkan13Properties>();
    auto v12 = chained<VkPhysicalDeviceVulkan12Properties>(&v13);
    auto v11 = chained<VkPhysicalDeviceVulkan11Properties>(&v12);
    auto properties = chained<VkPhysicalDeviceProperties2>(&v11);
    vkGetPhysicalDeviceProperties2(physical, &properties);
    constexpr VkSubgroupFeatureFlags kNeeded =
        VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_ARITHMETIC_BIT |
        VK_SUBGROUP_FEATURE_BALLOT_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
    facts.driver = v12.driverName;
    facts.driver_info = v12.driverInfo;
    facts.is_llvmpipe = v12.driverID == VK_DRIVER_ID_MESA_LLVMPIPE;
    facts.subgroup_size = v11.subgroupSize;
    facts.has_subgroup_ops = (v11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
                             (v11.subgroupSupportedOperations & kNeeded) == kNeeded;
    facts.max_buffer_bytes = v13.maxBufferSize;
    facts.max_allocation_bytes = v11.maxMemoryAllocationSize;

    auto f12 = chained<VkPhysicalDeviceVulkan12Features>();
    auto features = chained<VkPhysicalDeviceFeatures2>(&f12);
    vkGetPhysicalDeviceFeatures2(physical, &features);
    facts.has_buffer_address = f12.bufferDeviceAddress;
    facts.has_int64 = features.features.shaderInt64;
}

} // namespace

uint64_t freeMemoryBytes(VkPhysicalDevice physical) {
    const bool budgeted = hasExtension(physical, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
    auto budget = chained<VkPhysicalDeviceMemoryBudgetPropertiesEXT>();
    auto memory = chained<VkPhysicalDeviceMemoryProperties2>();
    if (budgeted) {
        memory.pNext = &budget;
        vkGetPhysicalDeviceMemoryProperties2(physical, &memory);
    } else {
        vkGetPhysicalDeviceMemoryProperties(physical, &memory.memoryProperties);
    }
    uint64_t free_bytes = 0;
    for (uint32_t i = 0; i < memory.memoryProperties.memoryHeapCount; i++) {
        const VkMemoryHeap &heap = memory.memoryProperties.memoryHeaps[i];
        if (!deviceLocal(heap))
            continue;
        if (!budgeted) {
            free_bytes += heap.size;
            continue;
        }
        const uint64_t allowed = std::min(budget.heapBudget[i], heap.size);
        free_bytes += allowed - std::min(allowed, budget.heapUsage[i]);
    }
    return free_bytes;
}

std::optional<uint32_t> computeFamily(VkPhysicalDevice physical) {
    const auto families = queueFamilies(physical);
    std::optional<uint32_t> found;
    for (uint32_t i = 0; i < families.size(); i++) {
        const VkQueueFlags flags = families[i].queueFlags;
        if (!(flags & VK_QUEUE_COMPUTE_BIT) || families[i].queueCount == 0)
            continue;
        // A queue without graphics does not wait behind the desktop's own drawing.
        if (!(flags & VK_QUEUE_GRAPHICS_BIT))
            return i;
        if (!found)
            found = i;
    }
    return found;
}

DeviceFacts factsOf(VkPhysicalDevice physical, uint32_t index) {
    DeviceFacts facts;
    facts.index = index;
    VkPhysicalDeviceProperties properties{};
    vkGetPhysicalDeviceProperties(physical, &properties);
    readLimits(properties, facts);
    readMemory(physical, facts);
    if (const auto family = computeFamily(physical)) {
        facts.has_compute_queue = true;
        if (queueFamilies(physical)[*family].timestampValidBits > 0)
            facts.timestamp_period_ns = properties.limits.timestampPeriod;
    }
    if (facts.api_version >= VK_API_VERSION_1_3)
        readVersion13(physical, facts);
    return facts;
}

Abilities abilitiesOf(VkPhysicalDevice physical, uint32_t family) {
    auto f13 = chained<VkPhysicalDeviceVulkan13Features>();
    auto f12 = chained<VkPhysicalDeviceVulkan12Features>(&f13);
    auto f11 = chained<VkPhysicalDeviceVulkan11Features>(&f12);
    auto features = chained<VkPhysicalDeviceFeatures2>(&f11);
    vkGetPhysicalDeviceFeatures2(physical, &features);
    auto v13 = chained<VkPhysicalDeviceVulkan13Properties>();
    auto properties = chained<VkPhysicalDeviceProperties2>(&v13);
    vkGetPhysicalDeviceProperties2(physical, &properties);
    VkPhysicalDeviceMemoryProperties memory{};
    vkGetPhysicalDeviceMemoryProperties(physical, &memory);

    Abilities abilities;
    abilities.int64 = features.features.shaderInt64;
    abilities.int16 = features.features.shaderInt16;
    abilities.int8 = f12.shaderInt8;
    abilities.float16 = f12.shaderFloat16;
    abilities.storage16 = f11.storageBuffer16BitAccess;
    abilities.storage8 = f12.storageBuffer8BitAccess;
    abilities.integer_dot = f13.shaderIntegerDotProduct;
    abilities.memory_budget = hasExtension(physical, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
    abilities.min_subgroup_size = v13.minSubgroupSize;
    abilities.max_subgroup_size = v13.maxSubgroupSize;
    abilities.required_subgroup_size =
        f13.subgroupSizeControl && f13.computeFullSubgroups &&
        (v13.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT);
    abilities.timestamp_bits = queueFamilies(physical)[family].timestampValidBits;
    std::copy_n(properties.properties.limits.maxComputeWorkGroupCount, 3,
                abilities.max_groups.begin());
    std::copy_n(properties.properties.pipelineCacheUUID, VK_UUID_SIZE,
                abilities.cache_uuid.begin());
    abilities.vendor = properties.properties.vendorID;
    abilities.device = properties.properties.deviceID;
    for (uint32_t i = 0; i < memory.memoryTypeCount; i++) {
        const VkMemoryPropertyFlags flags = memory.memoryTypes[i].propertyFlags;
        abilities.non_coherent |= (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) &&
                                  !(flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
    }
    return abilities;
}

} // namespace longscope::gpu
