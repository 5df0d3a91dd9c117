// Shows progress on standard error: a bar on a terminal, a plain line now and then otherwise,
// nothing with --quiet.
#pragma once

#include "compute/core/progress.h"

#include <chrono>
#include <string>

namespace longscope::app {

/// "reading 512 of 4096 tokens, 310/s, 12 s left"; `rate` 0 = not known. Pure.
std::string describe(const Progress &progress, double rate);
/// "12 s", "3 min 05 s", "1 h 02 min".
std::string formatSeconds(double seconds);

class ProgressLine {
  public:
    explicit ProgressLine(bool quiet);
    ~ProgressLine() { clear(); }
    ProgressLine(const ProgressLine &) = delete;
    ProgressLine &operator=(const ProgressLine &) = delete;

    void show(const Progress &progress);
    /// Takes the bar away, so that other text can be written.
    void clear();
    ProgressSink sink() {
        return [this](const Progress &progress) { show(progress); };
    }

  private:
    double rateOf(const Progress &progress);

    bool quiet_, terminal_;
    bool drawn_ = false;
    Progress first_; ///< with this label: what was done before does not count for the rate
    std::chrono::steady_clock::time_point last_;
};

} // namespace longscope::app
