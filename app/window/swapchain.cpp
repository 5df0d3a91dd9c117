#include "app/window/swapchain.h"

#include <imgui.h>

#include <algorithm>
#include <limits>

namespace longscope::window {
namespace {

/// A window that nobody sees may get no image for long; input must be read meanwhile.
constexpr uint64_t kAcquireNanoseconds = 100'000'000;

UniqueSemaphore makeSemaphore(VkDevice device) {
    const auto info = chained<VkSemaphoreCreateInfo>();
    VkSemaphore semaphore = VK_NULL_HANDLE;
    check(vkCreateSemaphore(device, &info, nullptr, &semaphore), "vkCreateSemaphore");
    return UniqueSemaphore(semaphore, {device});
}

UniqueView makeView(VkDevice device, VkImage image, VkFormat format) {
    auto info = chained<VkImageViewCreateInfo>();
    info.image = image;
    info.viewType = VK_IMAGE_VIEW_TYPE_2D;
    info.format = format;
    info.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    VkImageView view = VK_NULL_HANDLE;
    check(vkCreateImageView(device, &info, nullptr, &view), "vkCreateImageView");
    return UniqueView(view, {device});
}

VkExtent2D extentFor(const VkSurfaceCapabilitiesKHR &can, VkExtent2D wanted) {
    if (can.currentExtent.width != std::numeric_limits<uint32_t>::max())
        return can.currentExtent;
    return {std::clamp(wanted.width, can.minImageExtent.width, can.maxImageExtent.width),
            std::clamp(wanted.height, can.minImageExtent.height, can.maxImageExtent.height)};
}

VkCompositeAlphaFlagBitsKHR alphaFor(const VkSurfaceCapabilitiesKHR &can) {
    for (const auto bit : {VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR, VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR})
        if (can.supportedCompositeAlpha & bit)
            return bit;
    return VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR;
}

VkSemaphoreSubmitInfo at(VkSemaphore semaphore, VkPipelineStageFlags2 stage) {
    auto info = chained<VkSemaphoreSubmitInfo>();
    info.semaphore = semaphore;
    info.stageMask = stage;
    return info;
}

} // namespace

std::optional<VkSurfaceFormatKHR> surfaceFormat(VkPhysicalDevice physical, VkSurfaceKHR surface) {
    uint32_t count = 0;
    if (vkGetPhysicalDeviceSurfaceFormatsKHR(physical, surface, &count, nullptr) < 0)
        return std::nullopt;
    std::vector<VkSurfaceFormatKHR> formats(count);
    if (vkGetPhysicalDeviceSurfaceFormatsKHR(physical, surface, &count, formats.data()) < 0)
        return std::nullopt;
    // Colours are given as they are shown, so no format that converts them.
    for (const VkFormat wanted :
         {VK_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_A2B10G10R10_UNORM_PACK32})
        for (const VkSurfaceFormatKHR &format : formats)
            if (format.format == wanted && format.colorSpace == VK_COLOR_SPACE_SRGB_NONLINEAR_KHR)
                return format;
    return std::nullopt;
}

Swapchain::Swapchain(const UiDevice &device, VkSurfaceKHR surface, VkSurfaceFormatKHR format)
    : device_(&device), surface_(surface), format_(format) {
    for (uint32_t i = 0; i < kFramesInFlight; ++i)
        frames_.push_back({Commands(device), makeSemaphore(device.device.get())});
}

bool Swapchain::rebuild(VkExtent2D wanted) {
    device_->waitIdle();
    VkSurfaceCapabilitiesKHR can{};
    check(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(device_->chosen.physical, surface_, &can),
          "vkGetPhysicalDeviceSurfaceCapabilitiesKHR");
    extent_ = extentFor(can, wanted);
    if (extent_.width == 0 || extent_.height == 0)
        return false;
    auto info = chained<VkSwapchainCreateInfoKHR>();
    info.surface = surface_;
    info.minImageCount = can.minImageCount + 1;
    if (can.maxImageCount > 0)
        info.minImageCount = std::min(info.minImageCount, can.maxImageCount);
    info.imageFormat = format_.format;
    info.imageColorSpace = format_.colorSpace;
    info.imageExtent = extent_;
    info.imageArrayLayers = 1;
    info.imageUsage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT;
    info.imageSharingMode = VK_SHARING_MODE_EXCLUSIVE;
    info.preTransform = can.currentTransform;
    info.compositeAlpha = alphaFor(can);
    info.presentMode = VK_PRESENT_MODE_FIFO_KHR; // everywhere there, and never torn
    info.clipped = VK_TRUE;
    info.oldSwapchain = swapchain_.get();
    const VkDevice device = device_->device.get();
    VkSwapchainKHR made = VK_NULL_HANDLE;
    check(vkCreateSwapchainKHR(device, &info, nullptr, &made), "vkCreateSwapchainKHR");
    images_.clear();
    swapchain_ = UniqueSwapchain(made, {device});

    uint32_t count = 0;
    check(vkGetSwapchainImagesKHR(device, made, &count, nullptr), "vkGetSwapchainImagesKHR");
    std::vector<VkImage> images(count);
    check(vkGetSwapchainImagesKHR(device, made, &count, images.data()), "vkGetSwapchainImagesKHR");
    for (const VkImage image : images)
        images_.push_back({image, makeView(device, image, format_.format), makeSemaphore(device)});
    stale_ = false;
    return true;
}

bool Swapchain::acquire(VkExtent2D wanted) {
    if (wanted.width == 0 || wanted.height == 0)
        return false;
    const VkDevice device = device_->device.get();
    const Frame &frame = frames_[frame_];
    const VkFence fence = frame.commands.fence.get();
    check(vkWaitForFences(device, 1, &fence, VK_TRUE, std::numeric_limits<uint64_t>::max()),
          "vkWaitForFences");
    if (stale_ || wanted.width != extent_.width || wanted.height != extent_.height)
        if (!rebuild(wanted))
            return false;
    const VkResult result = vkAcquireNextImageKHR(device, swapchain_.get(), kAcquireNanoseconds,
                                                  frame.acquired.get(), VK_NULL_HANDLE, &image_);
    if (result == VK_ERROR_OUT_OF_DATE_KHR) {
        stale_ = true;
        return false;
    }
    check(result, "vkAcquireNextImageKHR");
    if (result == VK_TIMEOUT || result == VK_NOT_READY)
        return false;
    stale_ = result == VK_SUBOPTIMAL_KHR; // this image can be shown; the next ones fit better
    return true;
}

void Swapchain::record(Renderer &renderer, ImDrawData &frame) {
    Commands &commands = frames_[frame_].commands;
    commands.begin(device_->device.get());
    Target target;
    target.image = images_[image_].image;
    target.view = images_[image_].view.get();
    target.extent = extent_;
    // The stage is that of the wait in `submit`, so that the two are one chain.
    target.before.stage = VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT;
    target.after.layout = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR;
    // The window may have changed its size since the frame was laid out: cut it, never stretch it.
    frame.DisplaySize = {static_cast<float>(extent_.width) / frame.FramebufferScale.x,
                         static_cast<float>(extent_.height) / frame.FramebufferScale.y};
    renderer.record(commands.buffer, frame, target);
    check(vkEndCommandBuffer(commands.buffer), "vkEndCommandBuffer");
}

void Swapchain::submit() {
    const Frame &frame = frames_[frame_];
    const VkSemaphore drawn = images_[image_].drawn.get();
    const VkFence fence = frame.commands.fence.get();
    check(vkResetFences(device_->device.get(), 1, &fence), "vkResetFences");
    const auto wait = at(frame.acquired.get(), VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT);
    const auto signal = at(drawn, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT);
    auto buffer = chained<VkCommandBufferSubmitInfo>();
    buffer.commandBuffer = frame.commands.buffer;
    auto submit = chained<VkSubmitInfo2>();
    submit.waitSemaphoreInfoCount = 1;
    submit.pWaitSemaphoreInfos = &wait;
    submit.commandBufferInfoCount = 1;
    submit.pCommandBufferInfos = &buffer;
    submit.signalSemaphoreInfoCount = 1;
    submit.pSignalSemaphoreInfos = &signal;
    check(vkQueueSubmit2(device_->queue, 1, &submit, fence), "vkQueueSubmit2");

    const VkSwapchainKHR swapchain = swapchain_.get();
    auto present = chained<VkPresentInfoKHR>();
    present.waitSemaphoreCount = 1;
    present.pWaitSemaphores = &drawn;
    present.swapchainCount = 1;
    present.pSwapchains = &swapchain;
    present.pImageIndices = &image_;
    const VkResult result = vkQueuePresentKHR(device_->queue, &present);
    if (result == VK_ERROR_OUT_OF_DATE_KHR || result == VK_SUBOPTIMAL_KHR)
        stale_ = true;
    else
        check(result, "vkQueuePresentKHR");
    frame_ = (frame_ + 1) % frames_.size();
}

} // namespace longscope::window
