// Buffers and the ways of bytes into and out of them.
#include "compute/gpu/impl.h"

#include "compute/core/error.h"
#include "compute/core/text.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace longscope::gpu {

namespace {

// A software device still executes a load on the pass that leaves the loop, and 16-byte loads may
// run over the end of an odd row, as attention does when it touches a row in lines; so every buffer
// has this much behind its end.
constexpr uint64_t kSpareBytes = 512;
constexpr uint64_t kAlignmentBytes = 256;
constexpr uint64_t kStagingBytes = kMostRangeBytes;

VmaAllocationCreateInfo allocationInfo(Memory memory, const DeviceFacts &facts) {
    VmaAllocationCreateInfo info{};
    info.flags = VMA_ALLOCATION_CREATE_WITHIN_BUDGET_BIT;
    info.usage = VMA_MEMORY_USAGE_AUTO_PREFER_HOST;
    switch (memory) {
    case Memory::device:
        info.usage = VMA_MEMORY_USAGE_AUTO_PREFER_DEVICE;
        if (facts.unified_memory)
            info.flags |=
                VMA_ALLOCATION_CREATE_HOST_ACCESS_RANDOM_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT;
        else // rather refuse than let weights slip silently into host memory
            info.requiredFlags = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
        break;
    case Memory::host:
    case Memory::upload:
        info.flags |= VMA_ALLOCATION_CREATE_HOST_ACCESS_SEQUENTIAL_WRITE_BIT |
                      VMA_ALLOCATION_CREATE_MAPPED_BIT;
        break;
    case Memory::readback:
        info.flags |=
            VMA_ALLOCATION_CREATE_HOST_ACCESS_RANDOM_BIT | VMA_ALLOCATION_CREATE_MAPPED_BIT;
        break;
    }
    return info;
}

[[noreturn]] void refuse(const Device::Impl &device, std::string_view part, uint64_t bytes,
                         std::string_view why) {
    fail(ErrorKind::memory, "'{}' needs {} ({} bytes), which does not fit on {}: {}; {} are free",
         part, formatBytes(bytes), bytes, device.facts.name, why,
         formatBytes(freeMemoryBytes(device.physical)));
}

/// Bytes to ask of Vulkan; refuses what the device's limits rule out.
uint64_t paddedBytes(const Device::Impl &device, std::string_view part, uint64_t bytes) {
    const uint64_t limit =
        std::min(device.facts.max_buffer_bytes, device.facts.max_allocation_bytes);
    if (bytes > limit || limit - bytes < kSpareBytes + 4)
        refuse(device, part, bytes,
               std::format("one buffer may have {} at most", formatBytes(limit)));
    return (bytes + 3) / 4 * 4 + kSpareBytes; // fills work in words
}

struct Allocated {
    UniqueBuffer buffer;
    VmaAllocation allocation = VK_NULL_HANDLE;
    VmaAllocationInfo info{};
};

Allocated allocate(Device::Impl &device, std::string_view part, uint64_t bytes, Memory memory) {
    auto create = chained<VkBufferCreateInfo>();
    create.size = paddedBytes(device, part, bytes);
    create.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                   VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
    const VmaAllocationCreateInfo wanted = allocationInfo(memory, device.facts);
    const VmaAllocator allocator = device.allocator.get();
    VkBuffer buffer = VK_NULL_HANDLE;
    Allocated made;
    const VkResult result = vmaCreateBufferWithAlignment(
        allocator, &create, &wanted, kAlignmentBytes, &buffer, &made.allocation, &made.info);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY)
        refuse(device, part, bytes,
               std::format("{} are in use by Longscope", formatBytes(device.books.bytes())));
    check(result, "vmaCreateBufferWithAlignment");
    made.buffer = UniqueBuffer(buffer, {allocator, made.allocation});
    return made;
}

bool isCoherent(VmaAllocator allocator, VmaAllocation allocation) {
    VkMemoryPropertyFlags flags = 0;
    vmaGetAllocationMemoryProperties(allocator, allocation, &flags);
    return flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
}

/// Runs the copies or fills that `record` puts into a command buffer. The caller holds the mutex.
template <class Record> void transfer(Device::Impl &device, Record record) {
    auto &commands = device.transfers.commands;
    if (!commands)
        commands = makeCommands(device.device.get(), device.family);
    beginCommands(device.device.get(), *commands);
    record(commands->buffer);
    submitCommands(device, *commands);
    waitCommands(device, *commands);
}

