// The devices that could compute: memory, driver, limits, and why some cannot.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

#include <string>

namespace longscope::ui {

class DeviceTable {
  public:
    void draw(const Snapshot &snapshot, CommandQueue &commands);

  private:
    void drawRow(const DeviceRow &device, const Snapshot &snapshot, CommandQueue &commands);
    void drawDetails(const DeviceRow &device);

    uint32_t chosen_ = UINT32_MAX; ///< whose details are shown; UINT32_MAX: the one in use
};

} // namespace longscope::ui
