// What the user can do from anywhere: one list that the menu, the command palette, the keyboard and
// the list of shortcuts are made of.
#pragma once

#include <imgui.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace longscope::ui {

struct Action {
    std::string menu, name; ///< "File", "Open a document..."
    ImGuiKeyChord keys = 0; ///< 0 = none
    std::function<void()> run;
    std::function<bool()> enabled = {};
    std::function<bool()> checked = {}; ///< for switches
    bool new_group = false;             ///< a line above it in the menu
};

class Actions {
  public:
    void add(Action action) { all_.push_back(std::move(action)); }
    void drawMenus();          ///< inside a menu bar
    void runShortcuts() const; ///< each frame
    void drawPalette();
    void openMenus() { menus_open_ = true; } ///< the first one, for the keyboard
    void openPalette() { palette_open_ = true; }
    /// ("Open a document...", "Ctrl+O")
    std::vector<std::pair<std::string, std::string>> shortcuts() const;

  private:
    std::vector<Action> all_;
    std::string search_;
    size_t chosen_ = 0;
    bool palette_open_ = false, menus_open_ = false;
};

} // namespace longscope::ui
