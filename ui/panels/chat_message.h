// One message: text, sources, figures, and what can be done with it.
#pragma once

#include "ui/command.h"
#include "ui/panels/chat_text.h"
#include "ui/snapshot.h"
#include "ui/widgets/markdown_view.h"

#include <imgui.h>

#include <memory>
#include <string>
#include <vector>

namespace longscope::ui {

/// The message that is being rewritten; one at a time.
struct MessageEdit {
    uint64_t message = 0; ///< 0 = none
    std::string text;
    bool wants_focus = false;
};

struct MessageScene {
    const Snapshot &snapshot;
    CommandQueue &commands;
    MessageEdit &edit;
    bool is_last = false;
};

class MessageView {
  public:
    void draw(const std::shared_ptr<const Message> &message, MessageScene &scene);

  private:
    void takeChange(const std::shared_ptr<const Message> &message);
    void drawUser(MessageScene &scene);
    void drawAssistant(MessageScene &scene);
    void drawPlaces(MessageScene &scene);
    void drawPassages(MessageScene &scene);
    void drawSentence(size_t index, MessageScene &scene);
    void drawSources(const CheckedSentence &sentence, size_t index, MessageScene &scene,
                     bool first);
    void drawFooter(MessageScene &scene, bool beside);
    void drawBranch(MessageScene &scene);
    bool action(const char *label, bool same_line = true);
    void menuItems(MessageScene &scene);
    void drawSentenceChoice(MessageScene &scene);
    void beginEdit(MessageScene &scene);
    void drawEdit(MessageScene &scene);
    bool canTrace() const;
    bool hasSentences() const;
    bool canChoose() const;

    std::shared_ptr<const Message> message_;
    std::string seen_text_; ///< that the Markdown view has split
    MarkdownView markdown_;
    bool markdown_stale_ = false; ///< the view has not seen `seen_text_` yet
    std::vector<Range> ranges_;   ///< of the sentences that can be asked about
    bool ranges_known_ = false;
    bool wants_choice_ = false; ///< a menu closes before the popup opens
    bool hovered_ = false, focused_ = false;
    const Trace *closed_trace_ = nullptr; ///< the one that the user closed
    ImVec2 from_, size_;                  ///< on the screen, in the last frame
};

} // namespace longscope::ui
