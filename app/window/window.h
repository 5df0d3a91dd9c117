// The presenter: one user interface, shown in a window (GLFW) or drawn without a display. Owns the
// contexts of Dear ImGui, ImPlot and the Markdown view, the fonts, and a Vulkan device of its own.
// It knows nothing of models, documents or panels: whoever draws is a FrameClient.
#pragma once

#include "app/window/picture.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace longscope::window {

/// Who draws, and what the presenter asks. All of it is called on the thread of runWindow. Only
/// `draw` is needed.
struct FrameClient {
    /// The panels, between NewFrame and Render.
    std::function<void()> draw = {};
    /// Once, when the contexts exist: theme, layout (LoadIniSettingsFromMemory).
    std::function<void()> started = {};
    /// Before each frame; `display_scale` is what the monitor asks for (1, 1.5, 2; 1 where the
    /// system scales by itself). The place for applyTheme when something changed.
    std::function<void(float display_scale)> prepare = {};
    /// Grows when there is something new to draw; asked at each wake-up.
    std::function<uint64_t()> version = {};
    /// True while the engine works. On a software device frames for news are then fewer.
    std::function<bool()> busy = {};
    /// True while something moves by itself: frames follow one another.
    std::function<bool()> animating = {};
    /// Paths of dropped files.
    std::function<void(std::vector<std::string>)> dropped = {};
    /// Asked when the user closes the window; false keeps it (and the client calls closeWindow
    /// when it has saved). Default: yes.
    std::function<bool()> may_close = {};
    /// Once, before the contexts go (SaveIniSettingsToMemory).
    std::function<void()> stopping = {};
};

/// Where the window lies, for the next start. In screen coordinates.
struct WindowPlace {
    int x = 0, y = 0, width = 0, height = 0;
    bool maximized = false;
};

struct WindowOptions {
    std::string title = "Longscope";
    int width = 1440, height = 900;        ///< when no place is remembered
    std::optional<WindowPlace> place = {}; ///< remembered; ignored when no monitor shows it
    std::function<void(const WindowPlace &)> placed = {}; ///< at the end, the last place
    std::string computing_device = {}; ///< name of the device that computes: another is better
    bool print_statistics = false;     ///< frame times to standard output at the end
};

/// Shows the window until it is closed. Returns the exit status. Throws Error(device), in one
/// sentence that names the command line, when there is no display or nothing can present there.
int runWindow(const WindowOptions &options, FrameClient &client);

/// From any thread, at any rate: the version may have grown. Cheap when it is called often.
void wakeWindow();
/// From any thread: ends runWindow after the current frame without asking may_close.
void closeWindow();

/// Times of our own work of a frame, without waiting for the screen.
struct FrameStatistics {
    uint64_t frames = 0;
    double min_ms = 0, median_ms = 0, p99_ms = 0, max_ms = 0;
    double display_median_ms = 0, display_p99_ms = 0; ///< beside it: for answers of the display
    double seconds = 0;                               ///< since the first frame
    double cpu_seconds = 0;                           ///< of the whole process in that time
};
/// Of the running or last window or Offscreen.
FrameStatistics frameStatistics();
void resetFrameStatistics();
std::string describe(const FrameStatistics &statistics); ///< one line

struct OffscreenOptions {
    int width = 1280, height = 800; ///< in the units of Dear ImGui
    float framebuffer_scale = 1;    ///< 2: pictures of twice the width and height
};

/// The same frames without a display: for screenshots and tests. One at a time, and none beside
/// runWindow.
class Offscreen {
  public:
    /// Throws Error(device) without a Vulkan device that draws.
    explicit Offscreen(const OffscreenOptions &options);
    ~Offscreen();
    Offscreen(const Offscreen &) = delete;
    Offscreen &operator=(const Offscreen &) = delete;

    /// One frame of 1/60 s; nothing is rasterised. A picture needs about ten to settle.
    void frame(const std::function<void()> &draw);
    /// The two halves of `frame`, for who must do something in between.
    void beginFrame();
    void endFrame();
    /// What the last frame drew; only the part of the ImGui window `window_name` if one is given.
    /// Throws Error(usage) when there is no such window.
    Picture capture(const std::string &window_name = {});
    void resize(int width, int height);

    struct Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

/// Messages of the Vulkan validation layer about our own device so far, with
/// LONGSCOPE_VALIDATION=1.
std::vector<std::string> validationMessages();
/// True when the layer is there and watches.
bool validationActive();

} // namespace longscope::window
