#include "ui/notices.h"

#include "ui/strings.h"
#include "ui/theme.h"

#include <imgui_internal.h>

#include <algorithm>
#include <format>

namespace longscope::ui {
namespace {

constexpr double kNewsSeconds = 8; ///< that news stay; with a way back longer
constexpr double kUndoSeconds = 30;
constexpr size_t kShownMost = 4;

double secondsShown(const Notice &notice) {
    return notice.undo.empty() ? kNewsSeconds : kUndoSeconds;
}

ImVec4 colourOf(NoticeKind kind) {
    return kind == NoticeKind::error ? error() : kind == NoticeKind::warning ? warning() : accent();
}

} // namespace

void Notices::drawOne(const Notice &notice, CommandQueue &commands) {
    ImGui::PushID(static_cast<int>(notice.id));
    ImVec2 corner = ImGui::GetCursorScreenPos();
    float em = ImGui::GetFontSize();
    ImGui::BeginGroup();
    ImGui::Indent(0.7f * em);
    ImGui::PushTextWrapPos(ImGui::GetCursorPosX() + ImGui::GetContentRegionAvail().x);
    ImGui::TextUnformatted(notice.text.c_str());
    ImGui::PopTextWrapPos();
    if (!notice.undo.empty() && ImGui::SmallButton(tr(notice.undo.c_str())))
        commands.push(command::UndoNotice{notice.id});
    if (!notice.undo.empty())
        ImGui::SameLine();
    if (notice.kind != NoticeKind::info) {
        if (ImGui::SmallButton(tr("Copy")))
            ImGui::SetClipboardText(
                (notice.details.empty() ? notice.text : notice.text + "\n" + notice.details)
                    .c_str());
        ImGui::SameLine();
    }
    if (ImGui::SmallButton(tr("Dismiss")))
        commands.push(command::DismissNotice{notice.id});
    ImGui::Unindent(0.7f * em);
    ImGui::EndGroup();
    ImGui::GetWindowDrawList()->AddRectFilled(corner,
                                              {corner.x + 0.25f * em, ImGui::GetItemRectMax().y},
                                              ImGui::GetColorU32(colourOf(notice.kind)));
    ImGui::PopID();
}

void Notices::draw(const Snapshot &snapshot, CommandQueue &commands) {
    std::vector<const Notice *> shown;
    is_fading_ = false;
    for (const Notice &notice : snapshot.notices) {
        double since =
            ImGui::GetTime() - first_seen_.try_emplace(notice.id, ImGui::GetTime()).first->second;
        if (notice.kind == NoticeKind::info && since > secondsShown(notice)) {
            commands.push(command::DismissNotice{notice.id});
            continue;
        }
        is_fading_ = is_fading_ || notice.kind == NoticeKind::info;
        shown.push_back(&notice);
    }
    if (shown.empty())
        return;
    if (shown.size() > kShownMost)
        shown.erase(shown.begin(), shown.end() - kShownMost);
    const ImGuiViewport *screen = ImGui::GetMainViewport();
    float em = ImGui::GetFontSize();
    // At the left, over the text of the document: at the right they would cover buttons.
    ImGui::SetNextWindowPos({screen->WorkPos.x + em, screen->WorkPos.y + screen->WorkSize.y - em},
                            ImGuiCond_Always, {0, 1});
    ImGui::SetNextWindowSize({26 * em, 0});
    constexpr ImGuiWindowFlags kFlags =
        ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings |
        ImGuiWindowFlags_NoFocusOnAppearing | ImGuiWindowFlags_NoDocking;
    ImGui::Begin("Notices", nullptr, kFlags);
    ImGui::BringWindowToDisplayFront(ImGui::GetCurrentWindow());
    for (const Notice *notice : shown) {
        if (notice != shown.front())
            ImGui::Separator();
        drawOne(*notice, commands);
    }
    ImGui::End();
}

} // namespace longscope::ui
