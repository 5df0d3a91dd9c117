// What the next prompt needs of the window, and how far the running task is.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

#include <string>

namespace longscope::ui {

/// "" when the next prompt fits (or the window is not known yet), else a sentence with both
/// numbers.
std::string misfitText(const ContextUse &use);

/// Bar, legend, and the sentence when it does not fit; without a model one line that says so.
void drawContextBar(const Snapshot &snapshot);

/// Title, figures and a thin bar while something runs; else nothing.
void drawProgress(const Snapshot &snapshot, CommandQueue &commands);

} // namespace longscope::ui
