// What the library keeps of messages and conversations beside their text, as JSON. What is missing
// or of the wrong type (an older or newer program wrote it) gets its usual value.
#pragma once

#include "app/json_output.h"
#include "ui/command.h"
#include "ui/state/chat.h"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace longscope::app {

/// Everything of a message but id, role, text, document and branch. `growing` is kept, so that a
/// message whose writing a crash ended can be told.
nlohmann::json detailsOf(const ui::Message &message);
void readDetails(const nlohmann::json &details, ui::Message &message);

nlohmann::json sentencesToJson(const std::vector<ui::CheckedSentence> &sentences);

/// Of a message of the user that asks for a summary: so that another one can be written.
nlohmann::json summaryToJson(const ui::command::Summarize &wanted);
std::optional<ui::command::Summarize> readSummary(const nlohmann::json &details);

struct ConversationSettings {
    std::string system_prompt;
    ui::Sampling sampling;
    bool with_document = false;
    ui::AskWay ask_way = ui::AskWay::automatic;
    bool by_vectors = false;
};
nlohmann::json settingsToJson(const ConversationSettings &settings);
ConversationSettings readSettings(const nlohmann::json &json);

nlohmann::json parseJson(const std::string &text); ///< an empty object when it is none

/// Of a member that is an array, the elements that are objects.
std::vector<nlohmann::json> objectsOf(const nlohmann::json &object, const char *name);

/// A member of an object, `usual` when it is missing or of another type.
template <class T> T memberOf(const nlohmann::json &object, const char *name, T usual) {
    auto found = object.find(name);
    if (found == object.end())
        return usual;
    try {
        return found->get<T>();
    } catch (const nlohmann::json::exception &) {
        return usual;
    }
}

} // namespace longscope::app
