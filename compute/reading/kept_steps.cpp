#include "compute/reading/kept_steps.h"

#include "compute/document/characters.h"
#include "compute/document/places.h"
#include "compute/document/sentences.h"
#include "compute/reading/step_key.h"
#include "compute/reading/words.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <span>

namespace longscope::reading {
namespace {

using nlohmann::json;

constexpr size_t kLoop = 12; // words that no text says twice, but for its source

std::optional<StepReply> parse(const std::optional<std::string> &bytes) {
    json kept = json::parse(bytes.value_or(""), nullptr, false);
    if (!kept.is_object() || !kept.contains("text") || !kept["text"].is_string())
        return std::nullopt;
    return StepReply{.text = kept["text"],
                     .cut = kept.value("cut", false),
                     .kept = true,
                     .prompt_tokens = kept.value("prompt_tokens", uint64_t{0}),
                     .written_tokens = kept.value("written_tokens", uint64_t{0})};
}

bool loops(std::string_view text) {
    std::vector<std::string> words = plainWords(text);
    if (words.size() < 2 * kLoop)
        return false;
    std::span<const std::string> last = std::span(words).last(kLoop);
    return !std::ranges::search(std::span(words).first(words.size() - 1), last).empty();
}

std::string untilLastStop(const std::string &text) {
    std::vector<document::Span> spans = document::sentenceSpans(text);
    for (size_t i = spans.size(); i-- > 0;)
        if (document::hasFinalStop(
                std::string_view(text).substr(spans[i].start, spans[i].end - spans[i].start)))
            return text.substr(0, spans[i].end);
    return text;
}

} // namespace

StepReply keptReply(TextModel &model, document::ResultStore &store, std::string_view kind,
                    const TextRequest &request, const ProgressSink &progress,
                    std::stop_token stop) {
    std::string key = stepKey(model.facts().fingerprint, request);
    if (auto kept = parse(store.find(kind, key)))
        return *kept;
    bool looped = false;
    auto go_on = [&](std::string_view so_far) {
        looped = looped || loops(so_far);
        return !looped;
    };
    TextReply reply = model.write(request, go_on, progress, stop);
    StepReply step{.text = std::string(document::trimmed(reply.text)),
                   .cut = looped || reply.finish == engine::Finish::length ||
                          reply.finish == engine::Finish::window_full,
                   .prompt_tokens = reply.prompt_tokens,
                   .written_tokens = reply.written_tokens};
    if (stop.stop_requested() && !looped && reply.finish == engine::Finish::stopped) {
        step.stopped = true;
        return step;
    }
    if (step.cut)
        step.text = untilLastStop(step.text);
    json bytes = {{"text", step.text},
                  {"cut", step.cut},
                  {"prompt_tokens", step.prompt_tokens},
                  {"written_tokens", step.written_tokens}};
    store.keep(kind, key, bytes.dump(-1, ' ', false, json::error_handler_t::replace));
    return step;
}

std::string lastSentences(std::string_view text, size_t most_words) {
    std::vector<document::Span> spans = document::sentenceSpans(text);
    size_t words = 0, start = text.size();
    for (size_t i = spans.size(); i-- > 0;) {
        words += plainWords(text.substr(spans[i].start, spans[i].end - spans[i].start)).size();
        if (words > most_words)
            break;
        start = spans[i].start;
    }
    return document::oneLine(document::trimmed(text.substr(start)));
}

} // namespace longscope::reading
