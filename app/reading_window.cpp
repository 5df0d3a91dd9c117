#include "app/reading_window.h"

#include "compute/engine/session_options.h"
#include "compute/reading/summarize.h"
#include "compute/reading/worker_task.h"

#include <format>

namespace longscope::app {

std::vector<document::Document> importFiles(const std::vector<std::string> &paths) {
    std::vector<document::Document> documents;
    for (const std::string &path : paths) {
        documents.push_back(document::importFile(path));
        for (const std::string &warning : documents.back().warnings)
            printWarning(path + ": " + warning);
    }
    return documents;
}

uint64_t windowOf(engine::Worker &worker, const Options &options) {
    if (options.context_tokens)
        return options.context_tokens;
    uint64_t tokens = 0;
    engine::SessionOptions session = sessionOptions(options);
    auto look = [&](engine::Engine &engine, engine::Session *, const ProgressSink &,
                    const std::stop_token &) {
        tokens = engine::reachOf(engine.config(), session);
    };
    reading::runTask(worker, engine::Inquire{"", look});
    return tokens;
}

void noteSmallModel(const engine::ModelFacts &facts, const Options &options,
                    std::string_view consequence) {
    if (facts.parameters >= reading::kBelievedParameters || options.quiet)
        return;
    printNote(std::format("longscope: {} has only {} million parameters: {}", facts.title(),
                          facts.parameters / 1'000'000, consequence));
}

void writeResult(std::optional<OutputFile> &file, const std::string &text) {
    if (!file)
        return printOut(text);
    file->write(std::as_bytes(std::span(text)));
    file->commit();
}

} // namespace longscope::app
