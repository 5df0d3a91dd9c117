#include "app/window/late_releases.h"

namespace longscope::window {
namespace {

bool isModifier(ImGuiKey key) {
    return (key & ImGuiMod_Mask_) != 0 || ImGui::IsLRModKey(key);
}

} // namespace

void LateReleases::takeOut() {
    ImVector<ImGuiInputEvent> &queue = ImGui::GetCurrentContext()->InputEventsQueue;
    bool pressed = false;
    for (int i = 0; i < queue.Size; ++i) {
        if (queue[i].Type != ImGuiInputEventType_Key)
            continue;
        const ImGuiInputEventKey &key = queue[i].Key;
        if (pressed && !key.Down && isModifier(key.Key)) {
            for (int late = i; late < queue.Size; ++late)
                late_.push_back(queue[late]);
            queue.resize(i);
            return;
        }
        pressed = pressed || (key.Down && !isModifier(key.Key));
    }
}

void LateReleases::putBack() {
    ImVector<ImGuiInputEvent> &queue = ImGui::GetCurrentContext()->InputEventsQueue;
    for (const ImGuiInputEvent &event : late_) // behind what Dear ImGui itself left for later
        queue.push_back(event);
    late_.clear();
}

} // namespace longscope::window
