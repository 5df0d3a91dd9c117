#include "compute/reading/strategies/steps_kept.h"

#include <nlohmann/json.hpp>

namespace longscope::reading {
namespace {

using nlohmann::json;

constexpr const char *kKind = "summary step";

} // namespace

std::optional<KeptStep> findStep(const document::ResultStore &store, const std::string &key) {
    std::optional<std::string> bytes = store.find(kKind, key);
    if (!bytes)
        return std::nullopt;
    json kept = json::parse(*bytes, nullptr, false);
    try {
        return KeptStep{
            .sentences = kept.at("sentences"),
            .figures = {.text = "",
                        .finish = engine::Finish::end_of_text,
                        .prompt_tokens = kept.at("prompt_tokens"),
                        .reused_tokens = kept.at("reused_tokens"),
                        .written_tokens = kept.at("written_tokens"),
                        .prompt_seconds = kept.at("prompt_seconds"),
                        .write_seconds = kept.at("write_seconds")},
            .dropped_repetitions = kept.at("dropped_repetitions"),
        };
    } catch (const json::exception &) {
        return std::nullopt; // of another program: made again, and replaced
    }
}

void keepSteps(document::ResultStore &store, const std::map<std::string, KeptStep> &steps) {
    std::vector<document::ResultStore::Item> items;
    for (const auto &[key, step] : steps) {
        json kept = {{"sentences", step.sentences},
                     {"prompt_tokens", step.figures.prompt_tokens},
                     {"reused_tokens", step.figures.reused_tokens},
                     {"written_tokens", step.figures.written_tokens},
                     {"prompt_seconds", step.figures.prompt_seconds},
                     {"write_seconds", step.figures.write_seconds},
                     {"dropped_repetitions", step.dropped_repetitions}};
        items.push_back({key, kept.dump(-1, ' ', false, json::error_handler_t::replace)});
    }
    store.keepAll(kKind, items);
}

} // namespace longscope::reading
