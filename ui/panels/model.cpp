#include "ui/panels/model.h"

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

double real(uint64_t n) {
    return static_cast<double>(n);
}

std::string fileName(const std::string &path) {
    size_t slash = path.find_last_of("/\\");
    return slash == path.npos ? path : path.substr(slash + 1);
}

/// By its number, because two devices may have one name; "" = the best.
std::string deviceInUse(const Snapshot &snapshot) {
    for (const DeviceRow &device : snapshot.machine.devices)
        if (device.is_used)
            return std::to_string(device.index);
    return "";
}

/// How the weights and each window fit into what is free.
void drawWindows(const LoadForecast &forecast) {
    double share =
        forecast.free_bytes > 0 ? real(forecast.weight_bytes) / real(forecast.free_bytes) : 0;
    ImGui::Text(tr("Weights: %s of %s that are free"),
                byteText(real(forecast.weight_bytes)).c_str(),
                byteText(real(forecast.free_bytes)).c_str());
    shareBar(share, share > 1 ? error() : accent());
    if (forecast.windows.empty() ||
        !ImGui::BeginTable("##windows", 3,
                           ImGuiTableFlags_BordersInnerH | ImGuiTableFlags_SizingStretchSame))
        return;
    for (const char *title : {"Window", "Memory in all", "Fits"})
        ImGui::TableSetupColumn(tr(title));
    ImGui::TableHeadersRow();
    for (auto [tokens, bytes] : forecast.windows) {
        ImGui::TableNextRow();
        ImGui::TableNextColumn();
        ImGui::TextUnformatted(tokensText(tokens).c_str());
        ImGui::TableNextColumn();
        ImGui::TextUnformatted(byteText(real(bytes)).c_str());
        ImGui::TableNextColumn();
        bool fits = bytes <= forecast.free_bytes;
        ImGui::TextColored(fits ? good() : error(), "%s", fits ? tr("yes") : tr("no"));
    }
    ImGui::EndTable();
}

} // namespace

void ModelPanel::drawOpen(const Snapshot &snapshot, CommandQueue &commands) {
    auto forecast = [&](const std::string &path) {
        answered_.reset();
        commands.push(command::ForecastModel{path, deviceInUse(snapshot)});
    };
    if (!chosen_->empty()) {
        forecast(*chosen_);
        chosen_->clear();
    }
    if (choose_model_file) {
        if (ImGui::Button(tr("Open a GGUF file...")))
            choose_model_file([box = chosen_](std::string path) { *box = std::move(path); });
        ImGui::SameLine();
    }
    const std::vector<std::string> &recent = snapshot.preferences.recent_models;
    if (!recent.empty()) {
        ImGui::SetNextItemWidth(12 * ImGui::GetFontSize());
        if (ImGui::BeginCombo("##recent", tr("Recent models"))) {
            for (size_t i = 0; i < recent.size(); ++i) {
                ImGui::PushID(static_cast<int>(i));
                if (ImGui::Selectable(fileName(recent[i]).c_str()))
                    forecast(recent[i]);
                ImGui::SetItemTooltip("%s", recent[i].c_str());
                ImGui::PopID();
            }
            ImGui::EndCombo();
        }
        ImGui::SameLine();
    }
    mutedLine(tr("or drop a file on the window"));
}

void ModelPanel::drawForecast(const Snapshot &snapshot, CommandQueue &commands) {
    const auto &forecast = snapshot.load_forecast;
    if (!forecast || forecast == answered_)
        return;
    ImGui::PushStyleColor(ImGuiCol_ChildBg, codeGround());
    ImGui::BeginChild("##forecast", {0, 0},
                      ImGuiChildFlags_AutoResizeY | ImGuiChildFlags_AlwaysUseWindowPadding);
    pushBold();
    ImGui::TextWrapped("%s", forecast->name.empty() ? fileName(forecast->path).c_str()
                                                    : forecast->name.c_str());
    ImGui::PopFont();
    mutedLine(forecast->path);
    if (!forecast->problem.empty()) {
        colouredText(error(), forecast->problem);
    }
    drawFacts("##facts", forecast->facts);
    if (forecast->weight_bytes > 0)
        drawWindows(*forecast);
    ImGui::BeginDisabled(!forecast->problem.empty());
    if (ImGui::Button(tr("Load"), {7 * ImGui::GetFontSize(), 0})) {
        commands.push(command::LoadModel{forecast->path, deviceInUse(snapshot)});
        answered_ = forecast;
    }
    ImGui::EndDisabled();
    ImGui::SameLine();
    if (ImGui::Button(tr("Cancel"), {7 * ImGui::GetFontSize(), 0}))
        answered_ = forecast;
    ImGui::EndChild();
    ImGui::PopStyleColor();
}

void ModelPanel::drawLoaded(const Snapshot &snapshot, CommandQueue &commands) {
    if (!snapshot.model) {
        ImGui::TextWrapped("%s", tr("No model is loaded. Open a GGUF file: a model with its "
                                    "weights, from anywhere on this computer."));
        if (!snapshot.paths.model.empty() &&
            ImGui::Button(say("Load {}", fileName(snapshot.paths.model)).c_str()))
            commands.push(command::LoadModel{});
        return;
    }
    const Model &model = *snapshot.model;
    ImGui::PushFont(fonts().bold, 1.2F * fontBase());
    ImGui::TextWrapped("%s", model.name.c_str());
    ImGui::PopFont();
    ImGui::TextWrapped(tr("%s parameters at %s bits a weight, %s on %s, trained for %s."),
                       countText(real(model.parameters)).c_str(),
                       shortNumber(model.bits_per_weight).c_str(),
                       byteText(real(model.weight_bytes)).c_str(), model.device.c_str(),
                       tokensText(model.trained_tokens).c_str());
    ImGui::TextWrapped(tr("%u layers, %u heads over %u of keys and values, %u numbers a head. "
                          "Loaded in %s."),
                       model.layers, model.heads, model.kv_heads, model.head_dim,
                       secondsText(model.load_seconds).c_str());
    if (model.is_small) {
        colouredText(warning(), tr("A small model: good to look into, not to be believed."));
    }
    if (ImGui::SmallButton(tr("Unload")))
        commands.push(command::UnloadModel{});
    ImGui::SameLine();
    ImGui::TextColored(mutedText(), "%s", model.path.c_str());
    contents_.draw(snapshot.model);
}

void ModelPanel::draw(const Snapshot &snapshot, CommandQueue &commands) {
    if (!ImGui::BeginTabBar("##tabs"))
        return;
    auto tab = [](const char *label, const auto &content) {
        if (!ImGui::BeginTabItem(tr(label)))
            return;
        if (ImGui::BeginChild(label))
            content();
        ImGui::EndChild();
        ImGui::EndTabItem();
    };
    tab("Model##tab", [&] {
        drawOpen(snapshot, commands);
        drawForecast(snapshot, commands);
        ImGui::Spacing();
        drawLoaded(snapshot, commands);
    });
    tab("Devices", [&] { devices_.draw(snapshot, commands); });
    tab("Self-test", [&] { checks_.drawSelfTest(snapshot, commands); });
    tab("Kernel times", [&] { checks_.drawProfile(snapshot, commands); });
    ImGui::EndTabBar();
}

} // namespace longscope::ui