/// A staging buffer for `bytes`, or for as much as is moved at a time.
Buffer &ensureStaging(Device &device, Buffer &staging, uint64_t bytes, Memory memory) {
    const uint64_t wanted = std::min(bytes, kStagingBytes);
    if (!staging || staging.bytes() < wanted) {
        staging = Buffer();
        staging = Buffer(device, "staging", wanted, memory);
    }
    return staging;
}

void flush(const Buffer::Impl &buffer) {
    if (!buffer.coherent)
        check(
            vmaFlushAllocation(buffer.device->allocator.get(), buffer.allocation, 0, VK_WHOLE_SIZE),
            "vmaFlushAllocation");
}

void invalidate(const Buffer::Impl &buffer) {
    if (!buffer.coherent)
        check(vmaInvalidateAllocation(buffer.device->allocator.get(), buffer.allocation, 0,
                                      VK_WHOLE_SIZE),
              "vmaInvalidateAllocation");
}

} // namespace

Buffer::Buffer(Device &device, std::string_view part, uint64_t bytes, Memory memory) {
    Device::Impl &owner = device.impl();
    Allocated made = allocate(owner, part, bytes, memory);
    auto info = chained<VkBufferDeviceAddressInfo>();
    info.buffer = made.buffer.get();
    const uint64_t address = vkGetBufferDeviceAddress(owner.device.get(), &info);
    auto *const mapped = static_cast<std::byte *>(made.info.pMappedData);
    const bool apart = memory == Memory::host && !owner.facts.unified_memory;
    const bool coherent = !mapped || isCoherent(owner.allocator.get(), made.allocation);
    impl_ = std::unique_ptr<Impl>(new Impl{&owner,
                                           bytes,
                                           {owner.books, std::string(part), bytes, apart},
                                           std::move(made.buffer),
                                           made.allocation,
                                           address,
                                           mapped,
                                           coherent});
}

Buffer::Buffer() = default;
Buffer::Buffer(Buffer &&) noexcept = default;
Buffer &Buffer::operator=(Buffer &&) noexcept = default;
Buffer::~Buffer() = default;

uint64_t Buffer::bytes() const {
    return impl_ ? impl_->bytes : 0;
}

uint64_t Buffer::address() const {
    return impl_ ? impl_->address : 0;
}

std::span<std::byte> Buffer::mapped() const {
    if (!impl_ || !impl_->mapped)
        return {};
    return {impl_->mapped, static_cast<size_t>(impl_->bytes)};
}

void uploadBytes(Device &device, Buffer &to, uint64_t offset_bytes,
                 std::span<const std::byte> from) {
    assert(offset_bytes <= to.bytes() && from.size() <= to.bytes() - offset_bytes);
    if (from.empty())
        return;
    const Buffer::Impl &target = *to.impl();
    if (target.mapped) {
        std::memcpy(target.mapped + offset_bytes, from.data(), from.size());
        flush(target);
        return;
    }
    Device::Impl &owner = device.impl();
    const std::lock_guard lock(owner.transfers.mutex);
    const Buffer &staging =
        ensureStaging(device, owner.transfers.staging_up, from.size(), Memory::upload);
    for (size_t done = 0; done < from.size();) {
        const size_t bytes = std::min<size_t>(from.size() - done, staging.bytes());
        std::memcpy(staging.impl()->mapped, from.data() + done, bytes);
        flush(*staging.impl());
        transfer(owner, [&](VkCommandBuffer commands) {
            const VkBufferCopy region{0, offset_bytes + done, bytes};
            vkCmdCopyBuffer(commands, staging.impl()->buffer.get(), target.buffer.get(), 1,
                            &region);
        });
        done += bytes;
    }
}

void writeBuffer(Device &device, Buffer &to,
                 const std::function<void(std::span<std::byte>)> &write) {
    if (to.mapped().empty()) {
        std::vector<std::byte> bytes(to.bytes());
        write(bytes);
        uploadBytes(device, to, 0, bytes);
        return;
    }
    std::memset(to.mapped().data(), 0, to.bytes());
    write(to.mapped());
    flush(*to.impl());
}

void downloadBytes(Device &device, const Buffer &from, uint64_t offset_bytes,
                   std::span<std::byte> to) {
    assert(offset_bytes <= from.bytes() && to.size() <= from.bytes() - offset_bytes);
    if (to.empty())
        return;
    const Buffer::Impl &source = *from.impl();
    if (source.mapped) {
        invalidate(source);
        std::memcpy(to.data(), source.mapped + offset_bytes, to.size());
        return;
    }
    Device::Impl &owner = device.impl();
    const std::lock_guard lock(owner.transfers.mutex);
    const Buffer &staging =
        ensureStaging(device, owner.transfers.staging_down, to.size(), Memory::readback);
    for (size_t done = 0; done < to.size();) {
        const size_t bytes = std::min<size_t>(to.size() - done, staging.bytes());
        transfer(owner, [&](VkCommandBuffer commands) {
            const VkBufferCopy region{offset_bytes + done, 0, bytes};
            vkCmdCopyBuffer(commands, source.buffer.get(), staging.impl()->buffer.get(), 1,
                            &region);
        });
        invalidate(*staging.impl());
        std::memcpy(to.data() + done, staging.impl()->mapped, bytes);
        done += bytes;
    }
}

