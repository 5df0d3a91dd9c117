#include "ui/widgets/share_bar.h"

#include "ui/theme.h"
#include "ui/widgets/quantity.h"

#include <algorithm>
#include <string>

namespace longscope::ui {

void shareBar(double share, ImVec4 colour) {
    const float em = ImGui::GetFontSize(), line = ImGui::GetTextLineHeight();
    const float number = 5.5F * em, room = ImGui::GetContentRegionAvail().x;
    const std::string text = percentText(share);
    if (room < number + 2 * em) { // the number says more than a stump of a bar
        ImGui::TextUnformatted(text.c_str());
        return;
    }
    const float width = room - number;
    const ImVec2 corner = ImGui::GetCursorScreenPos();
    const float top = corner.y + 0.2F * line, bottom = corner.y + 0.8F * line;
    const auto filled = static_cast<float>(std::clamp(share, 0.0, 1.0));
    ImDrawList &list = *ImGui::GetWindowDrawList();
    const float rounding = 0.15F * em;
    list.AddRectFilled({corner.x, top}, {corner.x + width, bottom},
                       ImGui::GetColorU32(ImGuiCol_FrameBg), rounding);
    list.AddRectFilled({corner.x, top}, {corner.x + std::max(width * filled, 1.0F), bottom},
                       ImGui::GetColorU32(colour), rounding);
    ImGui::Dummy({width, line});
    ImGui::SameLine(0, 0.5F * em);
    ImGui::TextUnformatted(text.c_str());
}

} // namespace longscope::ui
