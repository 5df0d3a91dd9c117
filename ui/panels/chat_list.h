// The conversations: search, new, open, rename, delete.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

#include <cstdint>
#include <string>

namespace longscope::ui {

class ConversationList {
  public:
    /// Fills the window. True when one was chosen (a list that covers the messages then closes).
    bool draw(const Snapshot &snapshot, CommandQueue &commands);

  private:
    bool drawEntry(const ConversationEntry &entry, bool is_open, CommandQueue &commands);
    void drawMenu(const ConversationEntry &entry, CommandQueue &commands);
    void drawRename(const ConversationEntry &entry, CommandQueue &commands);

    std::string search_;
    uint64_t renaming_ = 0; ///< 0 = none
    bool rename_focus_ = false;
    std::string title_;
};

} // namespace longscope::ui
