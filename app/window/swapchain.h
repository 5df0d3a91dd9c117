// The images that the window system shows, and the order in which they are drawn and presented.
#pragma once

#include "app/window/renderer.h"

#include <optional>
#include <vector>

namespace longscope::window {

/// The format of the surface that we draw in; nothing when the device offers none that will do.
std::optional<VkSurfaceFormatKHR> surfaceFormat(VkPhysicalDevice physical, VkSurfaceKHR surface);

class Swapchain {
  public:
    Swapchain(const UiDevice &device, VkSurfaceKHR surface, VkSurfaceFormatKHR format);
    ~Swapchain() { device_->waitIdle(); }
    Swapchain(const Swapchain &) = delete;
    Swapchain &operator=(const Swapchain &) = delete;

    /// Makes the images anew; false when the window has no size now.
    bool rebuild(VkExtent2D wanted);
    /// Waits until the oldest frame in flight is done and an image is free. False when there is
    /// none now (size 0, or the system shows nothing of us): leave this frame out.
    bool acquire(VkExtent2D wanted);
    /// Records the frame into the acquired image; `submit` then draws and presents it.
    void record(Renderer &renderer, ImDrawData &frame);
    void submit();

  private:
    struct Image {
        VkImage image = VK_NULL_HANDLE; // owned by the swapchain
        UniqueView view;
        UniqueSemaphore drawn;
    };
    struct Frame {
        Commands commands;
        UniqueSemaphore acquired;
    };

    const UiDevice *device_;
    VkSurfaceKHR surface_;
    VkSurfaceFormatKHR format_;
    UniqueSwapchain swapchain_;
    VkExtent2D extent_{};
    std::vector<Image> images_;
    std::vector<Frame> frames_;
    size_t frame_ = 0;
    uint32_t image_ = 0;
    bool stale_ = true; ///< the images no longer fit the window
};

} // namespace longscope::window
