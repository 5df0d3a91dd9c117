// How far a reading is, and how long the rest will take.
#pragma once

#include "compute/core/progress.h"

#include <chrono>
#include <cmath>
#include <cstdint>

namespace longscope::engine {

/// Tells how far a reading is. A token costs a + b * position (the linear work and the attention
/// over what was read before), so the remaining time is not that of a constant rate.
class ReadingProgress {
  public:
    ReadingProgress(const ProgressSink &sink, uint64_t reused, uint64_t total)
        : sink_(sink), first_(static_cast<double>(reused)),
          start_(std::chrono::steady_clock::now()) {
        progress_.label = "reading";
        progress_.unit = "tokens";
        progress_.done = reused;
        progress_.total = total;
    }

    void reached(uint64_t done) {
        if (!sink_)
            return;
        double before = progress_.seconds;
        double from = static_cast<double>(progress_.done);
        progress_.done = done;
        progress_.seconds = since(start_);
        observe(from, static_cast<double>(done), progress_.seconds - before);
        progress_.remaining_s = remaining();
        sink_(progress_);
    }

  private:
    static double since(std::chrono::steady_clock::time_point start) {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }

    /// Least squares over the chunks: seconds of a chunk = a * tokens + b * (sum of positions).
    void observe(double from, double to, double seconds) {
        double tokens = to - from, depth = (to * to - from * from) / 2;
        tt_ += tokens * tokens;
        td_ += tokens * depth;
        dd_ += depth * depth;
        ts_ += tokens * seconds;
        ds_ += depth * seconds;
        ++chunks_;
    }

    double remaining() const {
        double done = static_cast<double>(progress_.done);
        double total = static_cast<double>(progress_.total);
        double determinant = tt_ * dd_ - td_ * td_;
        if (chunks_ >= 3 && determinant > 1e-9 * tt_ * dd_) {
            double a = (ts_ * dd_ - ds_ * td_) / determinant;
            double b = (ds_ * tt_ - ts_ * td_) / determinant;
            double left = a * (total - done) + b * (total * total - done * done) / 2;
            if (a >= 0 && b >= 0 && std::isfinite(left))
                return left;
        }
        return done > first_ ? progress_.seconds * (total - done) / (done - first_) : -1;
    }

    const ProgressSink &sink_;
    double first_;
    std::chrono::steady_clock::time_point start_;
    Progress progress_;
    double tt_ = 0, td_ = 0, dd_ = 0, ts_ = 0, ds_ = 0;
    int chunks_ = 0;
};

} // namespace longscope::engine
