// The field for the next message, and what it goes with: document, summary, Send or Stop.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

#include <cstdint>
#include <map>
#include <string>

namespace longscope::ui {

class Composer {
  public:
    /// Pastes that are longer become a document.
    static constexpr size_t kLargePaste = 20'000;

    void draw(const Snapshot &snapshot, CommandQueue &commands);
    void focus() { wants_focus_ = true; }
    /// True while it waits for a moment of quiet to count the draft: frames should go on.
    bool animating() const { return waits_; }

  private:
    void followConversation(const Chat &chat);
    void drawInput(const Snapshot &snapshot, CommandQueue &commands);
    void drawButtons(const Snapshot &snapshot, CommandQueue &commands);
    void drawDocumentChoice(const Snapshot &snapshot, CommandQueue &commands);
    void drawAskMenu(const Snapshot &snapshot, const Document &document, CommandQueue &commands);
    void drawSummaryMenu(const Snapshot &snapshot, CommandQueue &commands);
    void handleEscape(const Snapshot &snapshot, CommandQueue &commands);
    void countDraft(const Chat &chat, CommandQueue &commands);
    void send(const Snapshot &snapshot, CommandQueue &commands);
    void summarize(const Snapshot &snapshot, CommandQueue &commands);

    std::string draft_;                      ///< of the conversation that is open
    std::map<uint64_t, std::string> drafts_; ///< of the others, while the program runs
    uint64_t open_ = 0;
    int generation_ = 0;         ///< of the input field: another one when the conversation changes
    bool sent_from_new_ = false; ///< the new conversation gets its id while one types on
    std::string counted_;        ///< the text that was last asked to be counted
    double edited_at_ = 0;
    bool waits_ = false, active_ = false, wants_focus_ = false;
    std::string hint_; ///< why something did not happen, or what did
    bool hint_is_problem_ = false;
    command::Summarize summary_;
};

} // namespace longscope::ui
