// Command buffers at their simplest: make, submit, wait, and one global barrier.
#include "compute/gpu/impl.h"

#include "compute/core/error.h"

namespace longscope::gpu {

Commands makeCommands(VkDevice device, uint32_t family) {
    Commands made;
    auto pool_info = chained<VkCommandPoolCreateInfo>();
    pool_info.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
    pool_info.queueFamilyIndex = family;
    VkCommandPool pool = VK_NULL_HANDLE;
    check(vkCreateCommandPool(device, &pool_info, nullptr, &pool), "vkCreateCommandPool");
    made.pool = UniqueCommandPool(pool, {device});

    auto buffer_info = chained<VkCommandBufferAllocateInfo>();
    buffer_info.commandPool = pool;
    buffer_info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    buffer_info.commandBufferCount = 1;
    check(vkAllocateCommandBuffers(device, &buffer_info, &made.buffer), "vkAllocateCommandBuffers");

    const auto fence_info = chained<VkFenceCreateInfo>();
    VkFence fence = VK_NULL_HANDLE;
    check(vkCreateFence(device, &fence_info, nullptr, &fence), "vkCreateFence");
    made.fence = UniqueFence(fence, {device});
    return made;
}

void beginCommands(VkDevice device, const Commands &commands) {
    check(vkResetCommandPool(device, commands.pool.get(), 0), "vkResetCommandPool");
    auto begin = chained<VkCommandBufferBeginInfo>();
    begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    check(vkBeginCommandBuffer(commands.buffer, &begin), "vkBeginCommandBuffer");
    // What earlier submits wrote, waited for or not, is seen by this one.
    memoryBarrier(commands.buffer, false);
}

void submitCommands(Device::Impl &device, const Commands &commands) {
    memoryBarrier(commands.buffer, true);
    check(vkEndCommandBuffer(commands.buffer), "vkEndCommandBuffer");
    auto buffer = chained<VkCommandBufferSubmitInfo>();
    buffer.commandBuffer = commands.buffer;
    auto submit = chained<VkSubmitInfo2>();
    submit.commandBufferInfoCount = 1;
    submit.pCommandBufferInfos = &buffer;
    const std::lock_guard lock(device.queue_mutex);
    check(vkQueueSubmit2(device.queue, 1, &submit, commands.fence.get()), "vkQueueSubmit2");
}

void waitCommands(Device::Impl &device, const Commands &commands) {
    const VkFence fence = commands.fence.get();
    check(vkWaitForFences(device.device.get(), 1, &fence, VK_TRUE, UINT64_MAX), "vkWaitForFences");
    check(vkResetFences(device.device.get(), 1, &fence), "vkResetFences");
}

void memoryBarrier(VkCommandBuffer commands, bool to_host) {
    constexpr VkPipelineStageFlags2 kWork =
        VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_ALL_TRANSFER_BIT;
    auto barrier = chained<VkMemoryBarrier2>();
    barrier.srcStageMask = kWork;
    barrier.srcAccessMask = VK_ACCESS_2_MEMORY_WRITE_BIT;
    barrier.dstStageMask = to_host ? VK_PIPELINE_STAGE_2_HOST_BIT : kWork;
    barrier.dstAccessMask = to_host ? VK_ACCESS_2_HOST_READ_BIT
                                    : VK_ACCESS_2_MEMORY_READ_BIT | VK_ACCESS_2_MEMORY_WRITE_BIT;
    auto dependency = chained<VkDependencyInfo>();
    dependency.memoryBarrierCount = 1;
    dependency.pMemoryBarriers = &barrier;
    vkCmdPipelineBarrier2(commands, &dependency);
}

} // namespace longscope::gpu