namespace {

/// As many ranges from `first` on as a staging buffer holds together; their bytes.
std::pair<std::span<const Range>, uint64_t> batchOf(std::span<const Range> ranges, size_t first,
                                                    uint64_t most_bytes) {
    uint64_t bytes = 0;
    size_t end = first;
    for (; end < ranges.size() && bytes + ranges[end].bytes <= most_bytes; ++end)
        bytes += ranges[end].bytes;
    assert(end > first);
    return {ranges.subspan(first, end - first), bytes};
}

uint64_t bytesOf(std::span<const Range> ranges) {
    uint64_t bytes = 0;
    for (const Range &range : ranges)
        bytes += range.bytes;
    return bytes;
}

} // namespace

void downloadRanges(Device &device, std::span<const Range> ranges, std::span<std::byte> to) {
    assert(bytesOf(ranges) <= to.size());
    if (ranges.empty() || !ranges.front().buffer->mapped().empty()) {
        for (const Range &range : ranges) {
            downloadBytes(device, *range.buffer, range.offset_bytes, to.first(range.bytes));
            to = to.subspan(range.bytes);
        }
        return;
    }
    Device::Impl &owner = device.impl();
    const std::lock_guard lock(owner.transfers.mutex);
    const Buffer &staging =
        ensureStaging(device, owner.transfers.staging_down, bytesOf(ranges), Memory::readback);
    for (size_t done = 0; done < ranges.size();) {
        auto [batch, bytes] = batchOf(ranges, done, staging.bytes());
        transfer(owner, [&](VkCommandBuffer commands) {
            uint64_t at = 0;
            for (const Range &range : batch) {
                const VkBufferCopy region{range.offset_bytes, at, range.bytes};
                vkCmdCopyBuffer(commands, range.buffer->impl()->buffer.get(),
                                staging.impl()->buffer.get(), 1, &region);
                at += range.bytes;
            }
        });
        invalidate(*staging.impl());
        std::memcpy(to.data(), staging.impl()->mapped, bytes);
        to = to.subspan(bytes);
        done += batch.size();
    }
}

void uploadRanges(Device &device, std::span<const Range> ranges, std::span<const std::byte> from) {
    assert(bytesOf(ranges) <= from.size());
    if (ranges.empty())
        return;
    Device::Impl &owner = device.impl();
    if (!ranges.front().buffer->mapped().empty()) {
        for (const Range &range : ranges) {
            const Buffer::Impl &target = *range.buffer->impl();
            std::memcpy(target.mapped + range.offset_bytes, from.data(), range.bytes);
            flush(target);
            from = from.subspan(range.bytes);
        }
        return;
    }
    const std::lock_guard lock(owner.transfers.mutex);
    const Buffer &staging =
        ensureStaging(device, owner.transfers.staging_up, bytesOf(ranges), Memory::upload);
    for (size_t done = 0; done < ranges.size();) {
        auto [batch, bytes] = batchOf(ranges, done, staging.bytes());
        std::memcpy(staging.impl()->mapped, from.data(), bytes);
        flush(*staging.impl());
        transfer(owner, [&](VkCommandBuffer commands) {
            uint64_t at = 0;
            for (const Range &range : batch) {
                const VkBufferCopy region{at, range.offset_bytes, range.bytes};
                vkCmdCopyBuffer(commands, staging.impl()->buffer.get(),
                                range.buffer->impl()->buffer.get(), 1, &region);
                at += range.bytes;
            }
        });
        from = from.subspan(bytes);
        done += batch.size();
    }
}

void fillWords(Device &device, Buffer &buffer, uint32_t word) {
    Device::Impl &owner = device.impl();
    const std::lock_guard lock(owner.transfers.mutex);
    transfer(owner, [&](VkCommandBuffer commands) {
        // The spare bytes too: a kernel that lets them leak into its result is found out.
        vkCmdFillBuffer(commands, buffer.impl()->buffer.get(), 0, VK_WHOLE_SIZE, word);
    });
    if (buffer.impl()->mapped)
        invalidate(*buffer.impl());
}

} // namespace longscope::gpu
