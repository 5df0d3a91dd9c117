// A panel alone in a window, over a snapshot that the test may change; what it pushed is kept.
#pragma once

#include "tests/panels/harness/harness.h"
#include "tests/panels/lab_samples.h"

#include "ui/panel.h"
#include "ui/theme.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace longscope::tests {

template <class PanelType> struct LabStage {
    explicit LabStage(float width = 900, float height = 780) : size(width, height) {}

    void draw() {
        ImGui::SetNextWindowPos({0, 0});
        ImGui::SetNextWindowSize(size);
        ImGui::Begin(panel.name());
        if (logged)
            ImGui::LogToClipboard();
        ui::CommandQueue commands;
        panel.draw(snapshot, commands);
        if (logged) {
            ImGui::LogFinish();
            logged = ImGui::GetClipboardText();
        }
        for (ui::Command &command : commands.take())
            pushed.push_back(std::move(command));
        ImGui::End();
    }
    template <class T> std::vector<T> all() const {
        std::vector<T> found;
        for (const ui::Command &command : pushed)
            if (const T *one = std::get_if<T>(&command))
                found.push_back(*one);
        return found;
    }
    /// All text that the panel shows, tooltips too.
    std::string text(ImGuiTestContext *ctx) {
        logged = "";
        ctx->Yield(2);
        return *std::exchange(logged, std::nullopt);
    }
    window::FrameClient client(ui::ThemeKind kind = ui::ThemeKind::dark) {
        return {.draw = [this] { draw(); }, .started = [kind] { ui::applyTheme(kind, 1); }};
    }

    ImVec2 size;
    PanelType panel;
    ui::Snapshot snapshot = ui::sample::makeLabSnapshot();
    std::vector<ui::Command> pushed;
    std::optional<std::string> logged;
};

inline bool isThere(ImGuiTestContext *ctx, const char *path) {
    return ctx->ItemInfo(path, ImGuiTestOpFlags_NoError).ID != 0;
}
/// An entry of the list `list` in a child window. (Lists have no labels that wildcards find.)
inline void choose(ImGuiTestContext *ctx, const char *child, const char *list, const char *entry) {
    const ImGuiID window = ctx->WindowInfo(child).ID;
    ctx->ItemClick(ctx->GetID(list, window));
    ctx->Yield(2);
    ctx->ItemClick((std::string("//##Combo_00/**/") + entry).c_str());
}
inline bool isDisabled(ImGuiTestContext *ctx, const char *path) {
    return (ctx->ItemInfo(path).ItemFlags & ImGuiItemFlags_Disabled) != 0;
}

} // namespace longscope::tests
