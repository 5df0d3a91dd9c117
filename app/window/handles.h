// Owned Vulkan handles of the presenter and the one check of results. For app/window alone.
#pragma once

#include "compute/gpu/chained.h"
#include "compute/gpu/unique.h"

#include <vulkan/vulkan.h>

#include <vk_mem_alloc.h>

namespace longscope::gpu {

#define LONGSCOPE_TYPE(Struct, NAME)                                                               \
    template <> struct TypeOf<Struct> {                                                            \
        static constexpr VkStructureType value = VK_STRUCTURE_TYPE_##NAME;                         \
    }
LONGSCOPE_TYPE(VkImageCreateInfo, IMAGE_CREATE_INFO);
LONGSCOPE_TYPE(VkImageMemoryBarrier2, IMAGE_MEMORY_BARRIER_2);
LONGSCOPE_TYPE(VkImageViewCreateInfo, IMAGE_VIEW_CREATE_INFO);
LONGSCOPE_TYPE(VkPipelineRenderingCreateInfo, PIPELINE_RENDERING_CREATE_INFO);
LONGSCOPE_TYPE(VkPresentInfoKHR, PRESENT_INFO_KHR);
LONGSCOPE_TYPE(VkRenderingAttachmentInfo, RENDERING_ATTACHMENT_INFO);
LONGSCOPE_TYPE(VkRenderingInfo, RENDERING_INFO);
LONGSCOPE_TYPE(VkSemaphoreCreateInfo, SEMAPHORE_CREATE_INFO);
LONGSCOPE_TYPE(VkSemaphoreSubmitInfo, SEMAPHORE_SUBMIT_INFO);
LONGSCOPE_TYPE(VkSwapchainCreateInfoKHR, SWAPCHAIN_CREATE_INFO_KHR);
#undef LONGSCOPE_TYPE

} // namespace longscope::gpu

namespace longscope::window {

using gpu::chained;
using gpu::Unique;

/// Throws Error(device) that names the call, unless the result is success (or a positive note).
void check(VkResult result, const char *call);

struct DestroyInstance {
    void operator()(VkInstance instance) const { vkDestroyInstance(instance, nullptr); }
};
struct DestroyDevice {
    void operator()(VkDevice device) const { vkDestroyDevice(device, nullptr); }
};
struct DestroyAllocator {
    void operator()(VmaAllocator allocator) const { vmaDestroyAllocator(allocator); }
};
/// Of an instance or a device.
template <class Parent, auto Destroy> struct DestroyChild {
    Parent parent = VK_NULL_HANDLE;
    template <class Handle> void operator()(Handle handle) const {
        Destroy(parent, handle, nullptr);
    }
};
template <auto Destroy> using DestroyOfDevice = DestroyChild<VkDevice, Destroy>;
struct DestroyMessenger {
    VkInstance instance = VK_NULL_HANDLE;
    void operator()(VkDebugUtilsMessengerEXT messenger) const;
};
struct DestroyImage {
    VmaAllocator allocator = VK_NULL_HANDLE;
    VmaAllocation allocation = VK_NULL_HANDLE;
    void operator()(VkImage image) const { vmaDestroyImage(allocator, image, allocation); }
};
struct DestroyBuffer {
    VmaAllocator allocator = VK_NULL_HANDLE;
    VmaAllocation allocation = VK_NULL_HANDLE;
    void operator()(VkBuffer buffer) const { vmaDestroyBuffer(allocator, buffer, allocation); }
};

using UniqueInstance = Unique<VkInstance, DestroyInstance>;
using UniqueMessenger = Unique<VkDebugUtilsMessengerEXT, DestroyMessenger>;
using UniqueSurface = Unique<VkSurfaceKHR, DestroyChild<VkInstance, vkDestroySurfaceKHR>>;
using UniqueDevice = Unique<VkDevice, DestroyDevice>;
using UniqueAllocator = Unique<VmaAllocator, DestroyAllocator>;
using UniqueImage = Unique<VkImage, DestroyImage>;
using UniqueBuffer = Unique<VkBuffer, DestroyBuffer>;
using UniqueView = Unique<VkImageView, DestroyOfDevice<vkDestroyImageView>>;
using UniqueSwapchain = Unique<VkSwapchainKHR, DestroyOfDevice<vkDestroySwapchainKHR>>;
using UniqueSemaphore = Unique<VkSemaphore, DestroyOfDevice<vkDestroySemaphore>>;
using UniqueFence = Unique<VkFence, DestroyOfDevice<vkDestroyFence>>;
using UniqueCommandPool = Unique<VkCommandPool, DestroyOfDevice<vkDestroyCommandPool>>;

} // namespace longscope::window
