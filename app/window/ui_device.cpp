#include "app/window/ui_device.h"

#include "app/window/window.h"
#include "compute/core/error.h"
#include "compute/gpu/device.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>

namespace longscope::window {
namespace {

constexpr const char *kValidationLayer = "VK_LAYER_KHRONOS_validation";

/// What the validation layer said in this process; called back from any thread.
struct MessageLog {
    std::mutex mutex;
    std::vector<std::string> messages;
    bool active = false;
};
MessageLog &messageLog() {
    static MessageLog log;
    return log;
}

VKAPI_ATTR VkBool32 VKAPI_CALL onMessage(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                         VkDebugUtilsMessageTypeFlagsEXT,
                                         const VkDebugUtilsMessengerCallbackDataEXT *data, void *) {
    constexpr size_t kPrinted = 8;
    MessageLog &log = messageLog();
    const std::lock_guard lock(log.mutex);
    log.messages.emplace_back(data->pMessage ? data->pMessage : "(no text)");
    if (log.messages.size() <= kPrinted)
        std::fprintf(stderr, "longscope: window: Vulkan validation: %s\n",
                     log.messages.back().c_str());
    return VK_FALSE;
}

/// The list that a Vulkan call of two steps gives; empty when it fails.
template <class Item, class Call> std::vector<Item> listed(const Call &call) {
    uint32_t count = 0;
    if (call(&count, nullptr) != VK_SUCCESS)
        return {};
    std::vector<Item> items(count);
    if (call(&count, items.data()) < VK_SUCCESS)
        return {};
    items.resize(count);
    return items;
}

bool layerInstalled() {
    const auto layers = listed<VkLayerProperties>([](uint32_t *count, VkLayerProperties *list) {
        return vkEnumerateInstanceLayerProperties(count, list);
    });
    return std::ranges::any_of(
        layers, [](const auto &layer) { return !std::strcmp(layer.layerName, kValidationLayer); });
}

bool offered(const std::vector<VkExtensionProperties> &extensions, const char *name) {
    return std::ranges::any_of(extensions, [&](const auto &extension) {
        return !std::strcmp(extension.extensionName, name);
    });
}

std::vector<VkExtensionProperties> instanceExtensions(const char *layer) {
    return listed<VkExtensionProperties>([&](uint32_t *count, VkExtensionProperties *list) {
        return vkEnumerateInstanceExtensionProperties(layer, count, list);
    });
}

VkDebugUtilsMessengerCreateInfoEXT messengerInfo() {
    auto info = chained<VkDebugUtilsMessengerCreateInfoEXT>();
    info.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
    info.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
    info.pfnUserCallback = onMessage;
    return info;
}

UniqueMessenger makeMessenger(VkInstance instance) {
    const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(instance, "vkCreateDebugUtilsMessengerEXT"));
    const auto info = messengerInfo();
    VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;
    if (create)
        check(create(instance, &info, nullptr, &messenger), "vkCreateDebugUtilsMessengerEXT");
    return UniqueMessenger(messenger, {instance});
}

bool canDraw(VkPhysicalDevice physical) {
    VkPhysicalDeviceProperties properties{};
    vkGetPhysicalDeviceProperties(physical, &properties);
    if (properties.apiVersion < VK_API_VERSION_1_3)
        return false;
    auto f13 = chained<VkPhysicalDeviceVulkan13Features>();
    auto features = chained<VkPhysicalDeviceFeatures2>(&f13);
    vkGetPhysicalDeviceFeatures2(physical, &features);
    return f13.dynamicRendering && f13.synchronization2;
}

/// A queue family that draws, and presents on the surface if there is one; none: -1.
int64_t drawingFamily(VkPhysicalDevice physical, VkSurfaceKHR surface) {
    uint32_t count = 0;
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
    std::vector<VkQueueFamilyProperties> families(count);
    vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
    for (uint32_t i = 0; i < count; ++i) {
        VkBool32 presents = VK_TRUE;
        if (surface && vkGetPhysicalDeviceSurfaceSupportKHR(physical, i, surface, &presents) < 0)
            continue;
        if (presents && families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT)
            return i;
    }
    return -1;
}

bool hasSwapchains(VkPhysicalDevice physical) {
    return offered(listed<VkExtensionProperties>([&](uint32_t *count, VkExtensionProperties *list) {
                       return vkEnumerateDeviceExtensionProperties(physical, nullptr, count, list);
                   }),
                   VK_KHR_SWAPCHAIN_EXTENSION_NAME);
}

UniqueDevice makeDevice(const Candidate &chosen, bool presents) {
    auto f13 = chained<VkPhysicalDeviceVulkan13Features>();
    f13.dynamicRendering = VK_TRUE;
    f13.synchronization2 = VK_TRUE;
    const float priority = 1.0F;
    auto queue = chained<VkDeviceQueueCreateInfo>();
    queue.queueFamilyIndex = chosen.family;
    queue.queueCount = 1;
    queue.pQueuePriorities = &priority;
    const char *const swapchain = VK_KHR_SWAPCHAIN_EXTENSION_NAME;
    auto create = chained<VkDeviceCreateInfo>(&f13);
    create.queueCreateInfoCount = 1;
    create.pQueueCreateInfos = &queue;
    create.enabledExtensionCount = presents ? 1 : 0;
    create.ppEnabledExtensionNames = &swapchain;
    VkDevice device = VK_NULL_HANDLE;
    check(vkCreateDevice(chosen.physical, &create, nullptr, &device), "vkCreateDevice");
    return UniqueDevice(device);
}

} // namespace

