// One conversation: a tree of messages, kept in the library with every change, and the branch of it
// that is shown. Knows neither tasks nor the engine. For the desk's thread.
#pragma once

#include "app/desk/message_details.h"
#include "compute/document/library.h"
#include "ui/command.h"
#include "ui/state/chat.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace longscope::app {

class Conversation {
  public:
    /// A new one, without an id until its first message.
    Conversation(document::Library &library, ConversationSettings settings);
    /// As the library has it. Messages that were growing when the program ended are "interrupted".
    Conversation(document::Library &library, const document::StoredConversation &stored);

    uint64_t id() const { return id_; }
    const std::string &title() const { return title_; }
    void rename(std::string title);
    const ConversationSettings &settings() const { return settings_; }
    void setSettings(ConversationSettings settings);

    /// Null when it is not here (any more).
    const ui::Message *find(uint64_t message) const;
    uint64_t parentOf(uint64_t message) const; ///< 0 = none
    std::optional<ui::command::Summarize> summaryOf(uint64_t message) const;

    /// Adds a message below another (0 = a first one) and shows its branch; the first message of
    /// all makes the conversation in the library and names it. The message's id.
    uint64_t add(uint64_t parent, ui::Message message,
                 std::optional<ui::command::Summarize> summary = std::nullopt);
    /// Nothing when it is not here. `store` false: in memory only, for what changes often.
    void change(uint64_t message, const std::function<void(ui::Message &)> &change, bool store);
    /// With all below it.
    std::vector<document::StoredMessage> remove(uint64_t message);
    void restore(const std::vector<document::StoredMessage> &messages);
    /// The wording or answer `step` after this one, in a circle.
    void switchBranch(uint64_t message, int step);

    uint64_t leaf() const; ///< last message of the branch that is shown; 0 = none
    std::vector<uint64_t> pathTo(uint64_t message) const; ///< from a first message on
    std::vector<std::shared_ptr<const ui::Message>> messagesTo(uint64_t message) const;
    std::vector<std::shared_ptr<const ui::Message>> branch() const;
    std::vector<uint64_t> growing() const;

  private:
    struct Node {
        uint64_t parent = 0;
        std::shared_ptr<const ui::Message> message;
        std::optional<ui::command::Summarize> summary;
    };
    void insert(const document::StoredMessage &stored);
    document::StoredMessage storedOf(const Node &node) const;
    uint64_t chosenBelow(uint64_t parent) const; ///< 0 = nothing is below
    void choose(uint64_t message);               ///< shows the branch through it
    void numberBranches(uint64_t parent);
    void keep(); ///< title, settings, chosen branches

    document::Library &library_;
    uint64_t id_ = 0;
    std::string title_;
    ConversationSettings settings_;
    std::map<uint64_t, Node> nodes_;
    std::map<uint64_t, std::vector<uint64_t>> below_; ///< children by parent, oldest first
    std::map<uint64_t, uint64_t> chosen_;             ///< child by parent; none: the newest
};

} // namespace longscope::app
