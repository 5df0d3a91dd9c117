#include "app/desk/message_details.h"

namespace longscope::app {
namespace {

using Json = nlohmann::json;

template <class Kind> Kind kindOf(const Json &object, const char *name, Kind last) {
    int value = memberOf(object, name, 0);
    return value >= 0 && value <= static_cast<int>(last) ? static_cast<Kind>(value) : Kind{};
}

std::vector<ui::Source> readSources(const Json &object, const char *name) {
    std::vector<ui::Source> sources;
    for (const Json &source : objectsOf(object, name))
        sources.push_back({.start = memberOf(source, "start", size_t{0}),
                           .end = memberOf(source, "end", size_t{0}),
                           .score = memberOf(source, "score", 0.0f),
                           .place = memberOf(source, "place", std::string())});
    return sources;
}

Json sourcesToJson(const std::vector<ui::Source> &sources) {
    Json all = Json::array();
    for (const ui::Source &source : sources)
        all.push_back({{"start", source.start},
                       {"end", source.end},
                       {"score", source.score},
                       {"place", source.place}});
    return all;
}

std::shared_ptr<const ui::Compacted> readCompacted(const Json &details) {
    auto found = details.find("compacted");
    if (found == details.end() || !found->is_object())
        return nullptr;
    auto compacted = std::make_shared<ui::Compacted>();
    compacted->turns = memberOf(*found, "turns", uint64_t{0});
    compacted->depth = memberOf(*found, "depth", 1u);
    compacted->quoted = memberOf(*found, "quoted", true);
    compacted->in_short = memberOf(*found, "in_short", true);
    for (const Json &sentence : objectsOf(*found, "sentences"))
        compacted->sentences.push_back({.turn = memberOf(sentence, "turn", uint64_t{0}),
                                        .role = kindOf(sentence, "role", ui::Role::assistant),
                                        .text = memberOf(sentence, "text", std::string())});
    return compacted;
}

Json compactedToJson(const ui::Compacted &compacted) {
    Json sentences = Json::array();
    for (const ui::Compacted::Sentence &sentence : compacted.sentences)
        sentences.push_back({{"turn", sentence.turn},
                             {"role", static_cast<int>(sentence.role)},
                             {"text", sentence.text}});
    return {{"turns", compacted.turns},
            {"depth", compacted.depth},
            {"quoted", compacted.quoted},
            {"in_short", compacted.in_short},
            {"sentences", std::move(sentences)}};
}

std::vector<ui::CheckedSentence> readSentences(const Json &details) {
    std::vector<ui::CheckedSentence> sentences;
    for (const Json &json : objectsOf(details, "sentences")) {
        ui::CheckedSentence sentence{.text = memberOf(json, "text", std::string()),
                                     .quoted = memberOf(json, "quoted", false),
                                     .supported = memberOf(json, "supported", false),
                                     .sources = readSources(json, "sources")};
        sentences.push_back(std::move(sentence));
    }
    return sentences;
}

} // namespace

Json sentencesToJson(const std::vector<ui::CheckedSentence> &sentences) {
    Json all = Json::array();
    for (const ui::CheckedSentence &sentence : sentences)
        all.push_back({{"text", sentence.text},
                       {"quoted", sentence.quoted},
                       {"supported", sentence.supported},
                       {"sources", sourcesToJson(sentence.sources)}});
    return all;
}

Json detailsOf(const ui::Message &message) {
    Json details = {{"kind", static_cast<int>(message.kind)},
                    {"note", message.note},
                    {"document_title", message.document_title},
                    {"sentences", sentencesToJson(message.sentences)},
                    {"growing", message.growing},
                    {"prompt_tokens", message.prompt_tokens},
                    {"reused_tokens", message.reused_tokens},
                    {"written_tokens", message.written_tokens},
                    {"prompt_seconds", message.prompt_seconds},
                    {"write_seconds", message.write_seconds}};
    if (!message.passages.empty())
        details["passages"] = sourcesToJson(message.passages);
    if (!message.found)
        details["found"] = false;
    if (message.seed != 0)
        details["seed"] = message.seed;
    if (message.can_go_on)
        details["can_go_on"] = true;
    if (message.compacted)
        details["compacted"] = compactedToJson(*message.compacted);
    return details;
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
    message.passages = readSources(details, "passages");
    message.found = memberOf(details, "found", true);
    message.seed = memberOf(details, "seed", uint64_t{0});
    message.can_go_on = memberOf(details, "can_go_on", false);
    message.compacted = readCompacted(details);
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
            {"ask_way", static_cast<int>(settings.ask_way)},
            {"by_vectors", settings.by_vectors},
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
            .with_document = memberOf(json, "with_document", false),
            .ask_way = kindOf(json, "ask_way", ui::AskWay::passages_written),
            .by_vectors = memberOf(json, "by_vectors", false)};
}

std::vector<Json> objectsOf(const Json &object, const char *name) {
    std::vector<Json> objects;
    auto found = object.find(name);
    if (found != object.end() && found->is_array())
        for (const Json &element : *found)
            if (element.is_object())
                objects.push_back(element);
    return objects;
}

Json parseJson(const std::string &text) {
    Json json = Json::parse(text, nullptr, false);
    return json.is_object() ? json : Json::object();
}

} // namespace longscope::app
