// The messages of a branch as the turns that a model is sent, and what stands for the oldest of
// them: kept with the question before which they were made short, so that each branch has its own.
#pragma once

#include "compute/reading/conversation_memory.h"
#include "ui/state/chat.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace longscope::app {

using MessagePointer = std::shared_ptr<const ui::Message>;

/// User and assistant take turns: neighbours of one role are one turn, and what is empty (an answer
/// that was stopped before it began) is none.
struct BranchTurns {
    std::vector<reading::Turn> turns;
    std::vector<uint64_t> messages; ///< of each turn: the last of its messages
};
BranchTurns turnsOf(std::span<const MessagePointer> branch);

/// Into a memory that has the turns of the branch. A compaction that was taken back last stays so
/// until the window is truly full.
void restoreCompactions(std::span<const MessagePointer> branch,
                        reading::ConversationMemory &memory);

ui::Compacted shownCompaction(const reading::Compaction &compaction,
                              std::span<const reading::Turn> turns);

/// What is sent in short now; null: nothing is.
std::shared_ptr<const ui::Compacted> compactedNow(std::span<const MessagePointer> branch);

/// The messages that are sent, with one that says in short what came before.
std::vector<MessagePointer> sentNow(std::span<const MessagePointer> branch);

} // namespace longscope::app
