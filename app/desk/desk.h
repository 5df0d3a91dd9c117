// Answers the window's commands: a thread of its own changes the one picture that panels see
// (ui/snapshot.h) and hands long work to two lanes of tasks (core.h). Tests and screenshots use it
// without a window.
#pragma once

#include "compute/engine/engine.h"
#include "compute/engine/session_options.h"
#include "ui/command.h"
#include "ui/snapshot.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace longscope::app {

struct DeskOptions {
    engine::EngineOptions engine;   ///< what is loaded when nothing else was said
    engine::SessionOptions session; ///< of the command line
    std::string data_folder;        ///< library, preferences; made when missing
    std::string sample_document;
    bool portable = false;          ///< the data folder is beside the program
    std::function<void()> on_change; ///< after each new snapshot, on the desk's thread; quick
};

class Desk {
  public:
    /// Throws Error(file) when the data folder cannot be made or read.
    explicit Desk(DeskOptions options);
    ~Desk(); ///< stops what runs, keeps what was written

    void push(ui::Command command); ///< never waits
    std::shared_ptr<const ui::Snapshot> snapshot() const;
    /// Blocks until a snapshot fulfils the condition; null when the time was over before.
    std::shared_ptr<const ui::Snapshot>
    waitFor(const std::function<bool(const ui::Snapshot &)> &condition,
            std::chrono::milliseconds most) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace longscope::app
