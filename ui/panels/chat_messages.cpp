#include "ui/panels/chat_messages.h"

#include "ui/theme.h"
#include "ui/widgets/lines.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <unordered_set>
#include <utility>

namespace longscope::ui {
namespace {

/// What a frame may spend on messages that are out of view.
constexpr double kMeasureMs = 3;

double nowMs() {
    using namespace std::chrono;
    return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

float guessHeight(const Message &message, float width) {
    const float per_line = std::max(width / (0.5F * ImGui::GetFontSize()), 8.0F);
    const float lines = 3 + std::ceil(static_cast<float>(message.text.size()) / per_line);
    return lines * ImGui::GetTextLineHeightWithSpacing();
}

} // namespace

void MessageList::draw(const Snapshot &snapshot, CommandQueue &commands, float height) {
    followConversation(snapshot.chat);
    // The scroll bar is always there: without it all texts would wrap anew when it comes.
    if (!scrolls_)
        for (int colour : {ImGuiCol_ScrollbarGrab, ImGuiCol_ScrollbarGrabHovered,
                           ImGuiCol_ScrollbarGrabActive, ImGuiCol_ScrollbarBg})
            ImGui::PushStyleColor(colour, ImVec4(0, 0, 0, 0));
    const bool open = ImGui::BeginChild("##messages", {0, height}, ImGuiChildFlags_NavFlattened,
                                        ImGuiWindowFlags_AlwaysVerticalScrollbar);
    if (!scrolls_)
        ImGui::PopStyleColor(4);
    scrolls_ = ImGui::GetScrollMaxY() > 0;
    if (open) {
        follow();
        if (snapshot.chat.messages.empty())
            drawEmpty(snapshot);
        else
            drawMessages(snapshot, commands);
    }
    ImGui::EndChild();
}

void MessageList::followConversation(const Chat &chat) {
    if (chat.open != open_) {
        open_ = chat.open;
        follows_ = true;
        edit_ = {};
    }
    if (entries_.size() <= chat.messages.size() + 64)
        return;
    std::unordered_set<uint64_t> shown;
    for (const auto &message : chat.messages)
        shown.insert(message->id);
    std::erase_if(entries_, [&](const auto &entry) { return !shown.contains(entry.first); });
}

/// The end is followed until the user scrolls up, and again from when it is reached.
void MessageList::follow() {
    const float scroll = ImGui::GetScrollY();
    if (scroll >= ImGui::GetScrollMaxY() - 2)
        follows_ = true;
    else if (scroll < scroll_ - 0.5F)
        follows_ = false;
    scroll_ = scroll;
}

void MessageList::drawEmpty(const Snapshot &snapshot) {
    ImGui::Dummy({0, std::max(ImGui::GetContentRegionAvail().y * 0.35F, 1.0F)});
    const auto document = snapshot.documents.shown();
    centredText(mutedText(),
                document ? say("Ask something about {}, or let it be summarized.", document->title)
                         : tr("Ask something, or open a document first to ask about it."));
}

void MessageList::drawMessages(const Snapshot &snapshot, CommandQueue &commands) {
    const float width = ImGui::GetContentRegionAvail().x;
    const float view_top = ImGui::GetWindowPos().y;
    const bool resized = std::abs(width - width_) > 0.5F || font_size_ != ImGui::GetFontSize();
    width_ = width;
    font_size_ = ImGui::GetFontSize();
    const double begin = nowMs();
    std::optional<float> wanted_y;
    float moved = 0; // what is above the view grew by this much
    pending_ = false;
    MessageScene scene{snapshot, commands, edit_};
    const auto &messages = snapshot.chat.messages;
    for (size_t i = 0; i < messages.size(); i++) {
        const auto &message = messages[i];
        Entry &entry = entries_[message->id];
        if (resized)
            entry.height = -1;
        const bool known = entry.height >= 0 && entry.drawn == message.get();
        const float expected = entry.height >= 0 ? entry.height : guessHeight(*message, width);
        const float top = ImGui::GetCursorScreenPos().y;
        if (message->id == wanted_)
            wanted_y = ImGui::GetCursorPosY();
        const bool visible = ImGui::IsRectVisible({width, expected});
        if (!visible && (known || nowMs() - begin > kMeasureMs)) {
            pending_ = pending_ || !known;
            ImGui::Dummy({0, std::max(expected - ImGui::GetStyle().ItemSpacing.y, 0.0F)});
        } else {
            scene.is_last = i + 1 == messages.size();
            entry.view.draw(message, scene);
            entry.height = ImGui::GetCursorScreenPos().y - top;
            entry.drawn = message.get();
        }
        const float taken = ImGui::GetCursorScreenPos().y - top;
        if (top < view_top && entry.taken > 0 && top + entry.taken <= view_top + 1)
            moved += taken - entry.taken;
        entry.taken = taken;
    }
    if (wanted_frames_ > 0 && --wanted_frames_ >= 0 && wanted_y) {
        pending_ = true;
        follows_ = false;
        scroll_ = std::max(*wanted_y - 2 * ImGui::GetFontSize(), 0.0F);
        ImGui::SetScrollY(scroll_);
    } else if (follows_)
        ImGui::SetScrollY(ImGui::GetCursorPosY() + ImGui::GetWindowHeight());
    else if (moved != 0 && !resized)
        ImGui::SetScrollY(scroll_ += moved);
    settle(snapshot);
    drawJumpButton();
}

/// What grew is as high as it will be, and scrolled to, only some frames later. While the engine
/// works there are frames enough.
void MessageList::settle(const Snapshot &snapshot) {
    if (std::exchange(end_, ImGui::GetCursorPosY()) != ImGui::GetCursorPosY())
        unsettled_ = snapshot.busy() ? 0 : 3;
    pending_ = pending_ || unsettled_ > 0;
    unsettled_ -= unsettled_ > 0 ? 1 : 0;
}

void MessageList::drawJumpButton() {
    if (follows_)
        return;
    const char *label = tr("Jump to newest");
    const float em = ImGui::GetFontSize();
    const ImVec2 size(ImGui::CalcTextSize(label).x + 2 * ImGui::GetStyle().FramePadding.x,
                      ImGui::GetFrameHeight());
    const ImVec2 back = ImGui::GetCursorPos();
    ImGui::SetCursorScreenPos(
        {ImGui::GetWindowPos().x + (width_ - size.x) / 2,
         ImGui::GetWindowPos().y + ImGui::GetWindowHeight() - size.y - 0.5F * em});
    if (ImGui::Button(label))
        follows_ = true;
    ImGui::SetCursorPos(back);
    ImGui::Dummy({0, 0});
}

} // namespace longscope::ui
