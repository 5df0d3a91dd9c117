// Times of frames, kept for the benchmark.
#pragma once

#include "app/window/window.h"

#include <chrono>
#include <mutex>
#include <vector>

namespace longscope::window {

class FrameTimes {
  public:
    /// Our own work of a frame, and what it waited for the display server's answers.
    void add(double own_ms, double display_ms);
    void reset();
    FrameStatistics summary() const;

  private:
    mutable std::mutex mutex_;
    std::vector<float> own_ms_, display_ms_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    double cpu_began_ = 0;
};
/// Of this process; there is one presenter.
FrameTimes &frameTimes();

/// Seconds of processor time that the process has used.
double processCpuSeconds();

} // namespace longscope::window
