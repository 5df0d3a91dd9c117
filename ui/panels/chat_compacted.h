// What stands for older turns from a question on: a short text that everybody can see, each
// sentence with its turn. Nothing of the turns themselves is lost.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

namespace longscope::ui {

/// A small box above the question. The newest one can be taken back.
void drawCompacted(const Message &message, const Chat &chat, CommandQueue &commands);

} // namespace longscope::ui
