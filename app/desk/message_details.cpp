#include "app/desk/message_details.h"

namespace longscope::app {
namespace {

using Json = nlohmann::json;

template <class Kind> Kind kindOf(const Json &object, const char *name, Kind last) {
    int value = memberOf(object, name, 0);
    return value >= 0 && value <= static_cast<int>(last) ? static_cast<Kind>(value) : Kind{};
}

/// The elements that are objects.
std::vector<Json> objectsOf(const Json &object, const char *name) {
    std::vector<Json> objects;
    auto found = object.find(name);
    if (found != object.end() && found->is_array())
        for (const Json &element : *found)
            if (element.is_object())
                objects.push_back(element);
    return objects;
}

std::vector<ui::CheckedSentence> readSentences(const Json &details) {
    std::vector<ui::CheckedSentence> sentences;
    for (const Json &json : objectsOf(details, "sentences")) {
        ui::CheckedSentence sentence{.text = memberOf(json, "text", std::string()),
                                     .quoted = memberOf(json, "quoted", false),
                                     .supported = memberOf(json, "supported", false),
                                     .sources = {}};
        for (const Json &source : objectsOf(json, "sources"))
            sentence.sources.push_back({.start = memberOf(source, "start", size_t{0}),
                                        .end = memberOf(source, "end", size_t{0}),
                                        .score = memberOf(source, "score", 0.0f),
                                        .place = memberOf(source, "place", std::string())});
        sentences.push_back(std::move(sentence));
    }
    return sentences;
}

} // namespace

Json sentencesToJson(const std::vector<ui::CheckedSentence> &sentences) {
    Json all = Json::array();
    for (const ui::CheckedSentence &sentence : sentences) {
        Json sources = Json::array();
        for (const ui::Source &source : sentence.sources)
            sources.push_back({{"start", source.start},
                               {"end", source.end},
                               {"score", source.score},
                               {"place", source.place}});
        all.push_back({{"text", sentence.text},
                       {"quoted", sentence.quoted},
                       {"supported", sentence.supported},
                       {"sources", std::move(sources)}});
    }
    return all;
}

Json detailsOf(const ui::Message &message) {
    return {{"kind", static_cast<int>(message.kind)},
            {"note", message.note},
            {"document_title", message.document_title},
            {"sentences", sentencesToJson(message.sentences)},
            {"growing", message.growing},
            {"prompt_tokens", message.prompt_tokens},
            {"reused_tokens", message.reused_tokens},
            {"written_tokens", message.written_tokens},
            {"prompt_seconds", message.prompt_seconds},
            {"write_seconds", message.write_seconds}};
}

void readDetails(const Json &details, ui::Message &message) {
    message.kind = kindOf(details, "kind", ui::MessageKind::answer);
    message.note = memberOf(details, "note", std::string());
    message.document_title = memberOf(details, "document_title", std::string());
    message.sentences = readSentences(details);
    message.growing = memberOf(details, "growing", false);
    message.prompt_tokens = memberOf(details, "prompt_tokens", uint64_t{0});
    message.reused_tokens = memberOf(details, "reused_tokens", uint64_t{0});
    message.written_tokens = memberOf(details, "written_tokens", uint64_t{0});
    message.prompt_seconds = memberOf(details, "prompt_seconds", 0.0);
    message.write_seconds = memberOf(details, "write_seconds", 0.0);
}

Json summaryToJson(const ui::command::Summarize &wanted) {
    return {{"strategy", static_cast<int>(wanted.strategy)},
            {"words", wanted.words},
            {"key_sentences", wanted.key_sentences}};
}

std::optional<ui::command::Summarize> readSummary(const Json &details) {
    auto found = details.find("summarize");
    if (found == details.end() || !found->is_object())
        return std::nullopt;
    ui::command::Summarize usual;
    return ui::command::Summarize{
        .strategy = kindOf(*found, "strategy", ui::command::Strategy::tree),
        .words = memberOf(*found, "words", usual.words),
        .key_sentences = memberOf(*found, "key_sentences", usual.key_sentences)};
}

Json settingsToJson(const ConversationSettings &settings) {
    const ui::Sampling &sampling = settings.sampling;
    return {{"system", settings.system_prompt},
            {"with_document", settings.with_document},
            {"temperature", sampling.temperature},
            {"top_k", sampling.top_k},
            {"top_p", sampling.top_p},
            {"min_p", sampling.min_p},
            {"repeat_penalty", sampling.repeat_penalty},
            {"seed", sampling.seed},
            {"reply_tokens", sampling.reply_tokens}};
}

ConversationSettings readSettings(const Json &json) {
    ui::Sampling usual;
    return {.system_prompt = memberOf(json, "system", std::string()),
            .sampling = {.temperature = memberOf(json, "temperature", usual.temperature),
                         .top_p = memberOf(json, "top_p", usual.top_p),
                         .min_p = memberOf(json, "min_p", usual.min_p),
                         .repeat_penalty = memberOf(json, "repeat_penalty", usual.repeat_penalty),
                         .top_k = memberOf(json, "top_k", usual.top_k),
                         .seed = memberOf(json, "seed", usual.seed),
                         .reply_tokens = memberOf(json, "reply_tokens", usual.reply_tokens)},
            .with_document = memberOf(json, "with_document", false)};
}

Json parseJson(const std::string &text) {
    Json json = Json::parse(text, nullptr, false);
    return json.is_object() ? json : Json::object();
}

std::string dumpJson(const Json &json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace longscope::app
