#include "app/window/renderer.h"

#include <imgui.h>
#include <imgui_impl_vulkan.h>

namespace longscope::window {
namespace {

/// Heat maps and thumbnails are textures of their own; one pool holds them all.
constexpr uint32_t kTextures = 2048;

} // namespace

Renderer::Renderer(const UiDevice &device, VkFormat format) : device_(&device), format_(format) {
    ImGui_ImplVulkan_InitInfo info{};
    info.ApiVersion = VK_API_VERSION_1_3;
    info.Instance = device.instance;
    info.PhysicalDevice = device.chosen.physical;
    info.Device = device.device.get();
    info.QueueFamily = device.chosen.family;
    info.Queue = device.queue;
    info.DescriptorPoolSize = kTextures;
    info.MinImageCount = kFramesInFlight;
    info.ImageCount = kFramesInFlight; // of our frames, not of the swapchain's images
    info.MinAllocationSize = 1 << 20;
    info.UseDynamicRendering = true;
    auto rendering = chained<VkPipelineRenderingCreateInfo>();
    rendering.colorAttachmentCount = 1;
    rendering.pColorAttachmentFormats = &format_;
    info.PipelineInfoMain.PipelineRenderingCreateInfo = rendering;
    info.CheckVkResultFn = [](VkResult result) { check(result, "a call of the drawing backend"); };
    ImGui_ImplVulkan_Init(&info);
}

Renderer::~Renderer() {
    device_->waitIdle();
    ImGui_ImplVulkan_Shutdown();
}

void Renderer::newFrame() {
    ImGui_ImplVulkan_NewFrame();
}

void Renderer::updateTextures(ImDrawData &frame) {
    if (!frame.Textures)
        return;
    for (ImTextureData *texture : *frame.Textures)
        if (texture->Status != ImTextureStatus_OK)
            ImGui_ImplVulkan_UpdateTexture(texture);
}

void Renderer::record(VkCommandBuffer commands, ImDrawData &frame, const Target &target) {
    updateTextures(frame); // its own submissions: before anything of ours
    const ImageUse drawing{
        VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL, VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT,
        VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT | VK_ACCESS_2_COLOR_ATTACHMENT_READ_BIT};
    changeUse(commands, target.image, target.before, drawing);
    const ImVec4 ground = ImGui::GetStyle().Colors[ImGuiCol_TitleBg];
    auto attachment = chained<VkRenderingAttachmentInfo>();
    attachment.imageView = target.view;
    attachment.imageLayout = drawing.layout;
    attachment.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
    attachment.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    attachment.clearValue.color = {{ground.x, ground.y, ground.z, 1}};
    auto rendering = chained<VkRenderingInfo>();
    rendering.renderArea.extent = target.extent;
    rendering.layerCount = 1;
    rendering.colorAttachmentCount = 1;
    rendering.pColorAttachments = &attachment;
    vkCmdBeginRendering(commands, &rendering);
    ImGui_ImplVulkan_RenderDrawData(&frame, commands);
    vkCmdEndRendering(commands);
    changeUse(commands, target.image, drawing, target.after);
}

} // namespace longscope::window
