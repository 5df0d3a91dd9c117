// What menus, shortcuts and the command palette do.
#include "ui/workspace.h"

#include "ui/strings.h"

#include <algorithm>
#include <utility>

namespace longscope::ui {

void Workspace::chooseDocument() {
    chooser_.open({.title = tr("Open a document"),
                   .suggested_name = "",
                   .endings = {},
                   .chosen = [this](const std::string &path) {
                       commands_->push(command::OpenDocument{path});
                   }});
}

void Workspace::chooseModel() {
    model_.choose_model_file([this](const std::string &path) {
        commands_->push(command::ForecastModel{.path = path, .device = ""});
        show("model");
    });
}

void Workspace::pasteDocument() {
    if (const char *text = ImGui::GetClipboardText(); text && *text)
        commands_->push(command::PasteDocument{text});
}

void Workspace::change(const std::function<void(Preferences &)> &edit) {
    Preferences preferences = snapshot_->preferences;
    edit(preferences);
    commands_->push(command::SetPreferences{std::move(preferences)});
}

void Workspace::addActions() {
    auto has_document = [this] { return snapshot_->documents.shown() != nullptr; };
    auto has_model = [this] { return snapshot_->model != nullptr; };
    actions_.add(
        {"File", "Open a document...", ImGuiMod_Ctrl | ImGuiKey_O, [this] { chooseDocument(); }});
    actions_.add({"File", "Paste as a document", ImGuiMod_Ctrl | ImGuiMod_Shift | ImGuiKey_V,
                  [this] { pasteDocument(); }});
    actions_.add({"File", "Open the sample document", 0,
                  [this] { commands_->push(command::OpenSample{}); }});
    actions_.add({"File",
                  "Open a model...",
                  ImGuiMod_Ctrl | ImGuiMod_Shift | ImGuiKey_O,
                  [this] { chooseModel(); },
                  {},
                  {},
                  true});
    actions_.add({"File",
                  "Quit",
                  ImGuiMod_Ctrl | ImGuiKey_Q,
                  [this] { services_.quit(); },
                  [this] { return bool(services_.quit); },
                  {},
                  true});
    actions_.add({"Work", "Summarize the document", ImGuiMod_Ctrl | ImGuiKey_M,
                  [this] {
                      commands_->push(command::Summarize{});
                      show("chat");
                  },
                  has_document});
    actions_.add({"Work", "New conversation", ImGuiMod_Ctrl | ImGuiKey_N, [this] {
                      commands_->push(command::NewConversation{});
                      show("chat");
                      chat_.focusComposer();
                  }});
    actions_.add({"Work", "Read the document", 0,
                  [this] { commands_->push(command::ReadDocument{}); }, has_document});
    auto survey = [this](bool labels) {
        show("library");
        library_.beginSurvey(labels);
    };
    actions_.add({"Work", "Ask several documents...", 0, [survey] { survey(false); }});
    actions_.add({"Work", "Which label fits...", 0, [survey] { survey(true); }});
    actions_.add({"Work", "Measure all heads", 0,
                  [this] {
                      commands_->push(command::MeasureHeads{});
                      show("attention");
                  },
                  [this] { return snapshot_->attention.timeline != nullptr; }});
    actions_.add({"Work",
                  "Load the model",
                  0,
                  [this] { commands_->push(command::LoadModel{}); },
                  [this] { return !snapshot_->model; },
                  {},
                  true});
    actions_.add({"Work", "Unload the model", 0,
                  [this] { commands_->push(command::UnloadModel{}); }, has_model});
    actions_.add({"Work", "Test this machine", 0, [this] {
                      commands_->push(command::RunSelfTest{});
                      show("model");
                  }});
    actions_.add({"Work",
                  "Stop",
                  ImGuiMod_Ctrl | ImGuiKey_Period,
                  [this] { commands_->push(command::Stop{}); },
                  [this] { return snapshot_->busy(); },
                  {},
                  true});
}

void Workspace::addPanelActions() {
    for (size_t i = 0; i < places_.size(); ++i)
        actions_.add(
            {.menu = "View",
             .name = panelNames()[i],
             .keys = ImGuiMod_Ctrl | static_cast<ImGuiKey>(ImGuiKey_1 + static_cast<int>(i)),
             .run =
                 [this, i] {
                     show(panelNames()[i]);
                     if (places_[i].panel == &chat_)
                         chat_.focusComposer();
                 },
             .checked = [this, i] { return places_[i].open; }});
}

void Workspace::addViewActions() {
    auto theme = [this](const char *name, ThemeChoice choice, bool first) {
        actions_.add(
            {.menu = "View",
             .name = name,
             .run = [this,
                     choice] { change([choice](Preferences &wanted) { wanted.theme = choice; }); },
             .checked = [this, choice] { return snapshot_->preferences.theme == choice; },
             .new_group = first});
    };
    theme("Dark", ThemeChoice::dark, true);
    theme("Light", ThemeChoice::light, false);
    theme("High contrast", ThemeChoice::high_contrast, false);
    auto scale = [this](const char *name, ImGuiKeyChord keys, float factor) {
        actions_.add({.menu = "View", .name = name, .keys = keys, .run = [this, factor] {
                          change([factor](Preferences &wanted) {
                              wanted.scale =
                                  factor == 0 ? 1 : std::clamp(wanted.scale * factor, 0.5f, 3.f);
                          });
                      }});
    };
    scale("Larger", ImGuiMod_Ctrl | ImGuiKey_Equal, 1.1f);
    scale("Smaller", ImGuiMod_Ctrl | ImGuiKey_Minus, 1 / 1.1f);
    scale("Usual size", ImGuiMod_Ctrl | ImGuiKey_0, 0);
    actions_.add({"View", "Reset the layout", 0, [this] { resetLayout(); }, {}, {}, true});
    actions_.add({"Help", "Welcome", ImGuiKey_F1, [this] { shows_welcome_ = true; }});
    actions_.add({"Help", "Go to the menus", ImGuiKey_F10, [this] { actions_.openMenus(); }});
    actions_.add({"Help", "Command palette", ImGuiMod_Ctrl | ImGuiMod_Shift | ImGuiKey_P,
                  [this] { actions_.openPalette(); }});
}

} // namespace longscope::ui
