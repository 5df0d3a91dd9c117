#include "app/window/statistics.h"

#include <algorithm>
#include <ctime>
#include <format>

namespace longscope::window {
namespace {

/// An hour of 60 frames a second; older ones are forgotten half at a time.
constexpr size_t kMostKept = 216'000;

void keep(std::vector<float> &times, double milliseconds) {
    if (times.size() == kMostKept)
        times.erase(times.begin(), times.begin() + kMostKept / 2);
    times.push_back(static_cast<float>(milliseconds));
}

double percentile(const std::vector<float> &sorted, size_t percent) {
    return sorted[(sorted.size() * percent + 99) / 100 - 1];
}

} // namespace

double processCpuSeconds() {
    return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

FrameTimes &frameTimes() {
    static FrameTimes times;
    return times;
}

void FrameTimes::add(double own_ms, double display_ms) {
    const std::lock_guard lock(mutex_);
    keep(own_ms_, own_ms);
    keep(display_ms_, display_ms);
}

void FrameTimes::reset() {
    const std::lock_guard lock(mutex_);
    own_ms_.clear();
    display_ms_.clear();
    began_ = std::chrono::steady_clock::now();
    cpu_began_ = processCpuSeconds();
}

FrameStatistics FrameTimes::summary() const {
    const std::lock_guard lock(mutex_);
    FrameStatistics summary;
    summary.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    summary.cpu_seconds = processCpuSeconds() - cpu_began_;
    if (own_ms_.empty())
        return summary;
    std::vector<float> own = own_ms_, display = display_ms_;
    std::ranges::sort(own);
    std::ranges::sort(display);
    summary.frames = own.size();
    summary.min_ms = own.front();
    summary.median_ms = percentile(own, 50);
    summary.p99_ms = percentile(own, 99);
    summary.max_ms = own.back();
    summary.display_median_ms = percentile(display, 50);
    summary.display_p99_ms = percentile(display, 99);
    return summary;
}

FrameStatistics frameStatistics() {
    return frameTimes().summary();
}

void resetFrameStatistics() {
    frameTimes().reset();
}

std::string describe(const FrameStatistics &s) {
    return std::format(
        "{} frames in {:.1f} s; our own work a frame: min {:.2f} ms, median {:.2f} "
        "ms, 99th percentile {:.2f} ms, max {:.2f} ms; beside it for answers of the "
        "display: median {:.2f} ms, 99th percentile {:.2f} ms; processor {:.1f} % of "
        "a core",
        s.frames, s.seconds, s.min_ms, s.median_ms, s.p99_ms, s.max_ms, s.display_median_ms,
        s.display_p99_ms, s.seconds > 0 ? 100 * s.cpu_seconds / s.seconds : 0);
}

} // namespace longscope::window
