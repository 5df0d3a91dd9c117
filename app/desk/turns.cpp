#include "app/desk/turns.h"

#include <format>
#include <utility>

namespace longscope::app {
namespace {

reading::Compaction compactionOf(const ui::Compacted &shown) {
    reading::Compaction compaction{.end = static_cast<size_t>(shown.turns),
                                   .depth = shown.depth,
                                   .quoted = shown.quoted,
                                   .sentences = {}};
    for (const ui::Compacted::Sentence &sentence : shown.sentences)
        compaction.sentences.push_back({static_cast<size_t>(sentence.turn - 1), sentence.text});
    return compaction;
}

} // namespace

BranchTurns turnsOf(std::span<const MessagePointer> branch) {
    BranchTurns made;
    for (const MessagePointer &message : branch) {
        if (message->text.empty())
            continue;
        const char *role = message->role == ui::Role::user ? "user" : "assistant";
        if (made.turns.empty() || made.turns.back().role != role) {
            made.turns.push_back({role, message->text});
            made.messages.push_back(message->id);
            continue;
        }
        made.turns.back().text += "\n\n" + message->text;
        made.messages.back() = message->id;
    }
    return made;
}

void restoreCompactions(std::span<const MessagePointer> branch,
                        reading::ConversationMemory &memory) {
    std::vector<reading::Compaction> kept;
    std::shared_ptr<const ui::Compacted> last;
    for (const MessagePointer &message : branch)
        if (message->compacted) {
            last = message->compacted;
            if (last->in_short)
                kept.push_back(compactionOf(*last));
        }
    bool is_held_off = last && !last->in_short;
    if (is_held_off)
        kept.push_back(compactionOf(*last));
    size_t count = kept.size();
    memory.restore(std::move(kept));
    if (is_held_off && memory.compactions().size() == count)
        memory.undo();
}

ui::Compacted shownCompaction(const reading::Compaction &compaction,
                              std::span<const reading::Turn> turns) {
    ui::Compacted shown{.turns = compaction.end,
                        .depth = compaction.depth,
                        .quoted = compaction.quoted,
                        .sentences = {}};
    for (const reading::TurnSentence &sentence : compaction.sentences)
        shown.sentences.push_back(
            {.turn = sentence.turn + 1,
             .role = turns[sentence.turn].role == "user" ? ui::Role::user : ui::Role::assistant,
             .text = sentence.text});
    return shown;
}

std::shared_ptr<const ui::Compacted> compactedNow(std::span<const MessagePointer> branch) {
    std::shared_ptr<const ui::Compacted> newest;
    for (const MessagePointer &message : branch)
        if (message->compacted && message->compacted->in_short)
            newest = message->compacted;
    return newest;
}

std::vector<MessagePointer> sentNow(std::span<const MessagePointer> branch) {
    auto compacted = compactedNow(branch);
    if (!compacted)
        return {branch.begin(), branch.end()};
    auto in_short = std::make_shared<ui::Message>();
    for (const ui::Compacted::Sentence &sentence : compacted->sentences)
        in_short->text += std::format("- turn {}: {}\n", sentence.turn, sentence.text);
    std::vector<MessagePointer> sent = {in_short};
    uint64_t turn = 0; // from 1, of the last message
    const ui::Message *before = nullptr;
    for (const MessagePointer &message : branch) {
        if (message->text.empty())
            continue;
        turn += !before || before->role != message->role;
        before = message.get();
        if (turn > compacted->turns)
            sent.push_back(message);
    }
    return sent;
}

} // namespace longscope::app
