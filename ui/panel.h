// One panel, one file: draws what the snapshot says into a Dear ImGui window of its own, and pushes
// commands. What a panel remembers itself (scroll, selection, a draft) is not worth more than that.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

namespace longscope::ui {

struct Panel {
    virtual ~Panel() = default;
    virtual const char *name() const = 0; ///< of its window, and of its tests: "Document"
    /// Between ImGui::Begin(name()) and End, which the workspace calls.
    virtual void draw(const Snapshot &snapshot, CommandQueue &commands) = 0;
};

} // namespace longscope::ui
