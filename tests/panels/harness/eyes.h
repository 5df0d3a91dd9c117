// Eyes for a test in a real window: where something is drawn, and which words are shown. The test
// engine only looks here; keys and mouse come through the display (real_window.h). Called on the
// thread of the script, answered at the end of a frame.
#pragma once

#include "app/window/window.h"

#include <imgui.h>
#include <imgui_te_engine.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace longscope::tests {

/// A rectangle in pixels of the window.
struct Spot {
    ImVec2 min, max;
    int x(float share = 0.5F) const { return static_cast<int>(min.x + share * (max.x - min.x)); }
    int y(float share = 0.5F) const { return static_cast<int>(min.y + share * (max.y - min.y)); }
};

class Eyes {
  public:
    explicit Eyes(window::FrameClient client);
    ~Eyes();
    Eyes(const Eyes &) = delete;
    Eyes &operator=(const Eyes &) = delete;

    /// The client for withWindow: the given one, looked at. Valid as long as this object.
    window::FrameClient client();

    /// The visible part of an item, by its label or the end of its path ("Apply", "Reply/##value"),
    /// below a window ("" = any). Waits until it is drawn.
    std::optional<Spot> find(const std::string &window, const std::string &item,
                             double seconds = 10);
    std::optional<Spot> findWindow(const std::string &window);
    /// All words that Dear ImGui draws now, those that are scrolled out of sight too.
    std::string words();
    /// Waits until these words are among them.
    bool sees(const std::string &words, double seconds = 10);
    /// Runs on the thread of the window and waits for it.
    void onFrame(const std::function<void()> &task);

  private:
    /// After each frame until it is true. False when the time was over before.
    bool ask(std::function<bool()> task, double seconds);
    void look();

    window::FrameClient client_;
    ImGuiTestEngine *engine_;
    bool drew_ = false; ///< at least one frame
    std::mutex mutex_;  ///< of `task_`
    std::condition_variable answered_;
    std::function<bool()> task_;
    std::atomic<bool> logs_ = false; ///< the words of the next frame are wanted
    std::string logged_;
    std::atomic<uint64_t> wanted_frames_ = 0;
};

} // namespace longscope::tests
