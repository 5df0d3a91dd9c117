// Checks of this machine: every kernel against its reference, and where the GPU's time goes.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

namespace longscope::ui {

class MachineChecks {
  public:
    void drawSelfTest(const Snapshot &snapshot, CommandQueue &commands);
    void drawProfile(const Snapshot &snapshot, CommandQueue &commands);
};

} // namespace longscope::ui
