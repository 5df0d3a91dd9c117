// The device that is used: created with the features that the kernels may want, its queue, its
// allocator and the books.
#include "compute/gpu/impl.h"

#include "compute/core/error.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>

namespace longscope::gpu {

namespace {

std::vector<DeviceFacts> factsOfAll(const std::vector<VkPhysicalDevice> &devices) {
    std::vector<DeviceFacts> facts;
    for (uint32_t i = 0; i < devices.size(); i++)
        facts.push_back(factsOf(devices[i], i));
    return facts;
}

UniqueDevice makeDevice(VkPhysicalDevice physical, uint32_t family, const Abilities &abilities) {
    auto f13 = chained<VkPhysicalDeviceVulkan13Features>();
    f13.synchronization2 = VK_TRUE;
    f13.maintenance4 = VK_TRUE;
    f13.subgroupSizeControl = abilities.required_subgroup_size;
    f13.computeFullSubgroups = abilities.required_subgroup_size;
    f13.shaderIntegerDotProduct = abilities.integer_dot;
    auto f12 = chained<VkPhysicalDeviceVulkan12Features>(&f13);
    f12.bufferDeviceAddress = VK_TRUE;
    f12.shaderFloat16 = abilities.float16;
    f12.shaderInt8 = abilities.int8;
    f12.storageBuffer8BitAccess = abilities.storage8;
    auto f11 = chained<VkPhysicalDeviceVulkan11Features>(&f12);
    f11.storageBuffer16BitAccess = abilities.storage16;
    auto features = chained<VkPhysicalDeviceFeatures2>(&f11);
    features.features.shaderInt64 = abilities.int64;
    features.features.shaderInt16 = abilities.int16;

    const float priority = 1.0F;
    auto queue = chained<VkDeviceQueueCreateInfo>();
    queue.queueFamilyIndex = family;
    queue.queueCount = 1;
    queue.pQueuePriorities = &priority;
    const char *const budget = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
    auto create = chained<VkDeviceCreateInfo>(&features);
    create.queueCreateInfoCount = 1;
    create.pQueueCreateInfos = &queue;
    create.enabledExtensionCount = abilities.memory_budget ? 1 : 0;
    create.ppEnabledExtensionNames = &budget;
    VkDevice device = VK_NULL_HANDLE;
    check(vkCreateDevice(physical, &create, nullptr, &device), "vkCreateDevice");
    return UniqueDevice(device);
}

UniqueAllocator makeAllocator(VkInstance instance, VkPhysicalDevice physical, VkDevice device,
                              const Abilities &abilities) {
    VmaAllocatorCreateInfo create{};
    create.flags = VMA_ALLOCATOR_CREATE_BUFFER_DEVICE_ADDRESS_BIT;
    if (abilities.memory_budget)
        create.flags |= VMA_ALLOCATOR_CREATE_EXT_MEMORY_BUDGET_BIT;
    create.instance = instance;
    create.physicalDevice = physical;
    create.device = device;
    create.vulkanApiVersion = VK_API_VERSION_1_3;
    VmaAllocator allocator = VK_NULL_HANDLE;
    check(vmaCreateAllocator(&create, &allocator), "vmaCreateAllocator");
    return UniqueAllocator(allocator);
}

} // namespace

bool validationWanted() {
    if (const char *set = std::getenv("LONGSCOPE_VALIDATION"))
        return *set && std::string_view(set) != "0";
#ifdef NDEBUG
    return false;
#else
    return true;
#endif
}

std::vector<DeviceFacts> listDevices() {
    const Instance instance = makeInstance(nullptr);
    if (!instance.instance)
        return {};
    return rankDevices(factsOfAll(physicalDevices(instance.instance.get())));
}

Device::Device(const DeviceOptions &options) : impl_(std::make_unique<Impl>()) {
    const bool wanted = options.validation || validationWanted();
    impl_->instance = makeInstance(wanted ? &impl_->log : nullptr);
    if (wanted && !impl_->instance.validation)
        std::fputs("longscope: the Vulkan validation layer is not installed; going on without it "
                   "(package vulkan-validationlayers)\n",
                   stderr);
    const VkInstance instance = impl_->instance.instance.get();
    const auto devices = instance ? physicalDevices(instance) : std::vector<VkPhysicalDevice>{};
    impl_->facts = chooseDevice(rankDevices(factsOfAll(devices)), options.wanted);
    impl_->physical = devices.at(impl_->facts.index);
    impl_->family = computeFamily(impl_->physical).value();
    impl_->abilities = abilitiesOf(impl_->physical, impl_->family);
    impl_->device = makeDevice(impl_->physical, impl_->family, impl_->abilities);
    vkGetDeviceQueue(impl_->device.get(), impl_->family, 0, &impl_->queue);
    impl_->allocator =
        makeAllocator(instance, impl_->physical, impl_->device.get(), impl_->abilities);
    openPipelineCache(*impl_);
}

Device::~Device() {
    storePipelineCache(*impl_);
}

const DeviceFacts &Device::facts() const {
    return impl_->facts;
}
std::vector<BookedPart> Device::booked() const {
    return impl_->books.parts();
}
uint64_t Device::bookedBytes() const {
    return impl_->books.bytes();
}
std::vector<std::string> Device::validationMessages() const {
    return impl_->log.all();
}
bool Device::validationActive() const {
    return impl_->instance.validation;
}

void Books::add(const std::string &part, uint64_t bytes, bool on_host) {
    const std::lock_guard lock(mutex_);
    BookedPart &entry = parts_[part];
    entry.name = part;
    entry.bytes += bytes;
    entry.host_bytes += on_host ? bytes : 0;
    entry.allocations++;
}

void Books::remove(const std::string &part, uint64_t bytes, bool on_host) {
    const std::lock_guard lock(mutex_);
    const auto entry = parts_.find(part);
    entry->second.bytes -= bytes;
    entry->second.host_bytes -= on_host ? bytes : 0;
    if (--entry->second.allocations == 0)
        parts_.erase(entry);
}

std::vector<BookedPart> Books::parts() const {
    const std::lock_guard lock(mutex_);
    std::vector<BookedPart> parts;
    for (const auto &[name, entry] : parts_)
        parts.push_back(entry);
    std::ranges::stable_sort(parts, std::greater{}, &BookedPart::bytes);
    return parts;
}

uint64_t Books::bytes() const {
    const std::lock_guard lock(mutex_);
    uint64_t bytes = 0;
    for (const auto &[name, entry] : parts_)
        bytes += entry.bytes - entry.host_bytes;
    return bytes;
}

} // namespace longscope::gpu