void check(VkResult result, const char *call) {
    if (result < VK_SUCCESS)
        fail(ErrorKind::device, "the window's device failed: {} returned {}", call,
             static_cast<int>(result));
}

void DestroyMessenger::operator()(VkDebugUtilsMessengerEXT messenger) const {
    const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(instance, "vkDestroyDebugUtilsMessengerEXT"));
    if (destroy)
        destroy(instance, messenger, nullptr);
}

Instance makeInstance(std::span<const char *const> wanted) {
    auto application = chained<VkApplicationInfo>();
    application.pApplicationName = "longscope";
    application.apiVersion = VK_API_VERSION_1_3;
    auto create = chained<VkInstanceCreateInfo>();
    create.pApplicationInfo = &application;
    std::vector<const char *> extensions(wanted.begin(), wanted.end());

    auto messenger = messengerInfo();
    const VkBool32 yes = VK_TRUE;
    const VkLayerSettingEXT sync{kValidationLayer, "validate_sync",
                                 VK_LAYER_SETTING_TYPE_BOOL32_EXT, 1, &yes};
    auto settings = chained<VkLayerSettingsCreateInfoEXT>();
    settings.settingCount = 1;
    settings.pSettings = &sync;
    const bool validation = gpu::validationWanted() && layerInstalled();
    if (gpu::validationWanted() && !validation)
        std::fputs("longscope: window: the Vulkan validation layer is not installed; going on "
                   "without it (package vulkan-validationlayers)\n",
                   stderr);
    if (validation) {
        create.enabledLayerCount = 1;
        create.ppEnabledLayerNames = &kValidationLayer;
        extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
        create.pNext = &messenger;
        if (offered(instanceExtensions(kValidationLayer), VK_EXT_LAYER_SETTINGS_EXTENSION_NAME)) {
            extensions.push_back(VK_EXT_LAYER_SETTINGS_EXTENSION_NAME);
            messenger.pNext = &settings;
        }
    }
    create.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
    create.ppEnabledExtensionNames = extensions.data();

    VkInstance instance = VK_NULL_HANDLE;
    if (vkCreateInstance(&create, nullptr, &instance) != VK_SUCCESS)
        fail(ErrorKind::device,
             "no Vulkan driver was found; install your card's, or Mesa's (package "
             "mesa-vulkan-drivers), which also hold one that runs on the processor");
    Instance made;
    made.instance = UniqueInstance(instance);
    if (validation)
        made.messenger = makeMessenger(instance);
    messageLog().active = validation;
    return made;
}

