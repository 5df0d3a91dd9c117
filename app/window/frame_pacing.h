// When to draw: only when something changed. Pure arithmetic over times in seconds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace longscope::window {

/// What is known when the loop wakes up.
struct Moment {
    double now = 0;
    bool input = false; ///< events that no frame has seen yet
    bool held = false;  ///< a key or mouse button is down: repeats and drags go on
    bool animating = false;
    bool text_active = false; ///< a text field has the keyboard: the caret blinks
    bool slow_news = false;   ///< a software device while the engine works
    uint64_t version = 0;     ///< of what the client shows
};

class FramePacing {
  public:
    /// Whether to draw a frame now; call drawn() after it.
    bool wanted(const Moment &moment);
    void drawn(double now);
    /// How long to wait for events when no frame is wanted.
    double waitSeconds(const Moment &moment) const;
    /// The caret blinks for a while after the last input and then stays.
    bool caretBlinks(double now) const;

  private:
    double newsInterval(const Moment &moment) const;
    void settleAfter(double now);

    uint32_t owed_ = 3; ///< frames still to draw: Dear ImGui needs a few to settle
    uint64_t seen_version_ = 0;
    double last_frame_ = -1e9, last_news_ = -1e9, last_input_ = -1e9;
    /// Later frames for what appears with a delay: tooltips, the dimming behind a dialog.
    std::array<double, 3> settle_{};
    size_t settled_ = 3;
    bool blinked_ = true;
};

} // namespace longscope::window
