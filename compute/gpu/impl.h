// What the files of compute/gpu share and nobody else sees: owned Vulkan handles, the one check of
// results, and the insides of Device and Buffer. Members stand in creation order, so that they are
// destroyed in the reverse of it.
#pragma once

#include "compute/gpu/buffer.h"
#include "compute/gpu/chained.h"
#include "compute/gpu/device.h"
#include "compute/gpu/pipeline.h"

#include <vulkan/vulkan.h>

#include <vk_mem_alloc.h>

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>

namespace longscope::gpu {

/// Throws Error(device) that names the call and the result, unless it is VK_SUCCESS.
void check(VkResult result, const char *call);
/// "VK_ERROR_DEVICE_LOST", or the number for results that are not met here.
std::string resultName(VkResult result);

struct DestroyInstance {
    void operator()(VkInstance instance) const { vkDestroyInstance(instance, nullptr); }
};
struct DestroyMessenger {
    VkInstance instance = VK_NULL_HANDLE;
    void operator()(VkDebugUtilsMessengerEXT messenger) const;
};
struct DestroyDevice {
    void operator()(VkDevice device) const { vkDestroyDevice(device, nullptr); }
};
struct DestroyAllocator {
    void operator()(VmaAllocator allocator) const { vmaDestroyAllocator(allocator); }
};
struct DestroyBuffer {
    VmaAllocator allocator = VK_NULL_HANDLE;
    VmaAllocation allocation = VK_NULL_HANDLE;
    void operator()(VkBuffer buffer) const { vmaDestroyBuffer(allocator, buffer, allocation); }
};
/// For the handles whose destruction needs the device alone.
template <auto Destroy> struct DestroyChild {
    VkDevice device = VK_NULL_HANDLE;
    template <class Handle> void operator()(Handle handle) const {
        Destroy(device, handle, nullptr);
    }
};
using UniqueInstance = Unique<VkInstance, DestroyInstance>;
using UniqueMessenger = Unique<VkDebugUtilsMessengerEXT, DestroyMessenger>;
using UniqueDevice = Unique<VkDevice, DestroyDevice>;
using UniqueAllocator = Unique<VmaAllocator, DestroyAllocator>;
using UniqueBuffer = Unique<VkBuffer, DestroyBuffer>;
using UniqueFence = Unique<VkFence, DestroyChild<vkDestroyFence>>;
using UniqueCommandPool = Unique<VkCommandPool, DestroyChild<vkDestroyCommandPool>>;
using UniqueQueryPool = Unique<VkQueryPool, DestroyChild<vkDestroyQueryPool>>;
using UniqueShader = Unique<VkShaderModule, DestroyChild<vkDestroyShaderModule>>;
using UniqueLayout = Unique<VkPipelineLayout, DestroyChild<vkDestroyPipelineLayout>>;
using UniquePipeline = Unique<VkPipeline, DestroyChild<vkDestroyPipeline>>;
using UniquePipelineCache = Unique<VkPipelineCache, DestroyChild<vkDestroyPipelineCache>>;

/// What the validation layer said; called back from any thread.
class MessageLog {
  public:
    void add(std::string message);
    std::vector<std::string> all() const;

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> messages_;
};

/// An instance with or without the validation layer. `instance` is empty, and `result` says why,
/// when there is no driver.
struct Instance {
    UniqueInstance instance;
    UniqueMessenger messenger;
    VkResult result = VK_SUCCESS;
    bool validation = false;
};
/// `log` receives the layer's messages and must outlive the instance; null: no validation.
Instance makeInstance(MessageLog *log);
std::vector<VkPhysicalDevice> physicalDevices(VkInstance instance);
DeviceFacts factsOf(VkPhysicalDevice physical, uint32_t index);
/// Memory that the process may still take from all device-local heaps together, never more than
/// they have.
uint64_t freeMemoryBytes(VkPhysicalDevice physical);
/// The queue family to use: one without graphics if there is one; none = no compute queue.
std::optional<uint32_t> computeFamily(VkPhysicalDevice physical);

/// Features and limits that the facts do not carry, asked once.
struct Abilities {
    bool int64 = false, int16 = false, int8 = false, float16 = false;
    bool storage16 = false, storage8 = false, integer_dot = false;
    bool memory_budget = false; ///< VK_EXT_memory_budget
    bool non_coherent = false;  ///< some host-visible memory needs flushes
    uint32_t min_subgroup_size = 0, max_subgroup_size = 0;
    bool required_subgroup_size = false; ///< may be asked of compute shaders
    uint32_t timestamp_bits = 0;
    std::array<uint32_t, 3> max_groups{};
    std::array<uint8_t, VK_UUID_SIZE> cache_uuid{};
    uint32_t vendor = 0, device = 0;
};
Abilities abilitiesOf(VkPhysicalDevice physical, uint32_t family);

/// Bytes by part name, kept while buffers come and go.
class Books {
  public:
    void add(const std::string &part, uint64_t bytes, bool on_host);
    void remove(const std::string &part, uint64_t bytes, bool on_host);
    std::vector<BookedPart> parts() const;
    uint64_t bytes() const;

