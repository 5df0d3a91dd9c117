#include "ui/panels/model_devices.h"

#include "ui/panels/model_contents.h"
#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>

#include <algorithm>
#include <format>

namespace longscope::ui {
namespace {

double real(uint64_t n) {
    return static_cast<double>(n);
}

const char *stateOf(const DeviceRow &device) {
    if (!device.refusals.empty())
        return "cannot be used";
    return device.is_used ? "in use" : device.is_best ? "best" : "usable";
}

} // namespace

void DeviceTable::drawRow(const DeviceRow &device, const Snapshot &snapshot,
                          CommandQueue &commands) {
    ImGui::TableNextRow();
    ImGui::TableNextColumn();
    const bool is_chosen = chosen_ == UINT32_MAX ? device.is_used : chosen_ == device.index;
    if (ImGui::Selectable(device.name.c_str(), is_chosen,
                          ImGuiSelectableFlags_SpanAllColumns | ImGuiSelectableFlags_AllowOverlap))
        chosen_ = device.index;
    ImGui::TableNextColumn();
    ImGui::TextUnformatted(device.type.c_str());
    ImGui::TableNextColumn();
    ImGui::TextUnformatted(byteText(real(device.memory_bytes)).c_str());
    ImGui::SetItemTooltip(tr("%s of it are free now."), byteText(real(device.free_bytes)).c_str());
    ImGui::TableNextColumn();
    ImVec4 colour = !device.refusals.empty() ? error() : device.is_used ? good() : mutedText();
    ImGui::TextColored(colour, "%s", tr(stateOf(device)));
    ImGui::TableNextColumn();
    if (device.is_used || !device.refusals.empty())
        return;
    ImGui::PushID(static_cast<int>(device.index));
    ImGui::BeginDisabled(!snapshot.model);
    if (ImGui::SmallButton(tr("Use")))
        commands.push(command::LoadModel{snapshot.model->path, std::to_string(device.index)});
    ImGui::EndDisabled();
    if (ImGui::IsItemHovered(ImGuiHoveredFlags_AllowWhenDisabled))
        ImGui::SetTooltip("%s", snapshot.model ? tr("Loads the model again, on this device.")
                                               : tr("Load a model first."));
    ImGui::PopID();
}

void DeviceTable::drawDetails(const DeviceRow &device) {
    ImGui::SeparatorText(device.name.c_str());
    std::vector<Fact> facts = {
        {tr("Type"), device.type},
        {tr("Driver"), device.driver},
        {tr("Memory"), std::format("{}, {} free now", byteText(real(device.memory_bytes)),
                                   byteText(real(device.free_bytes)))}};
    facts.insert(facts.end(), device.limits.begin(), device.limits.end());
    drawFacts("##limits", facts);
}

void DeviceTable::draw(const Snapshot &snapshot, CommandQueue &commands) {
    const std::vector<DeviceRow> &devices = snapshot.machine.devices;
    if (ImGui::Button(tr("Look again")))
        commands.push(command::RefreshDevices{});
    ImGui::SetItemTooltip("%s", tr("Asks the system for its devices again."));
    if (devices.empty()) {
        ImGui::TextWrapped("%s", tr("No Vulkan device was found. A graphics driver, or Mesa's "
                                    "software driver, provides one."));
        return;
    }
    const float em = ImGui::GetFontSize();
    constexpr ImGuiTableFlags kFlags =
        ImGuiTableFlags_BordersInnerH | ImGuiTableFlags_RowBg | ImGuiTableFlags_SizingStretchProp;
    const bool is_wide = ImGui::GetContentRegionAvail().x > 36 * em;
    if (ImGui::BeginTable("##devices", 5, kFlags | ImGuiTableFlags_Hideable)) {
        ImGui::TableSetupColumn(tr("Device"), 0, 1);
        ImGui::TableSetupColumn(tr("Type"), ImGuiTableColumnFlags_WidthFixed, 6 * em);
        ImGui::TableSetupColumn(tr("Memory"), ImGuiTableColumnFlags_WidthFixed, 5 * em);
        ImGui::TableSetupColumn(tr("State"), ImGuiTableColumnFlags_WidthFixed, 7.5F * em);
        ImGui::TableSetupColumn("##use", ImGuiTableColumnFlags_WidthFixed, 3 * em);
        ImGui::TableSetColumnEnabled(1, is_wide); // the names need the room
        ImGui::TableHeadersRow();
        for (const DeviceRow &device : devices)
            drawRow(device, snapshot, commands);
        ImGui::EndTable();
    }
    for (const DeviceRow &device : devices)
        for (const std::string &refusal : device.refusals) {
            ImGui::PushStyleColor(ImGuiCol_Text, error());
            ImGui::TextWrapped("%s: %s", device.name.c_str(), refusal.c_str());
            ImGui::PopStyleColor();
        }
    auto shown = std::ranges::find_if(devices, [&](const DeviceRow &device) {
        return chosen_ == UINT32_MAX ? device.is_used : device.index == chosen_;
    });
    drawDetails(shown != devices.end() ? *shown : devices.front());
}

} // namespace longscope::ui
