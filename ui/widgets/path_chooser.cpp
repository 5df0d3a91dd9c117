#include "ui/widgets/path_chooser.h"

#include "compute/core/text.h"
#include "ui/strings.h"
#include "ui/theme.h"

#include <imgui.h>
#include <misc/cpp/imgui_stdlib.h>

#include <algorithm>

namespace longscope::ui {
namespace {

constexpr const char *kPopup = "##path chooser";

bool endsWith(const std::string &name, const std::string &ending) {
    return asciiLower(name).ends_with(asciiLower(ending));
}

} // namespace

void PathChooser::open(Request request) {
    request_ = std::move(request);
    typed_ = request_.suggested_name;
    all_files_ = request_.endings.empty();
    wants_open_ = true;
    go(listing_.folder); // again: it may have changed
}

void PathChooser::go(const std::string &folder) {
    FolderListing next = list_(folder);
    replaces_.clear();
    if (!next.problem.empty() && !listing_.folder.empty()) {
        listing_.problem = next.problem; // and stay where we are
        return;
    }
    std::ranges::sort(next.entries, [](const PathEntry &a, const PathEntry &b) {
        return a.is_folder != b.is_folder ? a.is_folder : a.name < b.name;
    });
    listing_ = std::move(next);
}

std::string PathChooser::pathOf(const std::string &name) const {
    if (name.starts_with('/') || name.find(':') == 1)
        return name;
    bool has_separator = listing_.folder.ends_with('/');
    return listing_.folder + (has_separator ? "" : "/") + name;
}

bool PathChooser::isShown(const PathEntry &entry) const {
    if (entry.name.starts_with('.') && !show_hidden_)
        return false;
    if (entry.is_folder || all_files_)
        return true;
    return std::ranges::any_of(
        request_.endings, [&](const std::string &ending) { return endsWith(entry.name, ending); });
}

void PathChooser::choose(const std::string &path) {
    FolderListing as_folder = list_(path);
    if (as_folder.problem.empty()) { // a folder was typed
        typed_ = request_.suggested_name;
        go(path);
        return;
    }
    bool is_there = std::ranges::any_of(listing_.entries, [&](const PathEntry &entry) {
        return !entry.is_folder && pathOf(entry.name) == path;
    });
    if (request_.for_saving && is_there && replaces_ != path) {
        replaces_ = path;
        return;
    }
    is_open_ = false;
    ImGui::CloseCurrentPopup();
    if (request_.chosen)
        request_.chosen(path);
}

void PathChooser::drawEntry(const PathEntry &entry) {
    ImGui::TableNextRow();
    ImGui::TableNextColumn();
    std::string label = entry.is_folder ? entry.name + "/" : entry.name;
    bool is_chosen = typed_ == entry.name;
    if (ImGui::Selectable(label.c_str(), is_chosen,
                          ImGuiSelectableFlags_SpanAllColumns |
                              ImGuiSelectableFlags_AllowDoubleClick)) {
        bool twice = ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left) ||
                     ImGui::IsKeyPressed(ImGuiKey_Enter);
        if (entry.is_folder && twice)
            return go(pathOf(entry.name)); // the entries are another list now
        if (!entry.is_folder)
            typed_ = entry.name;
        if (!entry.is_folder && twice)
            choose(pathOf(entry.name));
    }
    ImGui::TableNextColumn();
    if (!entry.is_folder)
        ImGui::TextUnformatted(formatBytes(entry.bytes).c_str());
}

void PathChooser::drawEntries() {
    float line = ImGui::GetTextLineHeightWithSpacing();
    constexpr ImGuiTableFlags kFlags =
        ImGuiTableFlags_ScrollY | ImGuiTableFlags_RowBg | ImGuiTableFlags_BordersOuter;
    if (!ImGui::BeginTable("##entries", 2, kFlags, {0, 14 * line}))
        return;
    ImGui::TableSetupColumn("name", ImGuiTableColumnFlags_WidthStretch);
    ImGui::TableSetupColumn("size", ImGuiTableColumnFlags_WidthFixed, 6 * ImGui::GetFontSize());
    const std::string shown = listing_.folder;
    if (std::ranges::none_of(listing_.entries, [&](const PathEntry &e) { return isShown(e); })) {
        ImGui::TableNextColumn();
        ImGui::TextColored(mutedText(), "%s", tr("Nothing to choose in this folder."));
    }
    for (size_t i = 0; i < listing_.entries.size() && listing_.folder == shown && is_open_; ++i)
        if (isShown(listing_.entries[i]))
            drawEntry(PathEntry(listing_.entries[i]));
    ImGui::EndTable();
}

void PathChooser::draw() {
    if (wants_open_) {
        ImGui::OpenPopup(kPopup);
        wants_open_ = false;
        is_open_ = true;
    }
    ImGui::SetNextWindowPos(ImGui::GetMainViewport()->GetCenter(), ImGuiCond_Appearing,
                            {0.5f, 0.5f});
    ImGui::SetNextWindowSize({40 * ImGui::GetFontSize(), 0}, ImGuiCond_Appearing);
    if (!ImGui::BeginPopupModal(kPopup, nullptr, ImGuiWindowFlags_NoTitleBar)) {
        is_open_ = false;
        return;
    }
    pushHeading();
    ImGui::TextUnformatted(request_.title.c_str());
    ImGui::PopFont();
    ImGui::BeginDisabled(listing_.parent.empty());
    if (ImGui::Button(tr("Up")))
        go(listing_.parent);
    ImGui::EndDisabled();
    ImGui::SameLine();
    ImGui::TextUnformatted(listing_.folder.c_str());
    drawEntries();
    if (!listing_.problem.empty())
        ImGui::TextColored(error(), "%s", listing_.problem.c_str());
    if (!request_.endings.empty()) {
        ImGui::Checkbox(tr("All files"), &all_files_);
        ImGui::SameLine();
    }
    ImGui::Checkbox(tr("Hidden ones too"), &show_hidden_);
    ImGui::SetNextItemWidth(-1);
    if (ImGui::IsWindowAppearing())
        ImGui::SetKeyboardFocusHere();
    bool entered = ImGui::InputTextWithHint("##path", tr("Name or whole path"), &typed_,
                                            ImGuiInputTextFlags_EnterReturnsTrue);
    if (!replaces_.empty())
        ImGui::TextColored(warning(), "%s", tr("There is such a file; press again to replace it."));
    ImGui::BeginDisabled(typed_.empty());
    if (ImGui::Button(request_.for_saving ? tr("Save") : tr("Open")) ||
        (entered && !typed_.empty()))
        choose(pathOf(typed_));
    ImGui::EndDisabled();
    ImGui::SameLine();
    if (ImGui::Button(tr("Cancel")) || ImGui::IsKeyPressed(ImGuiKey_Escape)) {
        is_open_ = false;
        ImGui::CloseCurrentPopup();
    }
    ImGui::EndPopup();
}

} // namespace longscope::ui
