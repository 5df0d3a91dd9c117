// Which Vulkan devices there are, why one is refused, and the one that is used. Owns the instance,
// the device, its one compute queue, the memory allocator and the books of what was allocated.
// Knows no language model.
#pragma once

#include "compute/gpu/unique.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::gpu {

enum class DeviceType { discrete, integrated, virtual_gpu, cpu, other };

/// What a device says of itself; plain data, so that choice and tiling are tested without a GPU.
struct DeviceFacts {
    uint32_t index = 0; ///< in the driver's order; what `--device N` means
    std::string name;
    std::string driver;      ///< "llvmpipe", "NVIDIA", ...
    std::string driver_info; ///< "Mesa 25.0.7-2 (LLVM 19.1.7)"
    DeviceType type = DeviceType::other;
    bool is_llvmpipe = false; ///< driver id, not the name
    uint32_t api_version = 0; ///< VK_MAKE_API_VERSION
    uint32_t subgroup_size = 0;
    uint32_t max_workgroup_invocations = 0;
    uint32_t shared_memory_bytes = 0;
    uint32_t push_constant_bytes = 0;
    uint64_t max_storage_range_bytes = 0;
    uint64_t max_buffer_bytes = 0;
    uint64_t max_allocation_bytes = 0;
    uint64_t device_memory_bytes = 0; ///< all device-local heaps together
    uint64_t free_memory_bytes = 0;   ///< VK_EXT_memory_budget where present, clamped to the heap
    float timestamp_period_ns = 0;    ///< 0: no timestamps on the compute queue
    bool has_compute_queue = false;
    bool has_buffer_address = false;
    bool has_int64 = false;        ///< shaderInt64, wanted by the `lanes` kernels
    bool has_subgroup_ops = false; ///< basic, arithmetic, ballot, shuffle in compute shaders
    bool unified_memory = false;   ///< device-local memory is host-visible (integrated, software)
    std::vector<std::string> refusals; ///< sentences; empty = usable
};

/// Fills `refusals` from the portable floor (style.md, rule 10) and orders usable devices best
/// first: discrete, integrated, virtual, software; more memory first within a type. Pure.
std::vector<DeviceFacts> rankDevices(std::vector<DeviceFacts> devices);

/// All devices of all drivers, ranked. Empty without a driver or loader; never throws for that.
std::vector<DeviceFacts> listDevices();

/// `wanted`: empty = best by rank, a number = DeviceFacts::index, else a part of the name (any
/// case). Throws Error(device) that lists what there is, with the reason of each refusal.
DeviceFacts chooseDevice(const std::vector<DeviceFacts> &ranked, std::string_view wanted);

struct BookedPart {
    std::string name;
    uint64_t bytes = 0;
    uint64_t allocations = 0;
    uint64_t host_bytes = 0; ///< of them in memory that is not the device's
};

struct DeviceOptions {
    std::string wanted;
    bool validation = false; ///< Khronos validation layer, also where validationWanted() says so.
                             ///< Its messages are counted and kept.
};
/// A debug build and LONGSCOPE_VALIDATION=1 turn the layer on, LONGSCOPE_VALIDATION=0 leaves it
/// off.
bool validationWanted();

class Device {
  public:
    explicit Device(const DeviceOptions &options);
    ~Device();
    Device(const Device &) = delete;
    Device &operator=(const Device &) = delete;

    const DeviceFacts &facts() const;
    /// What is allocated now, by part name, largest first.
    std::vector<BookedPart> booked() const;
    uint64_t bookedBytes() const; ///< of the device's memory
    /// Messages of the validation layer so far (warnings and errors).
    std::vector<std::string> validationMessages() const;
    bool validationActive() const;

    struct Impl; ///< the Vulkan objects; for compute/gpu alone
    Impl &impl() const { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

} // namespace longscope::gpu
