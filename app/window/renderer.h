// Dear ImGui's Vulkan backend as an object, and the drawing of one frame into an image.
#pragma once

#include "app/window/ui_device.h"

struct ImDrawData;

namespace longscope::window {

/// Where a frame goes.
struct Target {
    VkImage image = VK_NULL_HANDLE;
    VkImageView view = VK_NULL_HANDLE;
    VkExtent2D extent{};
    ImageUse before, after; ///< what the image was, and is to be, used for
};

class Renderer {
  public:
    Renderer(const UiDevice &device, VkFormat format);
    ~Renderer();
    Renderer(const Renderer &) = delete;
    Renderer &operator=(const Renderer &) = delete;

    void newFrame();
    /// Brings textures to the device that the frame made or changed, when nothing is recorded.
    void updateTextures(ImDrawData &frame);
    /// Records the frame, and updates textures (which waits for the queue, that is ours alone).
    void record(VkCommandBuffer commands, ImDrawData &frame, const Target &target);

  private:
    const UiDevice *device_;
    VkFormat format_;
};

/// Frames that the device may still be busy with while the next one is made.
constexpr uint32_t kFramesInFlight = 2;

} // namespace longscope::window
