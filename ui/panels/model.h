// "Model": open a GGUF and see what it would need, what the loaded one is, the devices, and the
// checks of this machine (self-test, GPU time by kernel).
#pragma once

#include "ui/panel.h"
#include "ui/panels/model_checks.h"
#include "ui/panels/model_contents.h"
#include "ui/panels/model_devices.h"

#include <functional>
#include <memory>
#include <string>

namespace longscope::ui {

class ModelPanel : public Panel {
  public:
    const char *name() const override { return "Model"; }
    void draw(const Snapshot &snapshot, CommandQueue &commands) override;

    /// Lets the user choose a file and calls `chosen` with its path, then or later, on the thread
    /// that draws. Set by the workspace; without it there is no button.
    std::function<void(std::function<void(std::string)> chosen)> choose_model_file;

  private:
    void drawOpen(const Snapshot &snapshot, CommandQueue &commands);
    void drawForecast(const Snapshot &snapshot, CommandQueue &commands);
    void drawLoaded(const Snapshot &snapshot, CommandQueue &commands);

    std::shared_ptr<std::string> chosen_ = std::make_shared<std::string>(); ///< "" = none waits
    std::shared_ptr<const LoadForecast> answered_; ///< loaded or cancelled: not shown again
    ModelContents contents_;
    DeviceTable devices_;
    MachineChecks checks_;
};

} // namespace longscope::ui
