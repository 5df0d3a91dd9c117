// "Settings": of the program itself: look, sizes, shortcuts, paths, privacy, licences.
#pragma once

#include "ui/panel.h"

#include <string>
#include <utility>
#include <vector>

namespace longscope::ui {

class SettingsPanel : public Panel {
  public:
    const char *name() const override { return "Settings"; }
    void draw(const Snapshot &snapshot, CommandQueue &commands) override;

    // Set by the workspace.
    std::vector<std::pair<std::string, std::string>> shortcuts; ///< what it does, keys
    bool system_theme_known = false; ///< the system says whether it is dark or light

  private:
    void drawLook(const Preferences &now, CommandQueue &commands);
    void drawShortcuts();
    void drawPaths(const Paths &paths);
    void drawAbout();
    void drawLicences();
    std::string wanted_; ///< filter of the shortcuts
};

} // namespace longscope::ui
