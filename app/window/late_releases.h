// Shortcuts that are typed faster than frames come. Dear ImGui takes a key that was pressed and a
// modifier that was let go behind it in one frame, and sees the key without the modifier: Ctrl+O
// within one frame would be an O. While the engine works on a software device a frame is slow
// enough for that. What comes behind such a press waits for the next frame.
#pragma once

#include <imgui.h>
#include <imgui_internal.h>

namespace longscope::window {

class LateReleases {
  public:
    void takeOut(); ///< before ImGui::NewFrame
    void putBack(); ///< after it

  private:
    ImVector<ImGuiInputEvent> late_;
};

} // namespace longscope::window
