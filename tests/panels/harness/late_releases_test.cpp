// Shortcuts that begin and end within one frame.
#include "app/window/late_releases.h"

#include <gtest/gtest.h>

namespace longscope::window {
namespace {

class LateReleasesTest : public testing::Test {
  protected:
    LateReleasesTest() : context_(ImGui::CreateContext()) {
        ImGui::GetIO().DisplaySize = {100, 100};
        ImGui::GetIO().BackendFlags |= ImGuiBackendFlags_RendererHasTextures;
    }
    ~LateReleasesTest() override { ImGui::DestroyContext(context_); }

    /// Whether Ctrl+O was seen in this frame.
    bool frame() {
        late_.takeOut();
        ImGui::NewFrame();
        late_.putBack();
        const bool seen = ImGui::IsKeyChordPressed(ImGuiMod_Ctrl | ImGuiKey_O);
        ImGui::EndFrame();
        return seen;
    }

    ImGuiContext *context_;
    LateReleases late_;
};

TEST_F(LateReleasesTest, ShortcutWithinAFrameIsSeenOnce) {
    frame();
    ImGuiIO &io = ImGui::GetIO();
    io.AddKeyEvent(ImGuiMod_Ctrl, true);
    io.AddKeyEvent(ImGuiKey_LeftCtrl, true);
    io.AddKeyEvent(ImGuiKey_O, true);
    io.AddKeyEvent(ImGuiMod_Ctrl, false); // let go before the letter
    io.AddKeyEvent(ImGuiKey_LeftCtrl, false);
    io.AddKeyEvent(ImGuiKey_O, false);
    EXPECT_TRUE(frame());
    EXPECT_FALSE(frame());
    EXPECT_FALSE(frame());
    EXPECT_FALSE(io.KeyCtrl);
    EXPECT_FALSE(ImGui::IsKeyDown(ImGuiKey_O));
    EXPECT_EQ(ImGui::GetCurrentContext()->InputEventsQueue.Size, 0);
}

TEST_F(LateReleasesTest, OrderIsKept) {
    frame();
    ImGuiIO &io = ImGui::GetIO();
    io.AddKeyEvent(ImGuiMod_Ctrl, true);
    io.AddKeyEvent(ImGuiKey_O, true);
    io.AddKeyEvent(ImGuiKey_O, false);
    io.AddKeyEvent(ImGuiMod_Ctrl, false);
    io.AddKeyEvent(ImGuiKey_O, true); // an O of its own
    io.AddKeyEvent(ImGuiKey_O, false);
    int seen = 0, pressed = 0;
    for (int i = 0; i < 6; ++i) {
        seen += frame();
        pressed += ImGui::IsKeyPressed(ImGuiKey_O, false);
    }
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(pressed, 2);
}

} // namespace
} // namespace longscope::window
