#include "ui/panels/chat_list.h"

#include "compute/core/text.h"
#include "ui/panels/chat_text.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <chrono>

namespace longscope::ui {
namespace {

int64_t nowUnix() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string titleOf(const ConversationEntry &entry) {
    return entry.title.empty() ? tr("Without a title") : entry.title;
}

} // namespace

bool ConversationList::draw(const Snapshot &snapshot, CommandQueue &commands) {
    const Chat &chat = snapshot.chat;
    bool chosen = false;
    if (ImGui::Button(tr("New conversation"), {-FLT_MIN, 0})) {
        commands.push(command::NewConversation{});
        chosen = true;
    }
    ImGui::SetNextItemWidth(-FLT_MIN);
    if (ImGui::InputTextWithHint("##search", tr("Search"), &search_,
                                 ImGuiInputTextFlags_EscapeClearsAll))
        commands.push(command::FindConversations{search_});
    auto isFound = [&](const ConversationEntry &entry) {
        return search_.empty() || containsIgnoringCase(titleOf(entry), search_) ||
               (chat.found_words == search_ && std::ranges::contains(chat.found, entry.id));
    };
    size_t shown = 0;
    if (ImGui::BeginChild("##list", {0, 0}, ImGuiChildFlags_NavFlattened)) {
        for (const ConversationEntry &entry : chat.conversations) {
            if (!isFound(entry))
                continue;
            shown++;
            ImGui::PushID(std::to_string(entry.id).c_str());
            if (renaming_ == entry.id)
                drawRename(entry, commands);
            else
                chosen = drawEntry(entry, entry.id == chat.open, commands) || chosen;
            ImGui::PopID();
        }
        if (shown == 0) {
            mutedLine(chat.conversations.empty()
                          ? tr("Conversations appear here once they have a message.")
                          : tr("No conversation holds that."));
        }
    }
    ImGui::EndChild();
    return chosen;
}

bool ConversationList::drawEntry(const ConversationEntry &entry, bool is_open,
                                 CommandQueue &commands) {
    const ImGuiStyle &style = ImGui::GetStyle();
    const float em = ImGui::GetFontSize(), width = ImGui::GetContentRegionAvail().x;
    const ImVec2 from = ImGui::GetCursorScreenPos();
    const float height = 2.3F * em;
    bool chosen = false;
    ImGui::SetNextItemAllowOverlap();
    if (ImGui::Selectable("##open", is_open, ImGuiSelectableFlags_AllowOverlap, {0, height}) &&
        !is_open) {
        commands.push(command::OpenConversation{entry.id});
        chosen = true;
    }
    const std::string title = titleOf(entry);
    ImGui::SetItemTooltip("%s\n%s", title.c_str(),
                          entry.messages == 1
                              ? tr("1 message")
                              : say("{} messages", countText(double(entry.messages))).c_str());
    ImGui::OpenPopupOnItemClick("##menu", ImGuiPopupFlags_MouseButtonRight);
    const ImVec2 after = ImGui::GetCursorPos();
    const float inner = style.ItemInnerSpacing.x;
    ImGui::PushClipRect(from, {from.x + width - 2.2F * em, from.y + height}, true);
    ImGui::GetWindowDrawList()->AddText({from.x + inner, from.y + 0.1F * em},
                                        ImGui::GetColorU32(ImGuiCol_Text), title.c_str());
    pushSmall();
    ImGui::GetWindowDrawList()->AddText({from.x + inner, from.y + 1.25F * em},
                                        ImGui::GetColorU32(mutedText()),
                                        dateText(entry.changed_unix_s, nowUnix()).c_str());
    ImGui::PopFont();
    ImGui::PopClipRect();
    ImGui::SetCursorScreenPos({from.x + width - 2 * em, from.y + 0.4F * em});
    ImGui::PushStyleColor(ImGuiCol_Button, ImVec4(0, 0, 0, 0));
    if (ImGui::Button("...", {1.8F * em, 1.5F * em}))
        ImGui::OpenPopup("##menu");
    ImGui::PopStyleColor();
    ImGui::SetItemTooltip("%s", tr("Rename or delete"));
    ImGui::SetCursorPos({after.x, after.y - style.ItemSpacing.y});
    ImGui::Dummy({0, 0});
    drawMenu(entry, commands);
    return chosen;
}

void ConversationList::drawMenu(const ConversationEntry &entry, CommandQueue &commands) {
    if (!ImGui::BeginPopup("##menu"))
        return;
    if (ImGui::MenuItem(tr("Rename"))) {
        renaming_ = entry.id;
        rename_focus_ = true;
        title_ = entry.title;
    }
    if (ImGui::MenuItem(tr("Delete")))
        commands.push(command::DeleteConversation{entry.id});
    ImGui::EndPopup();
}

void ConversationList::drawRename(const ConversationEntry &entry, CommandQueue &commands) {
    const bool begins = rename_focus_;
    if (begins)
        ImGui::SetKeyboardFocusHere();
    rename_focus_ = false;
    ImGui::SetNextItemWidth(-FLT_MIN);
    const bool entered =
        ImGui::InputText("##title", &title_,
                         ImGuiInputTextFlags_EnterReturnsTrue | ImGuiInputTextFlags_AutoSelectAll);
    const bool left = !begins && ImGui::IsItemDeactivated();
    if (!entered && !left)
        return;
    if ((entered || !ImGui::IsKeyPressed(ImGuiKey_Escape)) && !title_.empty() &&
        title_ != entry.title)
        commands.push(command::RenameConversation{entry.id, title_});
    renaming_ = 0;
}

} // namespace longscope::ui
