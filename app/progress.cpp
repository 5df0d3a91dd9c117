#include "app/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <format>

namespace longscope::app {
namespace {

using namespace std::chrono_literals;

constexpr auto kBarEvery = 100ms;
constexpr auto kLineEvery = 5s; ///< in a log, where each phase begins with a line
constexpr int kBarCells = 24;

int terminalColumns() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string bar(const Progress &progress) {
    if (progress.total == 0)
        return "";
    double share =
        std::min(1.0, static_cast<double>(progress.done) / static_cast<double>(progress.total));
    int full = static_cast<int>(share * kBarCells);
    std::string text;
    for (int cell = 0; cell < kBarCells; ++cell)
        text += cell < full ? "█" : "░";
    return text + " ";
}

void writeError(const std::string &text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
}

} // namespace

std::string formatSeconds(double seconds) {
    auto whole = std::llround(std::max(0.0, seconds));
    if (whole < 60)
        return std::format("{} s", whole);
    if (whole < 3600)
        return std::format("{} min {:02} s", whole / 60, whole % 60);
    return std::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string describe(const Progress &p, double rate) {
    std::string text = p.label;
    if (p.total > 0)
        text += std::format(" {} of {} {}", p.done, p.total, p.unit);
    else if (p.done > 0)
        text += std::format(" {} {}", p.done, p.unit);
    if (rate > 0)
        text += rate < 10 ? std::format(", {:.1f}/s", rate) : std::format(", {:.0f}/s", rate);
    if (p.remaining_s >= 0 && p.done < p.total)
        text += std::format(", {} left", formatSeconds(p.remaining_s));
    return text;
}

ProgressLine::ProgressLine(bool quiet)
    : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) != 0),
      last_(std::chrono::steady_clock::now()) {}

double ProgressLine::rateOf(const Progress &progress) {
    double seconds = progress.seconds - first_.seconds;
    if (seconds < 0.2 || progress.done <= first_.done)
        return 0;
    return static_cast<double>(progress.done - first_.done) / seconds;
}

void ProgressLine::show(const Progress &progress) {
    if (quiet_)
        return;
    auto now = std::chrono::steady_clock::now();
    bool new_label = progress.label != first_.label || progress.done < first_.done;
    if (new_label)
        first_ = progress;
    if (now - last_ < (terminal_ ? kBarEvery : kLineEvery) && !new_label)
        return;
    last_ = now;
    if (!terminal_) {
        writeError("longscope: " + describe(progress, rateOf(progress)) + "\n");
        return;
    }
    std::string text = describe(progress, rateOf(progress));
    int room = terminalColumns() - 1 - kBarCells - 1;
    if (room >= static_cast<int>(text.size()))
        text = bar(progress) + text;
    else
        text.resize(std::min(text.size(), static_cast<size_t>(std::max(room + kBarCells + 1, 0))));
    writeError("\r\x1b[K" + text);
    drawn_ = true;
}

void ProgressLine::clear() {
    if (drawn_)
        writeError("\r\x1b[K");
    drawn_ = false;
}

} // namespace longscope::app
