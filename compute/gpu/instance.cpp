// The instance with its validation layer, and the check of every result.
#include "compute/gpu/impl.h"

#include "compute/core/error.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace longscope::gpu {

namespace {

constexpr const char *kValidationLayer = "VK_LAYER_KHRONOS_validation";
constexpr size_t kMessagesPrinted = 8;

VKAPI_ATTR VkBool32 VKAPI_CALL onMessage(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                         VkDebugUtilsMessageTypeFlagsEXT,
                                         const VkDebugUtilsMessengerCallbackDataEXT *data,
                                         void *log) {
    static_cast<MessageLog *>(log)->add(data->pMessage ? data->pMessage : "(no text)");
    return VK_FALSE;
}

bool layerInstalled() {
    uint32_t count = 0;
    if (vkEnumerateInstanceLayerProperties(&count, nullptr) != VK_SUCCESS)
        return false;
    std::vector<VkLayerProperties> layers(count);
    if (vkEnumerateInstanceLayerProperties(&count, layers.data()) < VK_SUCCESS)
        return false;
    layers.resize(count);
    return std::ranges::any_of(
        layers, [](const auto &layer) { return !std::strcmp(layer.layerName, kValidationLayer); });
}

bool extensionOffered(const char *layer, const char *name) {
    uint32_t count = 0;
    if (vkEnumerateInstanceExtensionProperties(layer, &count, nullptr) != VK_SUCCESS)
        return false;
    std::vector<VkExtensionProperties> offered(count);
    if (vkEnumerateInstanceExtensionProperties(layer, &count, offered.data()) < VK_SUCCESS)
        return false;
    offered.resize(count);
    return std::ranges::any_of(
        offered, [&](const auto &entry) { return !std::strcmp(entry.extensionName, name); });
}

UniqueMessenger makeMessenger(VkInstance instance, const VkDebugUtilsMessengerCreateInfoEXT &info) {
    const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(instance, "vkCreateDebugUtilsMessengerEXT"));
    VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;
    if (create)
        check(create(instance, &info, nullptr, &messenger), "vkCreateDebugUtilsMessengerEXT");
    return UniqueMessenger(messenger, {instance});
}

} // namespace

std::string resultName(VkResult result) {
    switch (result) {
#define LONGSCOPE_RESULT(name)                                                                     \
    case name:                                                                                     \
        return #name
        LONGSCOPE_RESULT(VK_SUCCESS);
        LONGSCOPE_RESULT(VK_NOT_READY);
        LONGSCOPE_RESULT(VK_TIMEOUT);
        LONGSCOPE_RESULT(VK_INCOMPLETE);
        LONGSCOPE_RESULT(VK_ERROR_OUT_OF_HOST_MEMORY);
        LONGSCOPE_RESULT(VK_ERROR_OUT_OF_DEVICE_MEMORY);
        LONGSCOPE_RESULT(VK_ERROR_INITIALIZATION_FAILED);
        LONGSCOPE_RESULT(VK_ERROR_DEVICE_LOST);
        LONGSCOPE_RESULT(VK_ERROR_MEMORY_MAP_FAILED);
        LONGSCOPE_RESULT(VK_ERROR_LAYER_NOT_PRESENT);
        LONGSCOPE_RESULT(VK_ERROR_EXTENSION_NOT_PRESENT);
        LONGSCOPE_RESULT(VK_ERROR_FEATURE_NOT_PRESENT);
        LONGSCOPE_RESULT(VK_ERROR_INCOMPATIBLE_DRIVER);
        LONGSCOPE_RESULT(VK_ERROR_TOO_MANY_OBJECTS);
        LONGSCOPE_RESULT(VK_ERROR_UNKNOWN);
#undef LONGSCOPE_RESULT
    default:
        return std::format("VkResult {}", static_cast<int>(result));
    }
}

void check(VkResult result, const char *call) {
    if (result == VK_SUCCESS)
        return;
    if (result == VK_ERROR_DEVICE_LOST)
        fail(ErrorKind::device,
             "the device was lost in {}: its driver reset it, or one piece of work ran too long",
             call);
    fail(ErrorKind::device, "{} failed with {}", call, resultName(result));
}

void DestroyMessenger::operator()(VkDebugUtilsMessengerEXT messenger) const {
    const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(instance, "vkDestroyDebugUtilsMessengerEXT"));
    if (destroy)
        destroy(instance, messenger, nullptr);
}

void MessageLog::add(std::string message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
    if (messages_.size() <= kMessagesPrinted)
        std::fprintf(stderr, "longscope: Vulkan validation: %s\n", messages_.back().c_str());
}

std::vector<std::string> MessageLog::all() const {
    const std::lock_guard lock(mutex_);
    return messages_;
}

Instance makeInstance(MessageLog *log) {
    auto application = chained<VkApplicationInfo>();
    application.pApplicationName = "Longscope";
    application.apiVersion = VK_API_VERSION_1_3;
    auto create = chained<VkInstanceCreateInfo>();
    create.pApplicationInfo = &application;

    // Warnings about speed are advice for another day, and loaders warn of broken drivers that
    // nobody asked for: only the rules of Vulkan count.
    auto messenger = chained<VkDebugUtilsMessengerCreateInfoEXT>();
    messenger.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                                VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
    messenger.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
    messenger.pfnUserCallback = onMessage;
    messenger.pUserData = log;
    const VkBool32 yes = VK_TRUE;
    const VkLayerSettingEXT sync{kValidationLayer, "validate_sync",
                                 VK_LAYER_SETTING_TYPE_BOOL32_EXT, 1, &yes};
    auto settings = chained<VkLayerSettingsCreateInfoEXT>();
    settings.settingCount = 1;
    settings.pSettings = &sync;

    Instance made;
    made.validation = log && layerInstalled() &&
                      (extensionOffered(nullptr, VK_EXT_DEBUG_UTILS_EXTENSION_NAME) ||
                       extensionOffered(kValidationLayer, VK_EXT_DEBUG_UTILS_EXTENSION_NAME));
    std::vector<const char *> extensions;
    if (made.validation) {
        create.enabledLayerCount = 1;
        create.ppEnabledLayerNames = &kValidationLayer;
        extensions.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
        create.pNext = &messenger;
        if (extensionOffered(kValidationLayer, VK_EXT_LAYER_SETTINGS_EXTENSION_NAME)) {
            extensions.push_back(VK_EXT_LAYER_SETTINGS_EXTENSION_NAME);
            messenger.pNext = &settings;
        }
    }
    create.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
    create.ppEnabledExtensionNames = extensions.data();

    VkInstance instance = VK_NULL_HANDLE;
    made.result = vkCreateInstance(&create, nullptr, &instance);
    if (made.result != VK_SUCCESS)
        return made;
    made.instance = UniqueInstance(instance);
    if (made.validation) {
        messenger.pNext = nullptr;
        made.messenger = makeMessenger(instance, messenger);
    }
    return made;
}

std::vector<VkPhysicalDevice> physicalDevices(VkInstance instance) {
    uint32_t count = 0;
    if (vkEnumeratePhysicalDevices(instance, &count, nullptr) != VK_SUCCESS)
        return {};
    std::vector<VkPhysicalDevice> devices(count);
    if (vkEnumeratePhysicalDevices(instance, &count, devices.data()) < VK_SUCCESS)
        return {};
    devices.resize(count);
    return devices;
}

} // namespace longscope::gpu
