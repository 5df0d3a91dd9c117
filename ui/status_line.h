// The line at the bottom: what works now, on which device, with which model and how much context.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

namespace longscope::ui {

/// At the bottom of the main window, in a bar of its own.
void drawStatusLine(const Snapshot &snapshot, CommandQueue &commands);

} // namespace longscope::ui
