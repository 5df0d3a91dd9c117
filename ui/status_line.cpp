#include "ui/status_line.h"

#include "ui/panels/chat_text.h"
#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/quantity.h"

#include <imgui_internal.h>

#include <algorithm>

namespace longscope::ui {
namespace {

void separator() {
    ImGui::SameLine();
    ImGui::TextColored(mutedText(), "|");
    ImGui::SameLine();
}

void drawTask(const TaskView &task, size_t others, CommandQueue &commands) {
    ImGui::BeginDisabled(task.stopping);
    if (ImGui::SmallButton(task.stopping ? tr("Stopping") : tr("Stop")))
        commands.push(command::StopTask{task.id});
    ImGui::EndDisabled();
    ImGui::SameLine();
    const float em = ImGui::GetFontSize();
    if (task.progress.total > 0) {
        auto done =
            static_cast<float>(task.progress.done) / static_cast<float>(task.progress.total);
        const float height = 0.6F * em;
        const float top = ImGui::GetCursorPosY();
        ImGui::SetCursorPosY(top + (ImGui::GetFrameHeight() - height) / 2);
        ImGui::ProgressBar(std::min(done, 1.f), {6 * em, height}, "");
        ImGui::SameLine();
        ImGui::SetCursorPosY(top);
    }
    const std::string progress = task.running ? progressText(task) : tr("waiting");
    std::string text = task.title + (progress.empty() ? "" : ": " + progress);
    if (others > 0)
        text += " \u00B7 " +
                (others == 1 ? std::string(tr("1 more waits")) : say("{} more wait", others));
    ImGui::TextUnformatted(text.c_str());
    ImGui::SetItemTooltip("%s", text.c_str()); // where it is cut off
}

/// While something runs there is room for the model alone beside it.
void drawFacts(const Snapshot &snapshot) {
    if (snapshot.model) {
        ImGui::TextUnformatted(snapshot.model->name.c_str());
        ImGui::SetItemTooltip("%s", snapshot.model->device.c_str());
        if (!snapshot.tasks.empty())
            return;
        separator();
        ImGui::TextUnformatted(snapshot.model->device.c_str());
    } else {
        ImGui::TextColored(mutedText(), "%s", tr("No model is loaded yet"));
    }
    if (const Memory &memory = snapshot.memory; memory.window_tokens) {
        separator();
        ImGui::TextUnformatted(
            say("{} of {}", numberText(memory.used_tokens), tokensText(memory.window_tokens))
                .c_str());
    }
    if (snapshot.write_tokens_per_second > 0) {
        separator();
        ImGui::TextUnformatted(say("read {:.0f}/s, wrote {:.0f}/s",
                                   snapshot.prompt_tokens_per_second,
                                   snapshot.write_tokens_per_second)
                                   .c_str());
    }
    if (snapshot.patterns.applied.attention != "full") {
        separator();
        ImGui::TextUnformatted(snapshot.patterns.applied.attention.c_str());
    }
}

} // namespace

void drawStatusLine(const Snapshot &snapshot, CommandQueue &commands) {
    constexpr ImGuiWindowFlags kFlags =
        ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoSavedSettings | ImGuiWindowFlags_MenuBar;
    if (ImGui::BeginViewportSideBar("##status", ImGui::GetMainViewport(), ImGuiDir_Down,
                                    ImGui::GetFrameHeight(), kFlags)) {
        if (ImGui::BeginMenuBar()) {
            drawFacts(snapshot);
            if (!snapshot.tasks.empty()) {
                separator();
                drawTask(snapshot.tasks.front(), snapshot.tasks.size() - 1, commands);
            }
            ImGui::EndMenuBar();
        }
    }
    ImGui::End();
}

} // namespace longscope::ui
