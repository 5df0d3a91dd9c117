// A display without a screen (Xvfb), and a real window on it that a test drives as a person would:
// keys and mouse come through the X server (xdotool). For a few tests; most run off screen.
#pragma once

#include "app/window/window.h"

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace longscope::tests {

/// An Xvfb of its own, never the user's display. The environment names it until it is destroyed.
class VirtualDisplay {
  public:
    VirtualDisplay(int width = 1600, int height = 1000);
    ~VirtualDisplay();
    VirtualDisplay(const VirtualDisplay &) = delete;
    VirtualDisplay &operator=(const VirtualDisplay &) = delete;

    /// Empty when it runs; else what is missing, as a sentence.
    const std::string &problem() const { return problem_; }

  private:
    pid_t server_ = 0;
    std::string problem_;
};

/// Skips the gtest case, loudly, when Xvfb or xdotool is not installed.
#define LONGSCOPE_NEEDS_DISPLAY(display)                                                           \
    if (!(display).problem().empty()) {                                                            \
        std::fprintf(stderr, "SKIPPED, NOT PASSED: %s\n", (display).problem().c_str());            \
        GTEST_SKIP() << (display).problem();                                                       \
    }

/// Waits for a command of the system; false when it failed. Its output goes to standard error.
bool runCommand(const std::vector<std::string> &command);

/// What a person does, in pixels of the window. Each call waits until the X server has it.
class Hands {
  public:
    explicit Hands(std::string window_title) : title_(std::move(window_title)) {}
    bool findWindow(); ///< waits until it is shown
    bool moveTo(int x, int y);
    bool click(int x, int y, int button = 1);
    bool drag(int from_x, int from_y, int to_x, int to_y);
    bool type(const std::string &text);
    bool key(const std::string &name); ///< "Return", "ctrl+f"
    bool resize(int width, int height);
    const std::string &id() const { return id_; }

  private:
    bool xdotool(std::vector<std::string> arguments);
    std::string title_, id_;
};

/// Shows the client in a window and runs `script` beside it, on a thread of its own; the window is
/// closed when the script ends. Throws what runWindow throws.
void withWindow(const window::WindowOptions &options, window::FrameClient client,
                const std::function<void(Hands &)> &script);

/// Waits in real time; for the script.
bool waitUntil(const std::function<bool()> &done, double seconds = 20);

} // namespace longscope::tests
