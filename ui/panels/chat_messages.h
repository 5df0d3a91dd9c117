// The messages of the conversation in a scroll area that follows the newest one.
#pragma once

#include "ui/panels/chat_message.h"

#include <cstdint>
#include <unordered_map>

namespace longscope::ui {

class MessageList {
  public:
    void draw(const Snapshot &snapshot, CommandQueue &commands, float height);
    void toNewest() { follows_ = true; }
    /// Brings a message of the conversation into view.
    void goTo(uint64_t message) {
        wanted_ = message;
        wanted_frames_ = 4; // heights above it become known in the first of them
    }
    /// True while heights are not known yet: frames should go on.
    bool animating() const { return pending_; }

  private:
    struct Entry {
        MessageView view;
        const Message *drawn = nullptr; ///< that `height` is of
        float height = -1;              ///< -1 = not drawn yet
        float taken = 0;                ///< height that it had in the last frame, known or guessed
    };
    void followConversation(const Chat &chat);
    void follow();
    void drawEmpty(const Snapshot &snapshot);
    void drawMessages(const Snapshot &snapshot, CommandQueue &commands);
    void settle(const Snapshot &snapshot);
    void drawJumpButton();

    std::unordered_map<uint64_t, Entry> entries_;
    MessageEdit edit_;
    uint64_t open_ = 0;
    float width_ = 0, font_size_ = 0, scroll_ = 0;
    float end_ = 0;       ///< of the messages, in the last frame
    int unsettled_ = 0;   ///< frames until everything has its height
    uint64_t wanted_ = 0; ///< to be brought into view; 0 = none
    int wanted_frames_ = 0;
    bool follows_ = true, pending_ = false, scrolls_ = false;
};

} // namespace longscope::ui
