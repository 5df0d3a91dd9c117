// The same frames without a display: a device that draws into an image, which is read back.
#include "app/window/contexts.h"
#include "app/window/renderer.h"
#include "app/window/statistics.h"
#include "app/window/window.h"
#include "compute/core/error.h"

#include <imgui.h>
#include <imgui_internal.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace longscope::window {
namespace {

using Clock = std::chrono::steady_clock;

constexpr VkFormat kFormat = VK_FORMAT_R8G8B8A8_UNORM;

Candidate chooseDevice(VkInstance instance) {
    const auto found = candidates(instance, VK_NULL_HANDLE, {});
    if (found.empty())
        fail(ErrorKind::device, "no Vulkan device that draws was found (Vulkan 1.3 is needed)");
    return found.front();
}

/// An image to draw into, and memory that the host can read.
struct Canvas {
    Canvas(const UiDevice &device, VkExtent2D its_extent) : extent(its_extent) {
        makeImage(device);
        makeView(device);
        makeBuffer(device);
    }
    size_t bytes() const { return size_t{extent.width} * extent.height * 4; }

    VkExtent2D extent;
    UniqueImage image;
    UniqueView view;
    UniqueBuffer buffer;
    VmaAllocation memory = VK_NULL_HANDLE; ///< of the buffer
    const void *mapped = nullptr;

  private:
    void makeImage(const UiDevice &device) {
        auto info = chained<VkImageCreateInfo>();
        info.imageType = VK_IMAGE_TYPE_2D;
        info.format = kFormat;
        info.extent = {extent.width, extent.height, 1};
        info.mipLevels = 1;
        info.arrayLayers = 1;
        info.samples = VK_SAMPLE_COUNT_1_BIT;
        info.tiling = VK_IMAGE_TILING_OPTIMAL;
        info.usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;
        VmaAllocationCreateInfo place{};
        place.usage = VMA_MEMORY_USAGE_AUTO;
        VkImage made = VK_NULL_HANDLE;
        VmaAllocation allocation = VK_NULL_HANDLE;
        check(vmaCreateImage(device.allocator.get(), &info, &place, &made, &allocation, nullptr),
              "vmaCreateImage");
        image = UniqueImage(made, {device.allocator.get(), allocation});
    }
    void makeView(const UiDevice &device) {
        auto info = chained<VkImageViewCreateInfo>();
        info.image = image.get();
        info.viewType = VK_IMAGE_VIEW_TYPE_2D;
        info.format = kFormat;
        info.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
        VkImageView made = VK_NULL_HANDLE;
        check(vkCreateImageView(device.device.get(), &info, nullptr, &made), "vkCreateImageView");
        view = UniqueView(made, {device.device.get()});
    }
    void makeBuffer(const UiDevice &device) {
        auto info = chained<VkBufferCreateInfo>();
        info.size = bytes();
        info.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
        VmaAllocationCreateInfo place{};
        place.usage = VMA_MEMORY_USAGE_AUTO;
        place.flags =
            VMA_ALLOCATION_CREATE_HOST_ACCESS_RANDOM_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT;
        VkBuffer made = VK_NULL_HANDLE;
        VmaAllocationInfo facts{};
        check(vmaCreateBuffer(device.allocator.get(), &info, &place, &made, &memory, &facts),
              "vmaCreateBuffer");
        buffer = UniqueBuffer(made, {device.allocator.get(), memory});
        mapped = facts.pMappedData;
    }
};

void copyToHost(VkCommandBuffer commands, const Canvas &canvas) {
    VkBufferImageCopy region{};
    region.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    region.imageExtent = {canvas.extent.width, canvas.extent.height, 1};
    vkCmdCopyImageToBuffer(commands, canvas.image.get(), VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                           canvas.buffer.get(), 1, &region);
    auto barrier = chained<VkMemoryBarrier2>();
    barrier.srcStageMask = VK_PIPELINE_STAGE_2_COPY_BIT;
    barrier.srcAccessMask = VK_ACCESS_2_TRANSFER_WRITE_BIT;
    barrier.dstStageMask = VK_PIPELINE_STAGE_2_HOST_BIT;
    barrier.dstAccessMask = VK_ACCESS_2_HOST_READ_BIT;
    auto info = chained<VkDependencyInfo>();
    info.memoryBarrierCount = 1;
    info.pMemoryBarriers = &barrier;
    vkCmdPipelineBarrier2(commands, &info);
}

void submitAndWait(const UiDevice &device, const Commands &commands) {
    const VkFence fence = commands.fence.get();
    check(vkResetFences(device.device.get(), 1, &fence), "vkResetFences");
    auto buffer = chained<VkCommandBufferSubmitInfo>();
    buffer.commandBuffer = commands.buffer;
    auto submit = chained<VkSubmitInfo2>();
    submit.commandBufferInfoCount = 1;
    submit.pCommandBufferInfos = &buffer;
    check(vkQueueSubmit2(device.queue, 1, &submit, fence), "vkQueueSubmit2");
    check(vkWaitForFences(device.device.get(), 1, &fence, VK_TRUE,
                          std::numeric_limits<uint64_t>::max()),
          "vkWaitForFences");
}

/// The part of a picture in which an ImGui window lies.
Picture cropTo(const Picture &whole, const std::string &window_name, float scale) {
    const ImGuiWindow *window = ImGui::FindWindowByName(window_name.c_str());
    if (!window)
        fail(ErrorKind::usage, "there is no window named {}", window_name);
    const auto pixel = [&](float place) {
        return static_cast<uint32_t>(std::max(std::lround(place * scale), 0L));
    };
    return crop(whole, pixel(window->Pos.x), pixel(window->Pos.y), pixel(window->Size.x),
                pixel(window->Size.y));
}

} // namespace

