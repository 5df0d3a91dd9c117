// The table of contents: holds the panels by value, draws them with menu, status line, command
// palette, notices and the first-run view, and keeps the layout.
#pragma once

#include "ui/actions.h"
#include "ui/notices.h"
#include "ui/panels/attention.h"
#include "ui/panels/chat.h"
#include "ui/panels/cost.h"
#include "ui/panels/document.h"
#include "ui/panels/library.h"
#include "ui/panels/memory.h"
#include "ui/panels/model.h"
#include "ui/panels/patterns.h"
#include "ui/panels/settings.h"
#include "ui/widgets/path_chooser.h"

#include <array>
#include <functional>
#include <string>
#include <vector>

namespace longscope::ui {

/// What the workspace asks of whoever knows files and windows.
struct WorkspaceServices {
    std::function<FolderListing(const std::string &folder)> list; ///< "" = where to begin
    std::function<void()> quit;
    std::function<bool()> system_is_dark; ///< may be empty: not known
};

class Workspace {
  public:
    explicit Workspace(WorkspaceServices services);

    void started(const Snapshot &snapshot); ///< once, when the contexts exist: the kept layout
    /// Before each frame: theme and sizes, when they have changed.
    void prepare(const Snapshot &snapshot, float display_scale);
    void draw(const Snapshot &snapshot, CommandQueue &commands); ///< one frame
    void dropped(const std::vector<std::string> &paths, CommandQueue &commands);
    std::string layout() const; ///< as it is now; before the contexts go
    /// Something moves or waits by itself: frames are wanted without news.
    bool isAnimating() const {
        return frames_to_front_ > 0 || notices_.isFading() || attention_.isPlaying() ||
               chat_.animating() || document_.animating();
    }

    /// Brings a panel ("document", "Chat", ...) to the front; alone: without the others. False when
    /// there is none of this name.
    bool show(std::string name, bool alone = false);
    void resetLayout() { wants_layout_ = true; }
    static const std::array<const char *, 9> &panelNames();

  private:
    struct Place {
        Panel *panel;
        bool open = true, wants_focus = false;
    };
    void addActions();
    void addPanelActions();
    void addViewActions();
    void addSettingsHandler();
    void buildLayout(unsigned dockspace);
    void drawMenuBar();
    void drawPanel(Place &place, const Snapshot &snapshot);
    void keepLayout(const Snapshot &snapshot);
    void change(const std::function<void(Preferences &)> &edit);
    void chooseDocument();
    void chooseModel();
    void pasteDocument();

    WorkspaceServices services_;
    DocumentPanel document_;
    ChatPanel chat_;
    AttentionPanel attention_;
    MemoryPanel memory_;
    CostPanel cost_;
    PatternsPanel patterns_;
    ModelPanel model_;
    SettingsPanel settings_;
    LibraryPanel library_;
    std::array<Place, 9> places_;
    PathChooser chooser_;
    Actions actions_;
    Notices notices_;

    const Snapshot *snapshot_ = nullptr; ///< of this frame, for the actions
    CommandQueue *commands_ = nullptr;
    uint64_t clipboard_count_ = 0;
    int frames_to_front_ = 0;    ///< until the conversation comes to the front of a new layout
    bool wants_welcome_ = false; ///< the keyboard goes to the first-run view
    bool wants_layout_ = false, was_loaded_ = false, shows_welcome_ = false, was_started_ = false;
    std::string alone_; ///< the only panel that is drawn
    struct Applied {
        ThemeKind theme = ThemeKind::dark;
        float scale = 0, font_size = 0;
        bool operator==(const Applied &) const = default;
    } applied_;
};

} // namespace longscope::ui
