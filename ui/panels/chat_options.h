// System prompt and sampling of the conversation, with presets.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

#include <string>

namespace longscope::ui {

class ChatOptions {
  public:
    static void open(); ///< in the same window as `draw`
    /// A popup; sends changes when they are finished, also when it closes.
    void draw(const Snapshot &snapshot, CommandQueue &commands);

  private:
    void drawSystemPrompt();
    void drawSampling(const Snapshot &snapshot);
    void sendChanges(CommandQueue &commands);

    bool shown_ = false;
    std::string system_, system_sent_;
    Sampling sampling_, sampling_sent_;
};

} // namespace longscope::ui
