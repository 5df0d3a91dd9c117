// Renders the chat template of a model: real Jinja through a library. Templates are untrusted, so
// rendering runs in a child process with limits on memory and time.
#pragma once

#include "compute/model/tokenizer.h"

#include <string>
#include <string_view>
#include <vector>

namespace longscope::model {

struct Message {
    std::string role; ///< "system", "user", "assistant"
    std::string content;
};

struct RenderedChat {
    std::string text;
    std::vector<PlainSpan> content; ///< bytes that come from message contents
    std::string used;               ///< "template", or which fallback (with why): shown to the user
};

class ChatTemplate {
  public:
    /// From `tokenizer.chat_template`; a model without one gets a built-in by the tokens present.
    ChatTemplate(const Gguf &file, const Tokenizer &tokenizer);
    /// From a template text (tests, other files).
    ChatTemplate(std::string source, std::string bos, std::string eos);

    /// Falls back in the order of the design (system joined to the first user message, neighbours
    /// merged, content as parts, built-in) and says which was used.
    RenderedChat render(const std::vector<Message> &messages, bool add_generation_prompt) const;
    /// Plain JSON in (`{"messages": [...], "tools": [...]}`), the template alone, no fallback:
    /// what `longscope template` prints. Throws Error(model) with line and column.
    std::string renderJson(std::string_view json, bool add_generation_prompt) const;
    const std::string &source() const { return source_; }

  private:
    std::string source_, bos_, eos_;
    std::string built_in_; ///< name of the built-in style that suits the vocabulary
};

/// Ids of a rendered chat: specials are recognised outside message contents only, and a BOS that
/// the template wrote is not added twice.
std::vector<Token> encodeChat(const Tokenizer &tokenizer, const RenderedChat &chat);

} // namespace longscope::model