std::vector<Candidate> candidates(VkInstance instance, VkSurfaceKHR surface,
                                  const std::string &computing_device) {
    std::vector<Candidate> found;
    for (const VkPhysicalDevice physical :
         listed<VkPhysicalDevice>([&](uint32_t *count, VkPhysicalDevice *list) {
             return vkEnumeratePhysicalDevices(instance, count, list);
         })) {
        if (!canDraw(physical) || (surface && !hasSwapchains(physical)))
            continue;
        const int64_t family = drawingFamily(physical, surface);
        if (family < 0)
            continue;
        VkPhysicalDeviceProperties properties{};
        vkGetPhysicalDeviceProperties(physical, &properties);
        found.push_back({physical, static_cast<uint32_t>(family), properties.deviceName,
                         properties.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU});
    }
    std::ranges::stable_sort(found, {}, [&](const Candidate &one) {
        return one.software ? 2 : one.name == computing_device ? 1 : 0;
    });
    return found;
}

UiDevice::UiDevice(VkInstance its_instance, const Candidate &its_choice, bool presents)
    : instance(its_instance), chosen(its_choice), device(makeDevice(its_choice, presents)) {
    vkGetDeviceQueue(device.get(), chosen.family, 0, &queue);
    VmaAllocatorCreateInfo create{};
    create.instance = instance;
    create.physicalDevice = chosen.physical;
    create.device = device.get();
    create.vulkanApiVersion = VK_API_VERSION_1_3;
    VmaAllocator made = VK_NULL_HANDLE;
    check(vmaCreateAllocator(&create, &made), "vmaCreateAllocator");
    allocator = UniqueAllocator(made);
}

Commands::Commands(const UiDevice &device) {
    const VkDevice handle = device.device.get();
    auto pool_info = chained<VkCommandPoolCreateInfo>();
    pool_info.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
    pool_info.queueFamilyIndex = device.chosen.family;
    VkCommandPool made_pool = VK_NULL_HANDLE;
    check(vkCreateCommandPool(handle, &pool_info, nullptr, &made_pool), "vkCreateCommandPool");
    pool = UniqueCommandPool(made_pool, {handle});
    auto buffer_info = chained<VkCommandBufferAllocateInfo>();
    buffer_info.commandPool = made_pool;
    buffer_info.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    buffer_info.commandBufferCount = 1;
    check(vkAllocateCommandBuffers(handle, &buffer_info, &buffer), "vkAllocateCommandBuffers");
    auto fence_info = chained<VkFenceCreateInfo>();
    fence_info.flags = VK_FENCE_CREATE_SIGNALED_BIT;
    VkFence made_fence = VK_NULL_HANDLE;
    check(vkCreateFence(handle, &fence_info, nullptr, &made_fence), "vkCreateFence");
    fence = UniqueFence(made_fence, {handle});
}

void Commands::begin(VkDevice device) {
    check(vkResetCommandPool(device, pool.get(), 0), "vkResetCommandPool");
    auto info = chained<VkCommandBufferBeginInfo>();
    info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    check(vkBeginCommandBuffer(buffer, &info), "vkBeginCommandBuffer");
}

void changeUse(VkCommandBuffer commands, VkImage image, const ImageUse &from, const ImageUse &to) {
    auto barrier = chained<VkImageMemoryBarrier2>();
    barrier.srcStageMask = from.stage;
    barrier.srcAccessMask = from.access;
    barrier.dstStageMask = to.stage;
    barrier.dstAccessMask = to.access;
    barrier.oldLayout = from.layout;
    barrier.newLayout = to.layout;
    barrier.srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    barrier.image = image;
    barrier.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1};
    auto info = chained<VkDependencyInfo>();
    info.imageMemoryBarrierCount = 1;
    info.pImageMemoryBarriers = &barrier;
    vkCmdPipelineBarrier2(commands, &info);
}

std::vector<std::string> validationMessages() {
    const std::lock_guard lock(messageLog().mutex);
    return messageLog().messages;
}

bool validationActive() {
    return messageLog().active;
}

} // namespace longscope::window
