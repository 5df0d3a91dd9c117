#include "ui/panels/chat_compacted.h"

#include "ui/strings.h"
#include "ui/theme.h"
#include "ui/widgets/lines.h"

#include <imgui.h>

#include <algorithm>
#include <ranges>

namespace longscope::ui {
namespace {

std::string titleOf(const Compacted &compacted) {
    if (!compacted.in_short)
        return say("Turns 1 to {} are sent word for word again.", compacted.turns);
    const size_t count = compacted.sentences.size();
    if (count == 1)
        return say("Turns 1 to {} are sent in short from here on, as 1 sentence.", compacted.turns);
    return say("Turns 1 to {} are sent in short from here on, as {} sentences.", compacted.turns,
               count);
}

/// An older one has been replaced by it: taking that back would change nothing.
bool isNewest(const Message &message, const Chat &chat) {
    for (const auto &other : chat.messages | std::views::reverse)
        if (other->compacted)
            return other->id == message.id;
    return false;
}

void drawSentences(const Compacted &compacted) {
    for (const Compacted::Sentence &sentence : compacted.sentences)
        ImGui::TextWrapped(
            "%s", say(sentence.role == Role::user ? "turn {}, you: {}" : "turn {}, model: {}",
                      sentence.turn, sentence.text)
                      .c_str());
    mutedLine(compacted.quoted ? tr("These are quotes. The turns themselves are kept, and found "
                                    "with Find.")
                               : tr("These are the model's own words, which may be wrong. The "
                                    "turns themselves are kept, and found with Find."));
}

} // namespace

void drawCompacted(const Message &message, const Chat &chat, CommandQueue &commands) {
    const Compacted &compacted = *message.compacted;
    ImGui::PushStyleColor(ImGuiCol_ChildBg, codeGround());
    pushSmall();
    if (ImGui::BeginChild("##compacted", {0, 0},
                          ImGuiChildFlags_AutoResizeY | ImGuiChildFlags_AlwaysUseWindowPadding |
                              ImGuiChildFlags_NavFlattened)) {
        colouredText(ImGui::GetStyleColorVec4(ImGuiCol_Text), titleOf(compacted));
        if (isNewest(message, chat)) {
            const char *label = compacted.in_short ? tr("Undo") : tr("Send them in short");
            sameLineIfFits(buttonWidth(label));
            if (ImGui::SmallButton(label))
                commands.push(command::SetCompacted{message.id, !compacted.in_short});
        }
        if (compacted.in_short)
            drawSentences(compacted);
    }
    ImGui::EndChild();
    ImGui::PopFont();
    ImGui::PopStyleColor();
}

} // namespace longscope::ui