  private:
    mutable std::mutex mutex_;
    std::map<std::string, BookedPart> parts_;
};

/// One entry in the books, removed with its owner.
class Booking {
  public:
    Booking(Books &books, std::string part, uint64_t bytes, bool on_host)
        : books_(&books), part_(std::move(part)), bytes_(bytes), on_host_(on_host) {
        books.add(part_, bytes_, on_host_);
    }
    Booking(const Booking &) = delete;
    Booking &operator=(const Booking &) = delete;
    ~Booking() { books_->remove(part_, bytes_, on_host_); }

  private:
    Books *books_;
    std::string part_;
    uint64_t bytes_;
    bool on_host_;
};

/// Command pool, buffer and fence of one user (a recorder, the transfers).
struct Commands {
    UniqueCommandPool pool;
    VkCommandBuffer buffer = VK_NULL_HANDLE; // freed with the pool
    UniqueFence fence;
};
Commands makeCommands(VkDevice device, uint32_t family);

class Pipeline {
  public:
    Kernel kernel;
    UniqueLayout layout;
    UniquePipeline pipeline;
};

using PipelineKey = std::tuple<std::string, Specialization, uint32_t, uint32_t>;

/// The pipelines made so far and Vulkan's own cache.
struct PipelineShelf {
    std::mutex mutex;
    UniquePipelineCache cache;
    std::string path;        // of the disk cache; empty: nowhere to keep it
    size_t stored_bytes = 0; // what the file held when it was last read or written
    std::map<PipelineKey, std::unique_ptr<Pipeline>> pipelines;
};
/// Opens the shelf with the cache of the disk, if that is whole and of this device.
void openPipelineCache(Device::Impl &device);
/// Writes it; quiet about failure, because the cache is only a saving of time.
void storePipelineCache(Device::Impl &device) noexcept;
/// Disk form of a cache: a head with length and checksum, then the driver's bytes.
std::string sealCache(std::span<const std::byte> data);
/// The driver's bytes of such a file, or nothing when it is damaged or not of this device.
std::optional<std::string> unsealCache(std::string_view file, const Abilities &abilities);

/// The way between the host and memory that is not mapped, and of fills: made when first used and
/// kept, because pinning staging memory anew for each of hundreds of tensors is slow.
struct Transfers {
    std::mutex mutex;
    std::optional<Commands> commands;
    Buffer staging_up, staging_down;
};

struct Device::Impl {
    MessageLog log;
    Instance instance;
    VkPhysicalDevice physical = VK_NULL_HANDLE;
    DeviceFacts facts;
    uint32_t family = 0;
    Abilities abilities;
    UniqueDevice device;
    VkQueue queue = VK_NULL_HANDLE;
    std::mutex queue_mutex; // Vulkan wants one thread a queue
    UniqueAllocator allocator;
    Books books;
    PipelineShelf shelf;
    Transfers transfers;
};

struct Buffer::Impl {
    Device::Impl *device = nullptr;
    uint64_t bytes = 0;
    Booking booking;
    UniqueBuffer buffer;
    VmaAllocation allocation = VK_NULL_HANDLE; // owned with `buffer`
    uint64_t address = 0;
    std::byte *mapped = nullptr;
    bool coherent = true; // false: host writes are flushed, device writes invalidated
};

/// Empties the pool and begins the buffer, behind everything submitted before.
void beginCommands(VkDevice device, const Commands &commands);
/// Ends the buffer and submits it; what the device wrote is visible to the host after the wait.
void submitCommands(Device::Impl &device, const Commands &commands);
/// Waits for the fence and resets it; throws Error(device) when the device is lost.
void waitCommands(Device::Impl &device, const Commands &commands);
/// Makes everything written before by kernels, copies and fills visible to what follows
/// (`to_host`: to the host).
void memoryBarrier(VkCommandBuffer commands, bool to_host);

} // namespace longscope::gpu
