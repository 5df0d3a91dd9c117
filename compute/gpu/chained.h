// Vulkan's structures name their own type in their first member; here the C++ type says it, so that
// the two cannot differ.
#pragma once

#include <vulkan/vulkan.h>

namespace longscope::gpu {

template <class Struct> struct TypeOf;
#define LONGSCOPE_TYPE(Struct, NAME)                                                               \
    template <> struct TypeOf<Struct> {                                                            \
        static constexpr VkStructureType value = VK_STRUCTURE_TYPE_##NAME;                         \
    }
LONGSCOPE_TYPE(VkApplicationInfo, APPLICATION_INFO);
LONGSCOPE_TYPE(VkBufferCreateInfo, BUFFER_CREATE_INFO);
LONGSCOPE_TYPE(VkBufferDeviceAddressInfo, BUFFER_DEVICE_ADDRESS_INFO);
LONGSCOPE_TYPE(VkCommandBufferAllocateInfo, COMMAND_BUFFER_ALLOCATE_INFO);
LONGSCOPE_TYPE(VkCommandBufferBeginInfo, COMMAND_BUFFER_BEGIN_INFO);
LONGSCOPE_TYPE(VkCommandBufferSubmitInfo, COMMAND_BUFFER_SUBMIT_INFO);
LONGSCOPE_TYPE(VkCommandPoolCreateInfo, COMMAND_POOL_CREATE_INFO);
LONGSCOPE_TYPE(VkComputePipelineCreateInfo, COMPUTE_PIPELINE_CREATE_INFO);
LONGSCOPE_TYPE(VkDebugUtilsMessengerCreateInfoEXT, DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT);
LONGSCOPE_TYPE(VkDependencyInfo, DEPENDENCY_INFO);
LONGSCOPE_TYPE(VkDeviceCreateInfo, DEVICE_CREATE_INFO);
LONGSCOPE_TYPE(VkDeviceQueueCreateInfo, DEVICE_QUEUE_CREATE_INFO);
LONGSCOPE_TYPE(VkFenceCreateInfo, FENCE_CREATE_INFO);
LONGSCOPE_TYPE(VkInstanceCreateInfo, INSTANCE_CREATE_INFO);
LONGSCOPE_TYPE(VkLayerSettingsCreateInfoEXT, LAYER_SETTINGS_CREATE_INFO_EXT);
LONGSCOPE_TYPE(VkMemoryBarrier2, MEMORY_BARRIER_2);
LONGSCOPE_TYPE(VkPhysicalDeviceFeatures2, PHYSICAL_DEVICE_FEATURES_2);
LONGSCOPE_TYPE(VkPhysicalDeviceMemoryBudgetPropertiesEXT,
               PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
LONGSCOPE_TYPE(VkPhysicalDeviceMemoryProperties2, PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
LONGSCOPE_TYPE(VkPhysicalDeviceProperties2, PHYSICAL_DEVICE_PROPERTIES_2);
LONGSCOPE_TYPE(VkPhysicalDeviceVulkan11Features, PHYSICAL_DEVICE_VULKAN_1_1_FEATURES);
LONGSCOPE_TYPE(VkPhysicalDeviceVulkan11Properties, PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES);
LONGSCOPE_TYPE(VkPhysicalDeviceVulkan12Features, PHYSICAL_DEVICE_VULKAN_1_2_FEATURES);
LONGSCOPE_TYPE(VkPhysicalDeviceVulkan12Properties, PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES);
LONGSCOPE_TYPE(VkPhysicalDeviceVulkan13Features, PHYSICAL_DEVICE_VULKAN_1_3_FEATURES);
LONGSCOPE_TYPE(VkPhysicalDeviceVulkan13Properties, PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES);
LONGSCOPE_TYPE(VkPipelineCacheCreateInfo, PIPELINE_CACHE_CREATE_INFO);
LONGSCOPE_TYPE(VkPipelineLayoutCreateInfo, PIPELINE_LAYOUT_CREATE_INFO);
LONGSCOPE_TYPE(VkPipelineShaderStageRequiredSubgroupSizeCreateInfo,
               PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO);
LONGSCOPE_TYPE(VkQueryPoolCreateInfo, QUERY_POOL_CREATE_INFO);
LONGSCOPE_TYPE(VkShaderModuleCreateInfo, SHADER_MODULE_CREATE_INFO);
LONGSCOPE_TYPE(VkSubmitInfo2, SUBMIT_INFO_2);
#undef LONGSCOPE_TYPE

/// A structure with its type set and all else zero, with `next` chained behind it.
template <class Struct> Struct chained(void *next = nullptr) {
    Struct made{};
    made.sType = TypeOf<Struct>::value;
    made.pNext = next;
    return made;
}

} // namespace longscope::gpu
