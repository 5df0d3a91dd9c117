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

void drawTask(const TaskView &task, CommandQueue &commands) {
    ImGui::BeginDisabled(task.stopping);
    if (ImGui::SmallButton(task.stopping ? tr("Stopping") : tr("Stop")))
        commands.push(command::StopTask{task.id});
    ImGui::EndDisabled();
    ImGui::SameLine();
    if (task.progress.total > 0) {
        float done = static_cast<float>(task.progress.done) / static_cast<float>(task.progress.total);
        ImGui::ProgressBar(std::min(done, 1.f), {8 * ImGui::GetFontSize(), ImGui::GetTextLineHeight()},
                           "");
        ImGui::SameLine();
    }
    std::string progress = task.running ? progressText(task) : tr("waiting");
    ImGui::TextUnformatted((task.title + (progress.empty() ? "" : ": " + progress)).c_str());
}

void drawFacts(const Snapshot &snapshot) {
    if (snapshot.model) {
        ImGui::TextUnformatted(snapshot.model->name.c_str());
        separator();
        ImGui::TextUnformatted(snapshot.model->device.c_str());
    } else {
        ImGui::TextColored(mutedText(), "%s", tr("No model is loaded yet"));
    }
    if (const Memory &memory = snapshot.memory; memory.window_tokens) {
        separator();
        ImGui::TextUnformatted(say("{} of {}", countText(static_cast<double>(memory.used_tokens)),
                                   tokensText(memory.window_tokens))
                                   .c_str());
    }
    if (snapshot.write_tokens_per_second > 0) {
        separator();
        ImGui::TextUnformatted(say("read {:.0f}/s, wrote {:.0f}/s", snapshot.prompt_tokens_per_second,
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
    constexpr ImGuiWindowFlags kFlags = ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoSavedSettings |
                                        ImGuiWindowFlags_MenuBar;
    if (ImGui::BeginViewportSideBar("##status", ImGui::GetMainViewport(), ImGuiDir_Down,
                                    ImGui::GetFrameHeight(), kFlags)) {
        if (ImGui::BeginMenuBar()) {
            drawFacts(snapshot);
            if (!snapshot.tasks.empty()) {
                separator();
                drawTask(snapshot.tasks.front(), commands);
                if (snapshot.tasks.size() > 1)
                    ImGui::TextColored(mutedText(), "%s",
                                       say("+ {} more", snapshot.tasks.size() - 1).c_str());
            }
            ImGui::EndMenuBar();
        }
    }
    ImGui::End();
}

} // namespace longscope::ui
