#include "ui/panels/chat_find.h"

#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <cfloat>
#include <utility>

namespace longscope::ui {
namespace {

constexpr size_t kShownRows = 5;

} // namespace

void TurnFind::open() {
    is_open_ = wants_focus_ = true;
}

void TurnFind::toggle() {
    is_open_ = wants_focus_ = !is_open_;
}

std::optional<uint64_t> TurnFind::draw(const Chat &chat, CommandQueue &commands) {
    if (!is_open_)
        return std::nullopt;
    const float close = buttonWidth(tr("Close")) + ImGui::GetStyle().ItemSpacing.x;
    const bool other = std::exchange(conversation_, chat.open) != chat.open;
    if (std::exchange(wants_focus_, false))
        ImGui::SetKeyboardFocusHere();
    ImGui::SetNextItemWidth(-close);
    const bool edited = ImGui::InputTextWithHint("##find", tr("Words of this conversation"),
                                                 &words_, ImGuiInputTextFlags_EscapeClearsAll);
    if (edited || (other && !words_.empty()))
        commands.push(command::FindTurns{words_});
    ImGui::SameLine();
    if (ImGui::Button((std::string(tr("Close")) + "##find").c_str()))
        is_open_ = false;
    if (words_.empty() || chat.found_turns_words != words_)
        return std::nullopt;
    return drawFound(chat);
}

std::optional<uint64_t> TurnFind::drawFound(const Chat &chat) const {
    if (chat.found_turns.empty()) {
        mutedLine(tr("No turn of this conversation has these words."));
        return std::nullopt;
    }
    std::optional<uint64_t> chosen;
    const auto rows = static_cast<float>(std::min(chat.found_turns.size(), kShownRows));
    const float height = rows * ImGui::GetTextLineHeightWithSpacing();
    if (ImGui::BeginChild("##found", {0, height}, ImGuiChildFlags_NavFlattened))
        for (const FoundTurn &found : chat.found_turns) {
            if (ImGui::Selectable(("##" + std::to_string(found.message)).c_str()))
                chosen = found.message;
            ImGui::SetItemTooltip("%s", found.text.c_str());
            ImGui::SameLine(0, 0);
            ImGui::TextUnformatted((found.name + ": " + found.text).c_str());
        }
    ImGui::EndChild();
    return chosen;
}

} // namespace longscope::ui
