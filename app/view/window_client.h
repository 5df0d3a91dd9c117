// Joins the two sides of the window: the panels that draw (ui/workspace.h) and the desk that answers
// (app/desk/desk.h). The presenter (app/window/window.h) asks it for frames.
#pragma once

#include "app/desk/desk.h"
#include "app/window/window.h"
#include "ui/workspace.h"

#include <memory>
#include <string>
#include <vector>

namespace longscope::app {

class WindowClient {
  public:
    /// Starts the desk. Throws Error(file) when the data folder cannot be used.
    explicit WindowClient(DeskOptions options);
    ~WindowClient(); ///< stops what runs, keeps everything

    /// What the presenter calls; valid as long as this object.
    window::FrameClient &frames() { return frames_; }
    ui::Workspace &workspace() { return workspace_; }
    Desk &desk() { return *desk_; }
    /// Changes the program's settings for this run: `edit` gets those that there are.
    void setPreferences(const std::function<void(ui::Preferences &)> &edit);

  private:
    void draw();

    std::unique_ptr<Desk> desk_;
    ui::Workspace workspace_;
    ui::CommandQueue commands_;
    std::shared_ptr<const ui::Snapshot> shown_; ///< what was drawn last
    window::FrameClient frames_;
};

/// What stands in a folder; "" begins at the user's home.
ui::FolderListing listFolder(const std::string &folder);

} // namespace longscope::app