struct Offscreen::Impl {
    explicit Impl(const OffscreenOptions &its_options)
        : options(its_options), instance(makeInstance({})),
          device(instance.get(), chooseDevice(instance.get()), false), commands(device),
          renderer(device, kFormat), markdown(systemFonts()) {
        ImGuiIO &io = ImGui::GetIO();
        io.BackendPlatformName = "offscreen";
        io.BackendFlags |= ImGuiBackendFlags_HasMouseCursors;
        resetFrameStatistics();
    }

    Picture capture() {
        ImDrawData &frame = *ImGui::GetDrawData();
        const auto pixels = [&](float size) {
            return static_cast<uint32_t>(std::lround(size * options.framebuffer_scale));
        };
        const VkExtent2D extent{pixels(frame.DisplaySize.x), pixels(frame.DisplaySize.y)};
        const Canvas canvas(device, extent);
        Target target;
        target.image = canvas.image.get();
        target.view = canvas.view.get();
        target.extent = extent;
        target.after = {VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, VK_PIPELINE_STAGE_2_COPY_BIT,
                        VK_ACCESS_2_TRANSFER_READ_BIT};
        commands.begin(device.device.get());
        renderer.record(commands.buffer, frame, target);
        copyToHost(commands.buffer, canvas);
        check(vkEndCommandBuffer(commands.buffer), "vkEndCommandBuffer");
        submitAndWait(device, commands);
        check(vmaInvalidateAllocation(device.allocator.get(), canvas.memory, 0, VK_WHOLE_SIZE),
              "vmaInvalidateAllocation");
        Picture picture{extent.width, extent.height, std::vector<uint8_t>(canvas.bytes())};
        std::memcpy(picture.rgba.data(), canvas.mapped, picture.rgba.size());
        return picture;
    }

    OffscreenOptions options;
    Instance instance;
    UiDevice device;
    Commands commands;
    Contexts contexts;
    Renderer renderer;
    Markdown markdown;
    Clock::time_point began;
};

Offscreen::Offscreen(const OffscreenOptions &options) : impl_(std::make_unique<Impl>(options)) {}
Offscreen::~Offscreen() = default;

void Offscreen::beginFrame() {
    impl_->began = Clock::now();
    ImGuiIO &io = ImGui::GetIO();
    io.DisplaySize = {static_cast<float>(impl_->options.width),
                      static_cast<float>(impl_->options.height)};
    io.DisplayFramebufferScale = {impl_->options.framebuffer_scale,
                                  impl_->options.framebuffer_scale};
    io.DeltaTime = 1.0F / 60;
    impl_->renderer.newFrame();
    ImGui::NewFrame();
}

void Offscreen::endFrame() {
    ImGui::Render();
    impl_->renderer.updateTextures(*ImGui::GetDrawData());
    frameTimes().add(std::chrono::duration<double, std::milli>(Clock::now() - impl_->began).count(),
                     0);
}

void Offscreen::frame(const std::function<void()> &draw) {
    beginFrame();
    draw();
    endFrame();
}

Picture Offscreen::capture(const std::string &window_name) {
    const Picture whole = impl_->capture();
    if (window_name.empty())
        return whole;
    return cropTo(whole, window_name, impl_->options.framebuffer_scale);
}

void Offscreen::resize(int width, int height) {
    impl_->options.width = width;
    impl_->options.height = height;
}

} // namespace longscope::window
