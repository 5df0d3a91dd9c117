#include "ui/widgets/lines.h"

#include "ui/theme.h"

#include <algorithm>

namespace longscope::ui {

void colouredText(ImVec4 colour, const std::string &text) {
    ImGui::PushStyleColor(ImGuiCol_Text, colour);
    ImGui::TextWrapped("%s", text.c_str());
    ImGui::PopStyleColor();
}

void mutedLine(const std::string &text) {
    colouredText(mutedText(), text);
}

void centredText(ImVec4 colour, const std::string &text) {
    const float room = ImGui::GetContentRegionAvail().x;
    const float width = ImGui::CalcTextSize(text.c_str()).x;
    ImGui::SetCursorPosX(ImGui::GetCursorPosX() + std::max(room - width, 0.0F) / 2);
    colouredText(colour, text);
}

float buttonWidth(const char *label) {
    return ImGui::CalcTextSize(label).x + 2 * ImGui::GetStyle().FramePadding.x;
}

float checkboxWidth(const char *label) {
    return ImGui::GetFrameHeight() + ImGui::GetStyle().ItemInnerSpacing.x +
           ImGui::CalcTextSize(label).x;
}

void sameLineIfFits(float width) {
    const float right = ImGui::GetCursorScreenPos().x + ImGui::GetContentRegionAvail().x;
    if (ImGui::GetItemRectMax().x + ImGui::GetStyle().ItemSpacing.x + width <= right)
        ImGui::SameLine();
}

} // namespace longscope::ui
