// `longscope devices`: the Vulkan devices, best first, and why one is refused.
#include "app/commands/commands.h"
#include "app/file_facts.h"
#include "app/json_output.h"
#include "compute/core/text.h"
#include "compute/gpu/device.h"

#include <format>

namespace longscope::app {
namespace {

nlohmann::json factsJson(const gpu::DeviceFacts &facts) {
    return {{"index", facts.index},
            {"name", facts.name},
            {"type", typeName(facts.type)},
            {"driver", facts.driver},
            {"driver_info", facts.driver_info},
            {"vulkan", versionText(facts.api_version)},
            {"memory_bytes", facts.device_memory_bytes},
            {"free_memory_bytes", facts.free_memory_bytes},
            {"subgroup_size", facts.subgroup_size},
            {"shared_memory_bytes", facts.shared_memory_bytes},
            {"max_workgroup_invocations", facts.max_workgroup_invocations},
            {"max_buffer_bytes", facts.max_buffer_bytes},
            {"max_storage_range_bytes", facts.max_storage_range_bytes},
            {"unified_memory", facts.unified_memory},
            {"timestamps", facts.timestamp_period_ns > 0},
            {"usable", facts.refusals.empty()},
            {"refusals", facts.refusals}};
}

std::string factsText(const gpu::DeviceFacts &facts, bool is_default) {
    std::string text = std::format(
        "{}: {}{}\n   {}, {} {}, Vulkan {}\n"
        "   memory {}, {} free; subgroups of {}, {} of shared memory, workgroups of {}\n",
        facts.index, facts.name, is_default ? "  (default)" : "", typeName(facts.type),
        facts.driver, facts.driver_info, versionText(facts.api_version),
        formatBytes(facts.device_memory_bytes), formatBytes(facts.free_memory_bytes),
        facts.subgroup_size, formatBytes(facts.shared_memory_bytes),
        facts.max_workgroup_invocations);
    for (const std::string &refusal : facts.refusals)
        text += "   refused: " + refusal + "\n";
    return text;
}

} // namespace

int runDevices(const Options &options, std::stop_token) {
    std::vector<gpu::DeviceFacts> devices = gpu::listDevices();
    if (options.json) {
        nlohmann::json list = nlohmann::json::array();
        for (const gpu::DeviceFacts &facts : devices)
            list.push_back(factsJson(facts));
        printJson({{"devices", list}});
        return 0;
    }
    if (devices.empty())
        printOut("There is no Vulkan device. Install a driver: the graphics card's own, or Mesa's "
                 "software driver (Debian: mesa-vulkan-drivers).\n");
    for (const gpu::DeviceFacts &facts : devices)
        printOut(factsText(facts, &facts == &devices.front() && facts.refusals.empty()));
    return 0;
}

} // namespace longscope::app
