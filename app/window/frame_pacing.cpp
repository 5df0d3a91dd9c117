#include "app/window/frame_pacing.h"

#include <algorithm>

namespace longscope::window {
namespace {

constexpr uint32_t kFramesAfterInput = 3;
constexpr double kNewsSeconds = 1.0 / 30;
/// A frame costs a software device as much as several milliseconds of the engine's work.
constexpr double kSlowNewsSeconds = 0.2;
/// A third of Dear ImGui's blinking period, which shows the caret for two thirds of it.
constexpr double kCaretSeconds = 0.4;
constexpr double kCaretBlinksFor = 3;
constexpr double kLongestWait = 1;

} // namespace

double FramePacing::newsInterval(const Moment &moment) const {
    return moment.slow_news ? kSlowNewsSeconds : kNewsSeconds;
}

void FramePacing::settleAfter(double now) {
    settle_ = {now + 0.2, now + 0.45, now + 0.7};
    settled_ = 0;
}

bool FramePacing::caretBlinks(double now) const {
    return now - last_input_ < kCaretBlinksFor;
}

bool FramePacing::wanted(const Moment &moment) {
    if (moment.input) {
        owed_ = std::max(owed_, kFramesAfterInput);
        last_input_ = moment.now;
        blinked_ = false;
        settleAfter(moment.now);
    }
    if (moment.held || moment.animating)
        owed_ = std::max(owed_, 1U);
    if (moment.version != seen_version_ && moment.now - last_news_ >= newsInterval(moment)) {
        seen_version_ = moment.version;
        last_news_ = moment.now;
        owed_ = std::max(owed_, 1U);
        if (settled_ == settle_.size()) { // one more frame when the news have ended
            settled_ = settle_.size() - 1;
            settle_.back() = moment.now + 2 * newsInterval(moment);
        } else {
            settle_.back() = std::max(settle_.back(), moment.now + 2 * newsInterval(moment));
        }
    }
    while (settled_ < settle_.size() && settle_[settled_] <= moment.now) {
        ++settled_;
        owed_ = std::max(owed_, 1U);
    }
    if (moment.text_active && moment.now - last_frame_ >= kCaretSeconds) {
        if (caretBlinks(moment.now)) {
            owed_ = std::max(owed_, 1U);
        } else if (!blinked_) { // the frame that leaves the caret visible
            blinked_ = true;
            owed_ = std::max(owed_, 1U);
        }
    }
    return owed_ > 0;
}

void FramePacing::drawn(double now) {
    last_frame_ = now;
    if (owed_ > 0)
        --owed_;
}

double FramePacing::waitSeconds(const Moment &moment) const {
    if (owed_ > 0 || moment.held || moment.animating)
        return 0;
    double until = moment.now + kLongestWait;
    if (moment.text_active && !blinked_)
        until = std::min(until, last_frame_ + kCaretSeconds);
    if (moment.version != seen_version_)
        until = std::min(until, last_news_ + newsInterval(moment));
    if (settled_ < settle_.size())
        until = std::min(until, settle_[settled_]);
    return std::max(until - moment.now, 0.0);
}

} // namespace longscope::window
