#include "ui/panels/attention_layers.h"

#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>

#include <algorithm>
#include <format>

namespace longscope::ui {
namespace {

std::string headsText(uint32_t heads) {
    return heads == 1 ? std::string(tr("1 head")) : say("{} heads", heads);
}

/// What a layer looks with, or what it keeps instead.
std::string meansText(const Model &model, uint32_t layer) {
    const std::string state =
        model.recurs(layer) && model.recurrent
            ? say("state of {}", byteText(static_cast<double>(model.recurrent->state_bytes)))
            : std::string();
    if (!model.attends(layer))
        return state;
    const std::string heads = headsText(model.kinds[layer].heads);
    return state.empty() ? heads : heads + ", " + state;
}

} // namespace

std::string kindText(const Model &model, uint32_t layer) {
    if (!model.recurs(layer))
        return tr("attention");
    const std::string &name = model.kinds[layer].recurrence;
    return model.attends(layer) ? say("attention and {}", name) : name;
}

std::optional<uint32_t> nearestAttending(const Model &model, uint32_t layer) {
    for (uint32_t distance = 0; distance <= std::max(layer, model.layers); ++distance) {
        if (model.attends(layer + distance))
            return layer + distance;
        if (distance <= layer && model.attends(layer - distance))
            return layer - distance;
    }
    return std::nullopt;
}

std::optional<uint32_t> drawLayerList(const Model &model, uint32_t chosen, float height) {
    constexpr ImGuiTableFlags flags = ImGuiTableFlags_RowBg | ImGuiTableFlags_ScrollY |
                                      ImGuiTableFlags_BordersOuter | ImGuiTableFlags_SizingFixedFit;
    std::optional<uint32_t> clicked;
    const ImGuiStyle &style = ImGui::GetStyle();
    const float row_height = ImGui::GetTextLineHeight() + 2 * style.CellPadding.y;
    const float wanted = row_height * static_cast<float>(model.kinds.size() + 1) + 2;
    if (!ImGui::BeginTable("layers", 3, flags, {0, std::min(height, wanted)}))
        return clicked;
    ImGui::TableSetupScrollFreeze(0, 1);
    ImGui::TableSetupColumn(tr("Layer"));
    ImGui::TableSetupColumn(tr("Kind"));
    ImGui::TableSetupColumn(tr("Has"), ImGuiTableColumnFlags_WidthStretch);
    ImGui::TableHeadersRow();
    ImGuiListClipper clipper;
    clipper.Begin(static_cast<int>(model.kinds.size()));
    while (clipper.Step())
        for (int row = clipper.DisplayStart; row < clipper.DisplayEnd; ++row) {
            const auto layer = static_cast<uint32_t>(row);
            ImGui::TableNextRow();
            ImGui::TableNextColumn();
            if (ImGui::Selectable(std::format("{}##layer{}", layer, layer).c_str(), layer == chosen,
                                  ImGuiSelectableFlags_SpanAllColumns))
                clicked = layer;
            ImGui::SetItemTooltip("%s", say("Layer {}: {}; {}", layer, kindText(model, layer),
                                            meansText(model, layer))
                                            .c_str());
            ImGui::TableNextColumn();
            ImGui::TextUnformatted(kindText(model, layer).c_str());
            ImGui::TableNextColumn();
            ImGui::PushStyleColor(ImGuiCol_Text, mutedText());
            ImGui::TextUnformatted(meansText(model, layer).c_str());
            ImGui::PopStyleColor();
        }
    ImGui::EndTable();
    return clicked;
}

} // namespace longscope::ui
