// Runs tests of the Dear ImGui Test Engine inside of a gtest case: against a client that draws, off
// screen and without rasterising, so that a frame costs about a millisecond. A test does what a
// person would (click, type, drag) and reads what is shown.
//
//     TEST(Chat, Sends) {
//         Harness harness({.draw = [&] { workspace.draw(); }});
//         harness.run("sends", [&](ImGuiTestContext *ctx) {
//             ctx->SetRef("//Chat");
//             ctx->ItemClick("Send");
//             EXPECT_TRUE(waitFor(ctx, [&] { return desk.answered(); }));
//         });
//     }
#pragma once

#include "app/window/window.h"

#include <imgui.h>
#include <imgui_te_context.h>
#include <imgui_te_engine.h>

#include <functional>
#include <memory>
#include <string>

namespace longscope::tests {

using TestSteps = std::function<void(ImGuiTestContext *)>;

class Harness {
  public:
    /// Of the client `started`, `prepare`, `draw` and `stopping` are used.
    explicit Harness(window::FrameClient client, window::OffscreenOptions options = {});
    /// Adds a gtest failure for each message of the validation layer since construction.
    ~Harness();
    Harness(const Harness &) = delete;
    Harness &operator=(const Harness &) = delete;

    /// Runs the steps to their end. False, and a gtest failure with the engine's log, when a check
    /// of the engine (IM_CHECK) or an action failed. EXPECT and ASSERT of gtest work in the steps,
    /// too.
    bool run(const std::string &name, TestSteps steps);
    /// Draws so many frames without a test.
    void frames(int count);
    /// Outside of `run`: what the last frame drew.
    window::Picture picture(const std::string &window_name = {});
    /// Inside of `run`: yields until a frame has been drawn and read back.
    window::Picture picture(ImGuiTestContext *ctx, const std::string &window_name = {});

    window::Offscreen &offscreen() { return offscreen_; }

  private:
    void frame();

    struct Engine { // destroyed after the ImGui context
        Engine();
        ~Engine();
        ImGuiTestEngine *engine;
    };
    struct Started { // stopped before it
        explicit Started(ImGuiTestEngine *engine);
        ~Started();
        ImGuiTestEngine *engine;
    };
    window::FrameClient client_;
    size_t messages_before_;
    Engine engine_;
    window::Offscreen offscreen_;
    Started started_;
    std::function<void()> after_frame_; ///< asked for by the steps, done between two frames
};

/// Yields frames until `done`, at most so long in real time. False when it never was.
bool waitFor(ImGuiTestContext *ctx, const std::function<bool()> &done, double seconds = 60);

/// LONGSCOPE_TEST_PICTURES=FOLDER keeps pictures of tests there, for eyes; else nothing.
void keepPicture(const window::Picture &picture, const std::string &name);

} // namespace longscope::tests
