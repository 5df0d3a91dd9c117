// The presenter's Vulkan: an instance and a device that share nothing with the engine's, even on
// the same hardware. On a shared queue a frame would wait for every dispatch before it.
#pragma once

#include "app/window/handles.h"

#include <span>
#include <string>
#include <vector>

namespace longscope::window {

struct Instance {
    UniqueInstance instance;
    UniqueMessenger messenger; ///< with LONGSCOPE_VALIDATION=1 and the layer installed
    VkInstance get() const { return instance.get(); }
};
/// `extensions`: what the window system wants. Throws Error(device) without a driver.
Instance makeInstance(std::span<const char *const> extensions);

/// A device that can draw, and present on the surface if there is one.
struct Candidate {
    VkPhysicalDevice physical = VK_NULL_HANDLE;
    uint32_t family = 0;
    std::string name;
    bool software = false;
};
/// Best first: real hardware that does not compute, then any real hardware, then software.
/// `surface` may be null.
std::vector<Candidate> candidates(VkInstance instance, VkSurfaceKHR surface,
                                  const std::string &computing_device);

/// A device with one queue for drawing, and for presenting with `presents`.
struct UiDevice {
    UiDevice(VkInstance instance, const Candidate &chosen, bool presents);
    void waitIdle() const { vkDeviceWaitIdle(device.get()); }

    VkInstance instance = VK_NULL_HANDLE;
    Candidate chosen;
    UniqueDevice device;
    VkQueue queue = VK_NULL_HANDLE;
    UniqueAllocator allocator;
};

/// A command buffer with its pool and fence; the fence starts signalled.
struct Commands {
    explicit Commands(const UiDevice &device);
    void begin(VkDevice device);
    UniqueCommandPool pool;
    VkCommandBuffer buffer = VK_NULL_HANDLE; // freed with the pool
    UniqueFence fence;
};

/// Moves an image from one use to the next.
struct ImageUse {
    VkImageLayout layout = VK_IMAGE_LAYOUT_UNDEFINED;
    VkPipelineStageFlags2 stage = VK_PIPELINE_STAGE_2_NONE;
    VkAccessFlags2 access = VK_ACCESS_2_NONE;
};
void changeUse(VkCommandBuffer commands, VkImage image, const ImageUse &from, const ImageUse &to);

} // namespace longscope::window
