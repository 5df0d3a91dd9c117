#include "ui/panels/chat.h"

#include "ui/panels/chat_context.h"
#include "ui/panels/chat_text.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"

#include <imgui.h>

#include <algorithm>
#include <utility>

namespace longscope::ui {
namespace {

/// Wide enough for the list beside the messages, in font sizes.
constexpr float kWide = 46, kListWidth = 15;

/// A name for a file: letters and digits of the title, the rest as "-".
std::string fileName(const std::string &title, const char *ending) {
    std::string name;
    for (char c : title.substr(0, 60)) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) || byte >= 0x80)
            name += c;
        else if (!name.empty() && name.back() != '-')
            name += '-';
    }
    while (!name.empty() && (name.back() == '-' || static_cast<unsigned char>(name.back()) >= 0x80))
        name.pop_back();
    return (name.empty() ? "conversation" : name) + ending;
}

} // namespace

void ChatPanel::draw(const Snapshot &snapshot, CommandQueue &commands) {
    for (Command &command : std::exchange(*chosen_, {}))
        commands.push(std::move(command));
    if (!snapshot.chat.messages.empty() && ImGui::Shortcut(ImGuiMod_Ctrl | ImGuiKey_F))
        find_.open();
    drawHeader(snapshot, commands);
    options_.draw(snapshot, commands);
    const float em = ImGui::GetFontSize();
    const bool wide = ImGui::GetContentRegionAvail().x > kWide * em;
    if (!shows_list_) {
        drawConversation(snapshot, commands);
        return;
    }
    if (ImGui::BeginChild("##conversations", {wide ? kListWidth * em : 0, 0},
                          ImGuiChildFlags_NavFlattened) &&
        list_.draw(snapshot, commands) && !wide)
        shows_list_ = false;
    ImGui::EndChild();
    if (!wide)
        return; // the list covers the messages until one is chosen
    ImGui::SameLine();
    if (ImGui::BeginChild("##conversation", {0, 0}, ImGuiChildFlags_NavFlattened))
        drawConversation(snapshot, commands);
    ImGui::EndChild();
}

void ChatPanel::drawHeader(const Snapshot &snapshot, CommandQueue &commands) {
    const Chat &chat = snapshot.chat;
    const float space = ImGui::GetStyle().ItemSpacing.x;
    const char *list = tr("Conversations"), *fresh = tr("New"), *share = tr("Export"),
               *settings = tr("Prompt"), *find = tr("Find");
    const bool has_messages = !chat.messages.empty();
    const float begin = ImGui::GetCursorPosX(), width = ImGui::GetContentRegionAvail().x;
    const ImVec4 ground =
        ImGui::GetStyleColorVec4(shows_list_ ? ImGuiCol_ButtonActive : ImGuiCol_Button);
    ImGui::PushStyleColor(ImGuiCol_Button, ground);
    if (ImGui::Button(list))
        shows_list_ = !shows_list_;
    ImGui::PopStyleColor();
    const float right = buttonWidth(fresh) + space + buttonWidth(settings) +
                        (has_messages ? 2 * space + buttonWidth(share) + buttonWidth(find) : 0);
    const float title_width = width - buttonWidth(list) - right - 2 * space;
    if (title_width > 4 * ImGui::GetFontSize()) {
        ImGui::SameLine();
        const std::string title = chat.title.empty() ? tr("New conversation") : chat.title;
        const ImVec2 at = ImGui::GetCursorScreenPos();
        ImGui::PushClipRect(at, {at.x + title_width, at.y + ImGui::GetFrameHeight()}, true);
        ImGui::AlignTextToFramePadding();
        ImGui::TextColored(mutedText(), "%s", title.c_str());
        ImGui::PopClipRect();
    }
    ImGui::SameLine(begin + std::max(width - right, buttonWidth(list) + space), 0);
    if (has_messages) {
        if (ImGui::Button(share))
            ImGui::OpenPopup("Export");
        drawExportMenu(snapshot);
        ImGui::SameLine();
        if (ImGui::Button(find))
            find_.toggle();
        ImGui::SetItemTooltip("%s", tr("Find words in this conversation (Ctrl+F)"));
        ImGui::SameLine();
    }
    if (ImGui::Button(settings))
        ChatOptions::open();
    ImGui::SetItemTooltip("%s", tr("System prompt and sampling"));
    ImGui::SameLine();
    if (ImGui::Button(fresh)) {
        commands.push(command::NewConversation{});
        composer_.focus();
    }
    ImGui::SetItemTooltip("%s", tr("New conversation"));
}

void ChatPanel::drawExportMenu(const Snapshot &snapshot) {
    if (!ImGui::BeginPopup("Export"))
        return;
    const Chat &chat = snapshot.chat;
    if (ImGui::MenuItem(tr("Copy conversation")))
        ImGui::SetClipboardText(conversationText(chat).c_str());
    if (choose_save_path && chat.open != 0) {
        ImGui::Separator();
        if (ImGui::MenuItem(tr("Save as Markdown...")))
            chooseExport(chat.open, command::ExportFormat::markdown, chat.title, ".md");
        if (ImGui::MenuItem(tr("Save as HTML...")))
            chooseExport(chat.open, command::ExportFormat::html, chat.title, ".html");
        if (ImGui::MenuItem(tr("Save as JSON...")))
            chooseExport(chat.open, command::ExportFormat::json, chat.title, ".json");
    }
    ImGui::EndPopup();
}

void ChatPanel::chooseExport(uint64_t conversation, command::ExportFormat format,
                             const std::string &title, const char *ending) {
    choose_save_path(
        [chosen = chosen_, conversation, format](std::string path) {
            if (!path.empty())
                chosen->push_back(
                    command::ExportConversation{conversation, format, std::move(path)});
        },
        fileName(title, ending).c_str());
}

void ChatPanel::drawConversation(const Snapshot &snapshot, CommandQueue &commands) {
    const float em = ImGui::GetFontSize();
    if (const auto found = find_.draw(snapshot.chat, commands))
        messages_.goTo(*found);
    if (footer_height_ == 0)
        footer_height_ = 8 * em;
    const float spacing = ImGui::GetStyle().ItemSpacing.y;
    const float height =
        std::max(ImGui::GetContentRegionAvail().y - footer_height_ - spacing, 4 * em);
    messages_.draw(snapshot, commands, height);
    const float top = ImGui::GetCursorPosY();
    drawProgress(snapshot, commands);
    composer_.draw(snapshot, commands);
    drawContextBar(snapshot);
    footer_height_ = ImGui::GetCursorPosY() - top - spacing;
}

} // namespace longscope::ui
