#include "ui/actions.h"

#include "ui/strings.h"
#include "ui/theme.h"

#include <imcmd_fuzzy_search.h>
#include <imgui_internal.h>
#include <misc/cpp/imgui_stdlib.h>

#include <algorithm>

namespace longscope::ui {
namespace {

constexpr size_t kShownMost = 12;

std::string keysText(ImGuiKeyChord keys) {
    return keys ? ImGui::GetKeyChordName(keys) : "";
}

bool isEnabled(const Action &action) {
    return !action.enabled || action.enabled();
}

/// Indices of the actions that the words fit, best first.
std::vector<size_t> found(const std::vector<Action> &actions, const std::string &search) {
    std::vector<std::pair<int, size_t>> scored;
    for (size_t i = 0; i < actions.size(); ++i) {
        std::string name = actions[i].menu + ": " + actions[i].name;
        int score = 0;
        if (isEnabled(actions[i]) &&
            (search.empty() || ImCmd::FuzzySearch(search.c_str(), name.c_str(), score)))
            scored.emplace_back(-score, i);
    }
    std::ranges::stable_sort(scored, {}, &std::pair<int, size_t>::first);
    std::vector<size_t> indices;
    for (size_t i = 0; i < std::min(scored.size(), kShownMost); ++i)
        indices.push_back(scored[i].second);
    return indices;
}

} // namespace

void Actions::drawMenus() {
    std::vector<std::string> menus;
    for (const Action &action : all_)
        if (std::ranges::find(menus, action.menu) == menus.end())
            menus.push_back(action.menu);
    if (std::exchange(menus_open_, false) && !menus.empty())
        ImGui::OpenPopup(tr(menus.front().c_str())); // as a click on it does
    for (const std::string &menu : menus) {
        if (!ImGui::BeginMenu(tr(menu.c_str())))
            continue;
        for (const Action &action : all_) {
            if (action.menu != menu)
                continue;
            if (action.new_group)
                ImGui::Separator();
            bool checked = action.checked && action.checked();
            if (ImGui::MenuItem(tr(action.name.c_str()), keysText(action.keys).c_str(), checked,
                                isEnabled(action)))
                action.run();
        }
        ImGui::EndMenu();
    }
}

void Actions::runShortcuts() const {
    for (const Action &action : all_)
        if (action.keys && isEnabled(action) &&
            ImGui::Shortcut(action.keys, ImGuiInputFlags_RouteGlobal))
            action.run();
}

void Actions::drawPalette() {
    constexpr const char *kPopup = "##command palette";
    if (std::exchange(palette_open_, false)) {
        search_.clear();
        chosen_ = 0;
        ImGui::OpenPopup(kPopup);
    }
    float em = ImGui::GetFontSize();
    const ImGuiViewport *screen = ImGui::GetMainViewport();
    ImGui::SetNextWindowPos({screen->GetCenter().x, screen->WorkPos.y + 4 * em}, ImGuiCond_Always,
                            {0.5f, 0});
    ImGui::SetNextWindowSize({36 * em, 0});
    if (!ImGui::BeginPopup(kPopup))
        return;
    if (ImGui::IsWindowAppearing())
        ImGui::SetKeyboardFocusHere();
    ImGui::SetNextItemWidth(-1);
    int step = 0; // as a callback of the field, or the arrows would leave it
    auto on_arrow = [](ImGuiInputTextCallbackData *data) {
        *static_cast<int *>(data->UserData) = data->EventKey == ImGuiKey_DownArrow ? 1 : -1;
        return 0;
    };
    std::string before = search_;
    bool entered = ImGui::InputTextWithHint("##search", tr("What do you want to do?"), &search_,
                                            ImGuiInputTextFlags_EnterReturnsTrue |
                                                ImGuiInputTextFlags_CallbackHistory,
                                            on_arrow, &step);
    if (search_ != before)
        chosen_ = 0;
    std::vector<size_t> shown = found(all_, search_);
    if (!shown.empty())
        chosen_ = (chosen_ + shown.size() + static_cast<size_t>(step)) % shown.size();
    const Action *run = nullptr;
    for (size_t i = 0; i < shown.size(); ++i) {
        const Action &action = all_[shown[i]];
        std::string label = std::string(tr(action.menu.c_str())) + ": " + tr(action.name.c_str());
        float right = ImGui::GetCursorPosX() + ImGui::GetContentRegionAvail().x;
        if (ImGui::Selectable(label.c_str(), i == chosen_) || (i == chosen_ && entered))
            run = &action;
        if (action.keys) {
            std::string keys = keysText(action.keys);
            ImGui::SameLine(right - ImGui::CalcTextSize(keys.c_str()).x);
            ImGui::TextColored(mutedText(), "%s", keys.c_str());
        }
    }
    if (shown.empty())
        ImGui::TextColored(mutedText(), "%s", tr("Nothing is called so."));
    if (run || ImGui::IsKeyPressed(ImGuiKey_Escape))
        ImGui::CloseCurrentPopup();
    ImGui::EndPopup();
    if (run)
        run->run();
}

std::vector<std::pair<std::string, std::string>> Actions::shortcuts() const {
    std::vector<std::pair<std::string, std::string>> list;
    for (const Action &action : all_)
        if (action.keys)
            list.emplace_back(tr(action.name.c_str()), keysText(action.keys));
    return list;
}

} // namespace longscope::ui
