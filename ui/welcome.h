// What a person sees at the first start: what this program does, and three ways to begin.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

#include <functional>

namespace longscope::ui {

struct WelcomeChoices {
    std::function<void()> open_document, open_model, paste;
};

/// In the middle of the window, until it is closed. True when it was closed now.
bool drawWelcome(const Snapshot &snapshot, CommandQueue &commands, const WelcomeChoices &choices);

} // namespace longscope::ui
