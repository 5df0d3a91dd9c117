// A buffer with its memory, reached by address. Memory by intent through Vulkan Memory Allocator;
// each buffer is booked under a named part of the memory plan.
#pragma once

#include "compute/gpu/device.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace longscope::gpu {

enum class Memory {
    device, ///< read and written by kernels; mapped too where memory is unified
    host,   ///< written once by the host and copied from; not counted where the device has its own
    upload, ///< written by the host in order, read by the device
    readback, ///< written by the device, read by the host
};

/// Move-only. Throws Error(memory) with bytes asked and bytes free when it does not fit, and
/// respects maxBufferSize and maxMemoryAllocationSize. 256-byte aligned, at least 256 bytes over.
class Buffer {
  public:
    Buffer();
    Buffer(Device &device, std::string_view part, uint64_t bytes, Memory memory);
    Buffer(Buffer &&) noexcept;
    Buffer &operator=(Buffer &&) noexcept;
    ~Buffer();

    uint64_t bytes() const;
    uint64_t address() const;
    /// Host view, or an empty span when the memory is not mapped.
    std::span<std::byte> mapped() const;

    struct Impl;
    Impl *impl() const { return impl_.get(); }
    explicit operator bool() const { return impl_ != nullptr; }

  private:
    std::unique_ptr<Impl> impl_;
};

/// Copies host bytes to `offset_bytes` of the buffer and waits: directly where it is mapped,
/// otherwise through a staging buffer of at most 64 MiB.
void uploadBytes(Device &device, Buffer &to, uint64_t offset_bytes,
                 std::span<const std::byte> from);
/// Lets `write` fill the whole buffer, which it finds as zeros, and waits: straight into the memory
/// where it is mapped, otherwise through a copy on the host.
void writeBuffer(Device &device, Buffer &to,
                 const std::function<void(std::span<std::byte>)> &write);
/// The reverse of uploadBytes.
void downloadBytes(Device &device, const Buffer &from, uint64_t offset_bytes,
                   std::span<std::byte> to);

/// Bytes of a buffer.
struct Range {
    const Buffer *buffer = nullptr;
    uint64_t offset_bytes = 0, bytes = 0; ///< at most kMostRangeBytes
};
constexpr uint64_t kMostRangeBytes = 64ULL << 20;
/// Many ranges, one behind the other in `to`; in few submits where memory is not mapped. Waits.
void downloadRanges(Device &device, std::span<const Range> ranges, std::span<std::byte> to);
/// The reverse.
void uploadRanges(Device &device, std::span<const Range> ranges, std::span<const std::byte> from);
/// Fills the whole buffer with a repeated 32-bit word and waits.
void fillWords(Device &device, Buffer &buffer, uint32_t word);

} // namespace longscope::gpu
