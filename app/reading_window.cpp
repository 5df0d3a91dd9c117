#include "app/reading_window.h"

#include "app/paths.h"
#include "compute/engine/session_options.h"
#include "compute/model/config.h"
#include "compute/reading/strategies/strategies.h"
#include "compute/reading/summarize.h"
#include "compute/reading/worker_task.h"

#include <filesystem>
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

reading::EngineModel readingModel(engine::Worker &worker, const Options &options) {
    return reading::EngineModel(worker, settingsText(options), windowOf(worker, options));
}

std::string whyQuoted(const Options &options) {
    if (options.model.empty() && !std::filesystem::exists(defaultModelPath()))
        return "there is no model";
    model::Config config = model::readConfig(model::Gguf::open(modelPath(options)));
    return reading::isSmall(config.parameters)
               ? reading::smallModelReason(config.name, config.parameters)
               : "";
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
