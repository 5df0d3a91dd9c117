// The conversation with the model: list, messages, composer, context bar.
#pragma once

#include "ui/panel.h"
#include "ui/panels/chat_composer.h"
#include "ui/panels/chat_find.h"
#include "ui/panels/chat_list.h"
#include "ui/panels/chat_messages.h"
#include "ui/panels/chat_options.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace longscope::ui {

class ChatPanel : public Panel {
  public:
    const char *name() const override { return "Chat"; }
    void draw(const Snapshot &snapshot, CommandQueue &commands) override;

    /// Asks for a path to save to and hands it to `chosen`, now or in a later frame (not at all
    /// when the user changed their mind). Set by the workspace; without it nothing can be exported.
    std::function<void(std::function<void(std::string)> chosen, const char *suggested_name)>
        choose_save_path;

    void focusComposer() { composer_.focus(); }
    void showConversations(bool shown) { shows_list_ = shown; }
    /// True while frames should follow one another: a draft is about to be counted, messages are
    /// being measured.
    bool animating() const { return composer_.animating() || messages_.animating(); }

  private:
    void drawHeader(const Snapshot &snapshot, CommandQueue &commands);
    void drawExportMenu(const Snapshot &snapshot);
    void chooseExport(uint64_t conversation, command::ExportFormat format, const std::string &title,
                      const char *ending);
    void drawConversation(const Snapshot &snapshot, CommandQueue &commands);

    ConversationList list_;
    MessageList messages_;
    TurnFind find_;
    Composer composer_;
    ChatOptions options_;
    bool shows_list_ = false;
    float footer_height_ = 0; ///< of everything below the messages, in the last frame
    /// Paths that were chosen since the last frame; shared with dialogs that may outlive us.
    std::shared_ptr<std::vector<Command>> chosen_ = std::make_shared<std::vector<Command>>();
};

} // namespace longscope::ui
