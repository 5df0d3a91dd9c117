// Chat formats for models whose file has no usable template, chosen by the tokens that a vocabulary
// has, and the re-arrangements of messages that strict templates want.
#pragma once

#include "compute/model/chat_template.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::model {

/// "ChatML", "Llama 3", "Gemma", "Phi-3", "Mistral" or "plain"; `has` answers whether a text is a
/// token.
std::string chooseBuiltIn(const std::function<bool(std::string_view)> &has);

/// Text and content spans; `used` is left empty.
RenderedChat renderBuiltIn(std::string_view style, const std::vector<Message> &messages,
                           std::string_view eos, bool add_generation_prompt);

/// System texts put before the next user message; one without a user message behind it becomes one.
std::vector<Message> joinSystem(const std::vector<Message> &messages);
/// joinSystem, then neighbours of equal role merged and a leading assistant turn dropped.
std::vector<Message> mergeNeighbours(const std::vector<Message> &messages);

} // namespace longscope::model
