#include "ui/panels/model_checks.h"

#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"
#include "ui/widgets/quantity.h"
#include "ui/widgets/share_bar.h"

#include <imgui.h>

#include <algorithm>
#include <format>

namespace longscope::ui {
namespace {

constexpr ImGuiTableFlags kTable =
    ImGuiTableFlags_BordersInnerH | ImGuiTableFlags_RowBg | ImGuiTableFlags_SizingStretchProp;

void cell(const std::string &text) {
    ImGui::TableNextColumn();
    ImGui::TextUnformatted(text.c_str());
}

bool hasFailed(const SelfTest::Line &line) {
    return line.worst > 1 || !line.failure.empty();
}

void sayResult(const SelfTest &test) {
    auto failed = static_cast<size_t>(std::ranges::count_if(test.lines, hasFailed));
    if (test.running)
        ImGui::TextColored(mutedText(), tr("%zu kernels checked so far ..."), test.lines.size());
    else if (!test.finished)
        ImGui::TextColored(warning(), "%s", tr("Stopped before the end."));
    else if (failed > 0)
        ImGui::TextColored(error(), tr("%zu of %zu kernels failed on this device."), failed,
                           test.lines.size());
    else
        ImGui::TextColored(good(), tr("All %zu kernels agree with their references."),
                           test.lines.size());
}

void drawLines(const SelfTest &test) {
    if (!ImGui::BeginTable("##lines", 4, kTable))
        return;
    const float em = ImGui::GetFontSize();
    ImGui::TableSetupColumn(tr("Kernel"), 0, 2);
    ImGui::TableSetupColumn(tr("Cases"), ImGuiTableColumnFlags_WidthFixed, 4 * em);
    ImGui::TableSetupColumn(tr("Worst error"), ImGuiTableColumnFlags_WidthFixed, 10 * em);
    ImGui::TableSetupColumn(tr("Result"), 0, 2);
    ImGui::TableHeadersRow();
    for (const SelfTest::Line &line : test.lines) {
        ImGui::TableNextRow();
        cell(line.kernel);
        cell(std::to_string(line.cases));
        cell(percentText(line.worst) + " of allowed");
        ImGui::TableNextColumn();
        if (hasFailed(line)) {
            colouredText(error(), line.failure.empty() ? tr("failed") : line.failure);
        } else {
            ImGui::TextColored(good(), "%s", tr("passed"));
        }
    }
    ImGui::EndTable();
}

void drawKernels(const char *id, const std::vector<KernelTime> &kernels) {
    double all = 0;
    for (const KernelTime &kernel : kernels)
        all += kernel.milliseconds;
    ImGui::Text(tr("%s in all"), secondsText(all / 1000).c_str());
    if (!ImGui::BeginTable(id, 6, kTable))
        return;
    const float em = ImGui::GetFontSize();
    ImGui::TableSetupColumn(tr("Kernel"), 0, 1.6F);
    ImGui::TableSetupColumn(tr("Calls"), ImGuiTableColumnFlags_WidthFixed, 3.5F * em);
    ImGui::TableSetupColumn(tr("Time"), ImGuiTableColumnFlags_WidthFixed, 5 * em);
    ImGui::TableSetupColumn(tr("Share"), 0, 1);
    ImGui::TableSetupColumn("GFLOP/s", ImGuiTableColumnFlags_WidthFixed, 4.5F * em);
    ImGui::TableSetupColumn("GB/s", ImGuiTableColumnFlags_WidthFixed, 4 * em);
    ImGui::TableHeadersRow();
    for (const KernelTime &kernel : kernels) {
        ImGui::TableNextRow();
        cell(kernel.kernel);
        cell(countText(static_cast<double>(kernel.dispatches)));
        cell(secondsText(kernel.milliseconds / 1000));
        ImGui::TableNextColumn();
        double share = all > 0 ? kernel.milliseconds / all : 0;
        shareBar(share, accent());
        cell(kernel.gflops > 0 ? shortNumber(kernel.gflops) : "");
        cell(kernel.gigabytes > 0 ? shortNumber(kernel.gigabytes) : "");
    }
    ImGui::EndTable();
}

void drawWhy(const Snapshot &snapshot) {
    if (ImGui::IsItemHovered(ImGuiHoveredFlags_AllowWhenDisabled) && !snapshot.model)
        ImGui::SetTooltip("%s", tr("Load a model first."));
}

} // namespace

void MachineChecks::drawSelfTest(const Snapshot &snapshot, CommandQueue &commands) {
    const SelfTest *test = snapshot.machine.self_test.get();
    mutedLine(tr("Compares every kernel on this device with a plain reference on the processor."));
    ImGui::BeginDisabled(test && test->running);
    if (ImGui::Button(tr("Run the self-test")))
        commands.push(command::RunSelfTest{});
    ImGui::EndDisabled();
    if (!test)
        return;
    if (!test->report.empty()) {
        ImGui::SameLine();
        if (ImGui::Button(tr("Copy the report")))
            ImGui::SetClipboardText(test->report.c_str());
    }
    if (test->running) {
        ImGui::SameLine();
        if (ImGui::Button(tr("Stop")))
            commands.push(command::Stop{});
    }
    sayResult(*test);
    drawLines(*test);
}

void MachineChecks::drawProfile(const Snapshot &snapshot, CommandQueue &commands) {
    mutedLine(tr("GPU time of each kernel while a chunk of text is read, and while one token is "
                 "written."));
    ImGui::BeginDisabled(!snapshot.model || snapshot.busy());
    if (ImGui::Button(tr("Measure the kernels")))
        commands.push(command::RunProfile{});
    ImGui::EndDisabled();
    drawWhy(snapshot);
    const Profile *profile = snapshot.machine.profile.get();
    if (!profile)
        return;
    std::string depth = tokensText(profile->depth_tokens);
    ImGui::SeparatorText(
        std::format("Reading {}, after {}", tokensText(profile->chunk_tokens), depth).c_str());
    drawKernels("##chunk", profile->chunk);
    ImGui::SeparatorText(std::format("Writing 1 token, after {}", depth).c_str());
    drawKernels("##token", profile->token);
}

} // namespace longscope::ui
