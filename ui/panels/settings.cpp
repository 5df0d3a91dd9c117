#include "ui/panels/settings.h"

#include "compute/core/text.h"
#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <cmath>
#include <format>

namespace longscope::ui {
namespace {

constexpr float kLeastScale = 0.5F, kMostScale = 3, kLeastFont = 10, kMostFont = 32;

/// A number with buttons: a slider would move away under the mouse, because everything grows.
/// Returns the change: -1, 0 or 1; 2: back to the usual.
int stepper(const char *label, const std::string &value, bool is_usual) {
    const float em = ImGui::GetFontSize();
    int change = 0;
    ImGui::PushID(label);
    ImGui::AlignTextToFramePadding();
    ImGui::TextUnformatted(tr(label));
    ImGui::SameLine(9 * em);
    if (ImGui::Button("-", {2 * em, 0}))
        change = -1;
    ImGui::SameLine();
    float room = 5 * em, width = ImGui::CalcTextSize(value.c_str()).x;
    float left = ImGui::GetCursorPosX();
    ImGui::SetCursorPosX(left + (room - width) / 2);
    ImGui::TextUnformatted(value.c_str());
    ImGui::SameLine(left + room);
    if (ImGui::Button("+", {2 * em, 0}))
        change = 1;
    ImGui::SameLine();
    ImGui::BeginDisabled(is_usual);
    if (ImGui::Button(tr("Usual")))
        change = 2;
    ImGui::EndDisabled();
    ImGui::PopID();
    return change;
}

bool isNear(float a, float b) {
    return std::abs(a - b) < 1e-3F;
}

struct Licence {
    const char *name, *licence, *use;
};
constexpr Licence kLicences[] = {
    {"Dear ImGui", "MIT", "the window's controls"},
    {"ImPlot", "MIT", "curves"},
    {"imgui_rich_md, md4c", "MIT", "Markdown"},
    {"GLFW", "zlib", "the window itself"},
    {"FreeType", "FreeType licence", "letters"},
    {"fontconfig", "MIT", "finding fonts"},
    {"Inter, JetBrains Mono", "SIL Open Font 1.1", "fonts"},
    {"Vulkan loader, Vulkan Memory Allocator", "Apache 2.0, MIT", "the device"},
    {"Jinja of llama.cpp", "MIT", "chat templates"},
    {"PCRE2", "BSD", "splitting text into tokens"},
    {"SentencePiece", "Apache 2.0", "tokens of some models"},
    {"nlohmann json", "MIT", "files of settings"},
    {"Snowball stemmer", "BSD", "key sentences"},
    {"zlib, libpng", "zlib, libpng licence", "kept sessions, pictures"},
};

} // namespace

void SettingsPanel::drawLook(const Preferences &now, CommandQueue &commands) {
    ImGui::SeparatorText(tr("Look"));
    Preferences wanted = now;
    struct Row {
        ThemeChoice theme;
        const char *label;
    };
    static constexpr Row kRows[] = {{ThemeChoice::dark, "Dark"},
                                    {ThemeChoice::light, "Light"},
                                    {ThemeChoice::high_contrast, "High contrast"},
                                    {ThemeChoice::system, "Follow the system"}};
    for (const Row &row : kRows) {
        if (row.theme == ThemeChoice::system && !system_theme_known)
            continue;
        if (row.theme != ThemeChoice::dark)
            ImGui::SameLine();
        if (ImGui::RadioButton(tr(row.label), now.theme == row.theme))
            wanted.theme = row.theme;
    }
    ImGui::Spacing();
    int change = stepper("Size of everything", std::format("{:.0f} %", now.scale * 100),
                         isNear(now.scale, 1));
    if (change == 2)
        wanted.scale = 1;
    else if (change != 0)
        wanted.scale =
            std::clamp(now.scale + 0.1F * static_cast<float>(change), kLeastScale, kMostScale);
    change = stepper("Size of text", std::format("{:.0f} px", now.font_size),
                     isNear(now.font_size, kDefaultFontPixels));
    if (change == 2)
        wanted.font_size = kDefaultFontPixels;
    else if (change != 0)
        wanted.font_size =
            std::clamp(now.font_size + static_cast<float>(change), kLeastFont, kMostFont);
    ImGui::Checkbox(tr("Show where tokens begin in documents"), &wanted.token_marks);
    if (!fonts().note.empty())
        mutedLine(fonts().note.c_str());
    mutedLine(tr("The window speaks English; it has no other language yet."));
    if (wanted != now)
        commands.push(command::SetPreferences{wanted});
}

void SettingsPanel::drawShortcuts() {
    if (shortcuts.empty() || !ImGui::CollapsingHeader(tr("Shortcuts")))
        return;
    ImGui::SetNextItemWidth(16 * ImGui::GetFontSize());
    ImGui::InputTextWithHint("##shortcut", tr("Search"), &wanted_);
    if (!ImGui::BeginTable("##shortcuts", 2,
                           ImGuiTableFlags_RowBg | ImGuiTableFlags_SizingStretchProp))
        return;
    for (const auto &[action, keys] : shortcuts) {
        if (!containsIgnoringCase(action, wanted_) && !containsIgnoringCase(keys, wanted_))
            continue;
        ImGui::TableNextRow();
        ImGui::TableNextColumn();
        ImGui::TextUnformatted(action.c_str());
        ImGui::TableNextColumn();
        pushMono();
        ImGui::TextUnformatted(keys.c_str());
        ImGui::PopFont();
    }
    ImGui::EndTable();
}

void SettingsPanel::drawPaths(const Paths &paths) {
    ImGui::SeparatorText(tr("Where things lie"));
    struct Row {
        const char *label;
        const std::string &path;
    };
    const Row rows[] = {{"Conversations, documents", paths.library},
                        {"Model", paths.model},
                        {"Settings", paths.config},
                        {"Everything else", paths.data}};
    if (ImGui::BeginTable("##paths", 3, ImGuiTableFlags_SizingStretchProp)) {
        const float em = ImGui::GetFontSize();
        ImGui::TableSetupColumn("what", ImGuiTableColumnFlags_WidthFixed, 12 * em);
        ImGui::TableSetupColumn("path", ImGuiTableColumnFlags_WidthStretch);
        ImGui::TableSetupColumn("copy", ImGuiTableColumnFlags_WidthFixed);
        for (const Row &row : rows) {
            if (row.path.empty())
                continue;
            ImGui::TableNextRow();
            ImGui::TableNextColumn();
            ImGui::TextColored(mutedText(), "%s", tr(row.label));
            ImGui::TableNextColumn();
            ImGui::TextWrapped("%s", row.path.c_str());
            ImGui::TableNextColumn();
            ImGui::PushID(row.label);
            if (ImGui::SmallButton(tr("Copy")))
                ImGui::SetClipboardText(row.path.c_str());
            ImGui::PopID();
        }
        ImGui::EndTable();
    }
    mutedLine(
        paths.portable
            ? tr("Portable: settings and conversations lie beside the program and move with it.")
            : tr("To carry the program on a stick, make a folder \"longscope-data\" beside it, or "
                 "start it once with --portable: settings and conversations are then kept "
                 "there."));
}

void SettingsPanel::drawAbout() {
    ImGui::SeparatorText(tr("Nothing leaves this computer"));
    ImGui::TextWrapped(
        "%s", tr("Texts, questions and answers are worked on here and kept here. The program sends "
                 "nothing, asks no server, counts nothing and looks for no updates. Links and "
                 "pictures in answers are not opened. To take everything away, delete the files "
                 "above."));
}

void SettingsPanel::drawLicences() {
    if (!ImGui::CollapsingHeader(tr("Libraries and their licences")))
        return;
    if (!ImGui::BeginTable("##licences", 3,
                           ImGuiTableFlags_RowBg | ImGuiTableFlags_SizingStretchProp))
        return;
    for (const Licence &licence : kLicences) {
        ImGui::TableNextRow();
        for (const char *text : {licence.name, licence.licence, tr(licence.use)}) {
            ImGui::TableNextColumn();
            ImGui::TextWrapped("%s", text);
        }
    }
    ImGui::EndTable();
}

void SettingsPanel::draw(const Snapshot &snapshot, CommandQueue &commands) {
    drawLook(snapshot.preferences, commands);
    ImGui::Spacing();
    drawPaths(snapshot.paths);
    ImGui::Spacing();
    drawAbout();
    ImGui::Spacing();
    drawShortcuts();
    drawLicences();
}

} // namespace longscope::ui
