// How many tokens the next prompt takes, by what it is made of. Texts are counted once each; what
// the model's template adds is measured by rendering it around short texts.
#pragma once

#include "app/desk/core.h"
#include "ui/state/chat.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace longscope::app {

/// What stands between a document and the user's words behind it.
inline constexpr std::string_view kBehindDocument = "\n\n";

struct ContextWanted {
    std::string system_prompt;
    /// Of the branch that is shown; user and assistant take turns when prompts are made of them.
    std::vector<std::shared_ptr<const ui::Message>> history;
    std::string draft;
    uint64_t document_tokens = 0; ///< 0 = goes without one, or it is not counted yet
    bool with_document = false;
    uint64_t reply_tokens = 0;
};

/// For the desk's thread; long counts are tasks beside the engine.
class ContextCounter {
  public:
    explicit ContextCounter(Core &core) : core_(core) {}
    /// Sets draft.chat.use and draft.chat.draft, at once or when it is counted.
    void count(ContextWanted wanted);

  private:
    using Key = std::pair<size_t, size_t>; ///< of a text: hash, bytes
    using Frame = std::pair<bool, size_t>; ///< of a chat: has a system prompt, other messages
    using Counts = std::map<Key, uint64_t>;

    void show(const ContextWanted &wanted);
    uint64_t windowTokens() const;

    Core &core_;
    std::shared_ptr<const LoadedModel> model_; ///< that the counts are of
    Counts counts_;
    std::map<Frame, uint64_t> frames_; ///< tokens of the template
    uint64_t last_ = 0;                ///< counts asked for so far
};

} // namespace longscope::app
