// A conversation with its compactions as JSON: for --json, and for the session file, from which it
// goes on.
#pragma once

#include "compute/reading/conversation_memory.h"

#include <nlohmann/json.hpp>

#include <string>

namespace longscope::app {

/// {"messages": [{"role", "content"}], "compactions": [{"turns", "depth", "quoted", "sentences":
/// [{"turn", "text"}]}]}: all that was said, documents before the first user's words. "turns" are
/// how many from the first on, "turn" counts from 1; compactions are left out where there are none.
nlohmann::json conversationJson(const reading::ConversationMemory &memory);

/// The same with what only this program needs, as bytes for a session file.
std::string keepConversation(const reading::ConversationMemory &memory);

/// Into a memory without turns, its system message too; false (and nothing changes) when the bytes
/// are no conversation. Takes the array of messages that older files have.
bool restoreConversation(const std::string &bytes, reading::ConversationMemory &memory);

} // namespace longscope::app
