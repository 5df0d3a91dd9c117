// When the window draws, in made-up time.
#include "app/window/frame_pacing.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace longscope::window {
namespace {

/// Lives through some seconds as the loop does: draws when wanted, else sleeps as long as it may.
struct Life {
    FramePacing pacing;
    Moment moment{};
    double frame_seconds = 0.02;

    int framesFor(double seconds) {
        const double end = moment.now + seconds;
        int frames = 0;
        while (moment.now < end) {
            if (pacing.wanted(moment)) {
                moment.now += frame_seconds;
                pacing.drawn(moment.now);
                ++frames;
            }
            moment.input = false;
            const double wait = pacing.waitSeconds(moment);
            moment.now = std::min(moment.now + wait + 1e-4, std::max(end, moment.now));
        }
        return frames;
    }
};

TEST(FramePacing, DrawsAFewFramesAtFirstAndThenNone) {
    Life life;
    EXPECT_EQ(life.framesFor(1), 3);
    EXPECT_EQ(life.framesFor(100), 0);
}

TEST(FramePacing, DrawsThreeFramesAfterInputAndThreeForWhatAppearsLater) {
    Life life;
    life.framesFor(1);
    life.moment.input = true;
    EXPECT_EQ(life.framesFor(0.1), 3);
    EXPECT_EQ(life.framesFor(10), 3);
}

TEST(FramePacing, DrawsNewsAtMostThirtyTimesASecondAndTheLastOneAlways) {
    Life life;
    life.framesFor(1);
    const double from = life.moment.now;
    int frames = 0;
    for (int i = 0; i < 1000; ++i) {
        ++life.moment.version;
        frames += life.framesFor(0.002);
    }
    const double seconds = life.moment.now - from;
    EXPECT_GT(frames, 20 * seconds);
    EXPECT_LE(frames, 31 * seconds);
    EXPECT_GE(life.framesFor(1), 1);
    EXPECT_EQ(life.framesFor(10), 0);
}

TEST(FramePacing, DrawsNewsFiveTimesASecondOnABusySoftwareDevice) {
    Life life;
    life.framesFor(1);
    life.moment.slow_news = true;
    int frames = 0;
    for (int i = 0; i < 1000; ++i) {
        ++life.moment.version;
        frames += life.framesFor(0.01);
    }
    EXPECT_GE(frames, 45);
    EXPECT_LE(frames, 55);
    life.moment.input = true; // input does not wait for news
    EXPECT_GE(life.framesFor(0.1), 3);
}

TEST(FramePacing, BlinksTheCaretForThreeSecondsAndLeavesItVisible) {
    Life life;
    life.moment.text_active = true;
    life.moment.input = true;
    life.framesFor(1);
    const int blinking = life.framesFor(1.8);
    EXPECT_GE(blinking, 4);
    EXPECT_LE(blinking, 6);
    EXPECT_TRUE(life.pacing.caretBlinks(life.moment.now));
    life.framesFor(1);
    EXPECT_FALSE(life.pacing.caretBlinks(life.moment.now));
    EXPECT_EQ(life.framesFor(100), 0);
}

TEST(FramePacing, DrawsOnWhileAKeyIsHeldOrSomethingMoves) {
    Life life;
    life.framesFor(1);
    life.moment.held = true;
    EXPECT_GE(life.framesFor(1), 49);
    life.moment.held = false;
    life.moment.animating = true;
    EXPECT_GE(life.framesFor(1), 49);
    life.moment.animating = false;
    EXPECT_LE(life.framesFor(10), 1);
}

} // namespace
} // namespace longscope::window
