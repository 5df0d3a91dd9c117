// Finds the turns of the conversation that have some words, those too that are sent in short.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

#include <cstdint>
#include <optional>
#include <string>

namespace longscope::ui {

class TurnFind {
  public:
    void open();
    void toggle();
    /// A field and what was found, while it is open; the message that was chosen.
    std::optional<uint64_t> draw(const Chat &chat, CommandQueue &commands);

  private:
    std::optional<uint64_t> drawFound(const Chat &chat) const;

    bool is_open_ = false, wants_focus_ = false;
    std::string words_;
    uint64_t conversation_ = 0; ///< that was searched
};

} // namespace longscope::ui
