#include "ui/workspace.h"

#include "compute/core/text.h"
#include "ui/status_line.h"
#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/welcome.h"

#include <imgui_internal.h>

#include <cstring>
#include <utility>

namespace longscope::ui {
namespace {

ThemeKind themeOf(ThemeChoice choice, bool system_is_dark) {
    switch (choice) {
    case ThemeChoice::dark:
        return ThemeKind::dark;
    case ThemeChoice::light:
        return ThemeKind::light;
    case ThemeChoice::high_contrast:
        return ThemeKind::high_contrast;
    case ThemeChoice::system:
        break;
    }
    return system_is_dark ? ThemeKind::dark : ThemeKind::light;
}

bool isModel(const std::string &path) {
    return asciiLower(path).ends_with(".gguf");
}

} // namespace

const std::array<const char *, 9> &Workspace::panelNames() {
    static const std::array<const char *, 9> names = {"Document", "Chat",     "Attention",
                                                      "Memory",   "Cost",     "Patterns",
                                                      "Model",    "Settings", "Library"};
    return names;
}

Workspace::Workspace(WorkspaceServices services)
    : services_(std::move(services)), places_{{{&document_},
                                               {&chat_},
                                               {&attention_},
                                               {&memory_},
                                               {&cost_},
                                               {&patterns_},
                                               {&model_},
                                               {&settings_},
                                               {&library_}}},
      chooser_(services_.list) {
    addActions();
    addPanelActions();
    addViewActions();
    auto choose_save = [this](std::function<void(std::string)> chosen, const char *name) {
        chooser_.open({.title = tr("Save as"),
                       .for_saving = true,
                       .suggested_name = name,
                       .endings = {},
                       .chosen = std::move(chosen)});
    };
    library_.show_document = [this] { show("document"); };
    document_.open_file = [this] { chooseDocument(); };
    chat_.choose_save_path = choose_save;
    attention_.choose_save_path = choose_save;
    model_.choose_model_file = [this](std::function<void(std::string)> chosen) {
        chooser_.open({.title = tr("Open a model"),
                       .suggested_name = "",
                       .endings = {".gguf"},
                       .chosen = std::move(chosen)});
    };
}

// ---- layout ------------------------------------------------------------------------------------

/// Which panels are open is kept beside Dear ImGui's own layout.
void Workspace::addSettingsHandler() {
    ImGuiSettingsHandler handler;
    handler.TypeName = "Longscope";
    handler.TypeHash = ImHashStr(handler.TypeName);
    handler.UserData = this;
    handler.ReadOpenFn = [](ImGuiContext *, ImGuiSettingsHandler *own, const char *) {
        return own->UserData;
    };
    handler.ReadLineFn = [](ImGuiContext *, ImGuiSettingsHandler *own, void *, const char *line) {
        auto &workspace = *static_cast<Workspace *>(own->UserData);
        if (const char *closed = std::strstr(line, "Closed="); closed == line)
            for (Place &place : workspace.places_)
                if (std::strcmp(place.panel->name(), line + 7) == 0)
                    place.open = false;
    };
    handler.WriteAllFn = [](ImGuiContext *, ImGuiSettingsHandler *own, ImGuiTextBuffer *out) {
        out->append("[Longscope][Panels]\n");
        for (const Place &place : static_cast<Workspace *>(own->UserData)->places_)
            if (!place.open)
                out->appendf("Closed=%s\n", place.panel->name());
        out->append("\n");
    };
    ImGui::AddSettingsHandler(&handler);
}

void Workspace::started(const Snapshot &snapshot) {
    addSettingsHandler();
    settings_.shortcuts = actions_.shortcuts(); // their names come from Dear ImGui
    settings_.system_theme_known = bool(services_.system_is_dark);
    const std::string &layout = snapshot.preferences.layout;
    if (!layout.empty())
        ImGui::LoadIniSettingsFromMemory(layout.data(), layout.size());
    was_loaded_ = !layout.empty();
    wants_layout_ = layout.empty();
    shows_welcome_ = !snapshot.preferences.was_welcomed;
    clipboard_count_ = snapshot.clipboard_count;
    was_started_ = true;
}

/// Document and library at the left, everything else as tabs at the right; document and
/// conversation in front.
void Workspace::buildLayout(unsigned dockspace) {
    ImGui::DockBuilderRemoveNode(dockspace);
    ImGui::DockBuilderAddNode(dockspace, ImGuiDockNodeFlags_DockSpace);
    ImGui::DockBuilderSetNodeSize(dockspace, ImGui::GetMainViewport()->WorkSize);
    ImGuiID left = 0, right = 0;
    ImGui::DockBuilderSplitNode(dockspace, ImGuiDir_Left, 0.42f, &left, &right);
    for (Place &place : places_) {
        place.open = true;
        bool is_left = place.panel == &document_ || place.panel == &library_;
        ImGui::DockBuilderDockWindow(place.panel->name(), is_left ? left : right);
    }
    ImGui::DockBuilderFinish(dockspace);
    frames_to_front_ = 3; // in their first frame all windows take the focus, the last one keeps it
}

std::string Workspace::layout() const {
    size_t size = 0;
    const char *text = ImGui::SaveIniSettingsToMemory(&size);
    return {text, size};
}

/// While it runs; Dear ImGui says so some seconds after a change.
void Workspace::keepLayout(const Snapshot &snapshot) {
    ImGuiIO &io = ImGui::GetIO();
    if (!io.WantSaveIniSettings || !alone_.empty())
        return;
    io.WantSaveIniSettings = false;
    if (std::string now = layout(); now != snapshot.preferences.layout)
        change([&](Preferences &wanted) { wanted.layout = std::move(now); });
}

bool Workspace::show(std::string name, bool alone) {
    for (Place &place : places_)
        if (asciiLower(place.panel->name()) == asciiLower(name)) {
            place.open = place.wants_focus = true;
            if (alone)
                alone_ = place.panel->name();
            if (was_started_)
                ImGui::MarkIniSettingsDirty();
            return true;
        }
    return false;
}

// ---- a frame -----------------------------------------------------------------------------------

void Workspace::prepare(const Snapshot &snapshot, float display_scale) {
    const Preferences &preferences = snapshot.preferences;
    bool dark = !services_.system_is_dark || services_.system_is_dark();
    Applied wanted{themeOf(preferences.theme, dark), preferences.scale * display_scale,
                   preferences.font_size};
    if (wanted == applied_)
        return;
    applyTheme(wanted.theme, wanted.scale, wanted.font_size);
    applied_ = wanted;
}

void Workspace::drawPanel(Place &place, const Snapshot &snapshot) {
    if (!place.open || (!alone_.empty() && alone_ != place.panel->name()))
        return;
    bool was_open = place.open;
    if (!alone_.empty()) {
        const ImGuiViewport *screen = ImGui::GetMainViewport();
        ImGui::SetNextWindowPos(screen->WorkPos);
        ImGui::SetNextWindowSize(screen->WorkSize);
        ImGui::SetNextWindowDockID(0);
    }
    if (place.panel == &library_) // kept layouts of earlier versions have no place for it
        if (const ImGuiWindow *beside = ImGui::FindWindowByName(document_.name());
            alone_.empty() && beside && beside->DockId)
            ImGui::SetNextWindowDockID(beside->DockId, ImGuiCond_FirstUseEver);
    if (std::exchange(place.wants_focus, false))
        ImGui::SetNextWindowFocus();
    ImGuiWindowClass tab; // each has its own button; one for all of them would close too much
    tab.DockNodeFlagsOverrideSet = ImGuiDockNodeFlags_NoCloseButton;
    ImGui::SetNextWindowClass(&tab);
    // Those that appear at the start must not come to the front of those that were kept there.
    ImGuiWindowFlags flags = alone_.empty()
                                 ? ImGuiWindowFlags_NoFocusOnAppearing
                                 : ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoDocking;
    if (place.panel == &chat_) // its messages scroll, and it is never higher than its window
        flags |= ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse;
    if (ImGui::Begin(place.panel->name(), alone_.empty() ? &place.open : nullptr, flags))
        place.panel->draw(snapshot, *commands_);
    ImGui::End();
    if (place.open != was_open)
        ImGui::MarkIniSettingsDirty();
}

void Workspace::drawMenuBar() {
    if (!ImGui::BeginMainMenuBar())
        return;
    actions_.drawMenus();
    ImGui::EndMainMenuBar();
}

void Workspace::draw(const Snapshot &snapshot, CommandQueue &commands) {
    snapshot_ = &snapshot;
    commands_ = &commands;
    if (snapshot.clipboard_count != clipboard_count_ && snapshot.clipboard) {
        clipboard_count_ = snapshot.clipboard_count;
        ImGui::SetClipboardText(snapshot.clipboard->c_str());
    }
    if (alone_.empty()) {
        drawMenuBar();
        drawStatusLine(snapshot, commands);
        ImGuiID dockspace = ImGui::GetID("Longscope");
        if (std::exchange(wants_layout_, false))
            buildLayout(dockspace);
        ImGui::DockSpaceOverViewport(dockspace);
        if (frames_to_front_ > 0) {
            --frames_to_front_;
            places_[0].wants_focus = frames_to_front_ == 1;
            places_[1].wants_focus = wants_welcome_ = frames_to_front_ == 0;
        }
        actions_.runShortcuts();
    }
    for (Place &place : places_)
        drawPanel(place, snapshot);
    if (alone_.empty()) {
        if (std::exchange(wants_welcome_, false) && shows_welcome_)
            ImGui::SetNextWindowFocus(); // again: the conversation has just taken the keyboard
        if (shows_welcome_ && drawWelcome(snapshot, commands,
                                          {.open_document = [this] { chooseDocument(); },
                                           .open_model = [this] { chooseModel(); },
                                           .paste = [this] { pasteDocument(); }})) {
            shows_welcome_ = false;
            change([](Preferences &wanted) { wanted.was_welcomed = true; });
        }
        notices_.draw(snapshot, commands);
    }
    actions_.drawPalette();
    chooser_.draw();
    keepLayout(snapshot);
}

void Workspace::dropped(const std::vector<std::string> &paths, CommandQueue &commands) {
    for (const std::string &path : paths)
        if (isModel(path)) {
            commands.push(command::ForecastModel{.path = path, .device = ""});
            show("model");
        } else {
            commands.push(command::OpenDocument{path});
            show("document");
        }
}

} // namespace longscope::ui
