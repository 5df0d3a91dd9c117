#include "app/kept_conversation.h"

#include <utility>

namespace longscope::app {
namespace {

using Json = nlohmann::json;

std::string textOf(const Json &object, const char *key) {
    bool is_there = object.is_object() && object.contains(key) && object[key].is_string();
    return is_there ? object[key].get<std::string>() : std::string();
}

uint64_t numberOf(const Json &object, const char *key) {
    bool is_there = object.is_object() && object.contains(key) && object[key].is_number_unsigned();
    return is_there ? object[key].get<uint64_t>() : 0;
}

const Json &listOf(const Json &object, const char *key) {
    static const Json empty = Json::array();
    return object.is_object() && object.contains(key) && object[key].is_array() ? object[key]
                                                                                : empty;
}

Json asJson(const reading::Compaction &compaction) {
    Json sentences = Json::array();
    for (const reading::TurnSentence &sentence : compaction.sentences)
        sentences.push_back({{"turn", sentence.turn + 1}, {"text", sentence.text}});
    return {{"turns", compaction.end},
            {"depth", compaction.depth},
            {"quoted", compaction.quoted},
            {"sentences", sentences}};
}

reading::Compaction compactionOf(const Json &json) {
    reading::Compaction compaction;
    compaction.end = numberOf(json, "turns");
    compaction.depth = static_cast<unsigned>(numberOf(json, "depth"));
    compaction.quoted = json.is_object() && json.value("quoted", Json(true)) == Json(true);
    for (const Json &sentence : listOf(json, "sentences"))
        compaction.sentences.push_back(
            {static_cast<size_t>(numberOf(sentence, "turn") - 1), textOf(sentence, "text")});
    return compaction;
}

} // namespace

Json conversationJson(const reading::ConversationMemory &memory) {
    Json messages = Json::array(), compactions = Json::array();
    if (!memory.system.empty())
        messages.push_back({{"role", "system"}, {"content", memory.system}});
    for (size_t i = 0; i < memory.turns().size(); ++i) {
        const reading::Turn &turn = memory.turns()[i];
        messages.push_back(
            {{"role", turn.role}, {"content", (i == 0 ? memory.documents : "") + turn.text}});
    }
    for (const reading::Compaction &compaction : memory.compactions())
        compactions.push_back(asJson(compaction));
    Json json = {{"messages", messages}};
    if (!compactions.empty())
        json["compactions"] = compactions;
    return json;
}

std::string keepConversation(const reading::ConversationMemory &memory) {
    Json json = conversationJson(memory);
    json["documents_bytes"] = memory.documents.size();
    Json pinned = Json::array();
    for (size_t i = 0; i < memory.turns().size(); ++i)
        if (memory.turns()[i].pinned)
            pinned.push_back(i + 1);
    json["pinned"] = pinned;
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool restoreConversation(const std::string &bytes, reading::ConversationMemory &memory) {
    Json saved = Json::parse(bytes, nullptr, false);
    const Json &messages = saved.is_array() ? saved : listOf(saved, "messages");
    if (messages.empty())
        return false;
    uint64_t documents = numberOf(saved, "documents_bytes");
    for (const Json &message : messages) {
        std::string role = textOf(message, "role"), text = textOf(message, "content");
        if (role == "system") {
            memory.system = std::move(text);
            continue;
        }
        if (memory.turns().empty() && documents <= text.size()) {
            memory.documents = text.substr(0, documents);
            text.erase(0, documents);
        }
        memory.add({role, std::move(text)});
    }
    for (const Json &turn : listOf(saved, "pinned"))
        if (turn.is_number_unsigned() && turn > 0u && turn <= memory.turns().size())
            memory.pin(turn.get<size_t>() - 1, true);
    std::vector<reading::Compaction> compactions;
    for (const Json &compaction : listOf(saved, "compactions"))
        compactions.push_back(compactionOf(compaction));
    memory.restore(std::move(compactions));
    return true;
}

} // namespace longscope::app
