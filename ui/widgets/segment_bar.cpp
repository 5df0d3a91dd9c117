#include "ui/widgets/segment_bar.h"

#include "ui/theme.h"

#include <algorithm>
#include <cmath>

namespace longscope::ui {

void segmentBar(const char *id, std::span<const Segment> segments, uint64_t limit, float height,
                std::string (*describe)(const Segment &)) {
    uint64_t sum = 0;
    for (const Segment &segment : segments)
        sum += segment.value;
    const ImVec2 from = ImGui::GetCursorScreenPos();
    const ImVec2 size(std::max(ImGui::GetContentRegionAvail().x, 1.0F),
                      std::round(height * ImGui::GetFontSize()));
    ImGui::InvisibleButton(id, size);
    const bool hovered = ImGui::IsItemHovered();
    const double scale = size.x / static_cast<double>(std::max({sum, limit, uint64_t{1}}));
    ImDrawList &list = *ImGui::GetWindowDrawList();
    list.AddRectFilled(from, {from.x + size.x, from.y + size.y},
                       ImGui::GetColorU32(ImGuiCol_FrameBg));
    double at = 0;
    for (const Segment &segment : segments) {
        // Whole pixels, so that neighbours meet without a seam; what is there at all is seen.
        const float left = from.x + static_cast<float>(std::round(at * scale));
        at += static_cast<double>(segment.value);
        float right = from.x + static_cast<float>(std::round(at * scale));
        if (segment.value > 0)
            right = std::max(right, left + 1);
        list.AddRectFilled({left, from.y}, {right, from.y + size.y},
                           ImGui::GetColorU32(segment.colour));
        if (hovered && ImGui::GetMousePos().x >= left && ImGui::GetMousePos().x < right)
            ImGui::SetTooltip("%s", describe(segment).c_str());
    }
    if (sum > limit && limit > 0) {
        const float line =
            from.x + static_cast<float>(std::round(static_cast<double>(limit) * scale));
        const float thickness = std::max(2.0F, ImGui::GetFontSize() / 7);
        list.AddRectFilled({line - thickness / 2, from.y - thickness},
                           {line + thickness / 2, from.y + size.y + thickness},
                           ImGui::GetColorU32(error()));
    }
}

void segmentLegend(std::span<const Segment> segments, std::string (*describe)(const Segment &)) {
    const float em = ImGui::GetFontSize();
    const float right = ImGui::GetCursorScreenPos().x + ImGui::GetContentRegionAvail().x;
    bool first = true;
    for (const Segment &segment : segments) {
        if (segment.value == 0)
            continue;
        const std::string text = describe(segment);
        const float width = 0.9F * em + ImGui::CalcTextSize(text.c_str()).x;
        if (!first && ImGui::GetItemRectMax().x + 0.9F * em + width < right)
            ImGui::SameLine(0, 0.9F * em);
        first = false;
        const ImVec2 at = ImGui::GetCursorScreenPos();
        const float top = std::round(at.y + 0.28F * em), side = std::round(0.55F * em);
        ImGui::GetWindowDrawList()->AddRectFilled({at.x, top}, {at.x + side, top + side},
                                                  ImGui::GetColorU32(segment.colour), 2);
        ImGui::Dummy({0.9F * em, em});
        ImGui::SameLine(0, 0);
        ImGui::TextColored(mutedText(), "%s", text.c_str());
    }
}

} // namespace longscope::ui
