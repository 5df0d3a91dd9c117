// Which device is used, from facts alone: no Vulkan call is made here.
#include "compute/core/text.h"
#include "compute/gpu/device.h"

#include "compute/core/error.h"

#include <vulkan/vulkan_core.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace longscope::gpu {

namespace {

// The portable floor (what every kernel may rely on).
constexpr uint32_t kPushConstantBytes = 128;
constexpr uint32_t kSharedMemoryBytes = 16 * 1024;
constexpr uint32_t kInvocations = 128;

int rankOf(DeviceType type) {
    switch (type) {
    case DeviceType::discrete:
        return 0;
    case DeviceType::integrated:
        return 1;
    case DeviceType::virtual_gpu:
        return 2;
    case DeviceType::other:
        return 3;
    case DeviceType::cpu:
        return 4;
    }
    return 5;
}

std::vector<std::string> refusalsOf(const DeviceFacts &facts) {
    std::vector<std::string> refusals;
    const auto refuse = [&]<class... Args>(std::format_string<Args...> text, Args &&...args) {
        refusals.push_back(std::format(text, std::forward<Args>(args)...));
    };
    const auto needs = [&](uint32_t has, uint32_t needed, const char *what) {
        if (has < needed)
            refuse("It has {} {}; {} are needed.", has, what, needed);
    };
    if (facts.api_version < VK_API_VERSION_1_3) {
        // An older driver does not answer the other questions.
        refuse("It offers Vulkan {}.{}; 1.3 is needed.", VK_API_VERSION_MAJOR(facts.api_version),
               VK_API_VERSION_MINOR(facts.api_version));
        return refusals;
    }
    if (!facts.has_compute_queue)
        refuse("It has no compute queue.");
    if (!facts.has_buffer_address)
        refuse("It has no buffer device addresses.");
    if (!facts.has_subgroup_ops)
        refuse("It lacks subgroup operations (arithmetic, ballot, shuffle) in compute shaders.");
    needs(facts.push_constant_bytes, kPushConstantBytes, "bytes of push constants");
    needs(facts.shared_memory_bytes, kSharedMemoryBytes, "bytes of shared memory");
    needs(facts.max_workgroup_invocations, kInvocations, "invocations a workgroup");
    return refusals;
}

std::string describe(const DeviceFacts &facts) {
    std::string text = std::format("{} {}", facts.index, facts.name);
    if (facts.refusals.empty())
        return text;
    text += " (refused:";
    for (const std::string &refusal : facts.refusals)
        text += " " + refusal;
    return text + ")";
}

std::string describeAll(const std::vector<DeviceFacts> &devices) {
    std::string text;
    for (const DeviceFacts &facts : devices)
        text += (text.empty() ? "" : ", ") + describe(facts);
    return text;
}

std::optional<uint32_t> wholeNumber(std::string_view text) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

/// The devices that `wanted` may mean, best first.
std::vector<DeviceFacts> matches(const std::vector<DeviceFacts> &ranked, std::string_view wanted) {
    std::vector<DeviceFacts> found;
    if (const auto index = wholeNumber(wanted))
        std::ranges::copy_if(ranked, std::back_inserter(found),
                             [&](const auto &facts) { return facts.index == *index; });
    if (!found.empty()) // "4090" is no index but part of a name
        return found;
    std::ranges::copy_if(ranked, std::back_inserter(found), [&](const auto &facts) {
        return containsIgnoringCase(facts.name, wanted);
    });
    return found;
}

} // namespace

std::vector<DeviceFacts> rankDevices(std::vector<DeviceFacts> devices) {
    for (DeviceFacts &facts : devices)
        facts.refusals = refusalsOf(facts);
    std::ranges::stable_sort(devices, [](const DeviceFacts &a, const DeviceFacts &b) {
        if (a.refusals.empty() != b.refusals.empty())
            return a.refusals.empty();
        if (rankOf(a.type) != rankOf(b.type))
            return rankOf(a.type) < rankOf(b.type);
        return a.device_memory_bytes > b.device_memory_bytes;
    });
    return devices;
}

DeviceFacts chooseDevice(const std::vector<DeviceFacts> &ranked, std::string_view wanted) {
    if (ranked.empty())
        fail(ErrorKind::device,
             "no Vulkan device was found; install your card's Vulkan driver, or Mesa's drivers "
             "(package mesa-vulkan-drivers), which also hold one that runs on the processor");
    const std::vector<DeviceFacts> found = matches(ranked, wanted);
    const auto usable =
        std::ranges::find_if(found, [](const auto &facts) { return facts.refusals.empty(); });
    if (usable != found.end())
        return *usable;
    if (wanted.empty())
        fail(ErrorKind::device, "no Vulkan device can be used; there are: {}", describeAll(ranked));
    if (found.empty())
        fail(ErrorKind::device, "no Vulkan device matches '{}'; there are: {}", wanted,
             describeAll(ranked));
    fail(ErrorKind::device, "device '{}' cannot be used; there are: {}", wanted,
         describeAll(ranked));
}

} // namespace longscope::gpu
