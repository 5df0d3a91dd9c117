#include "app/kept_results.h"

#include "app/json_output.h"
#include "app/library_access.h"

#include <utility>

namespace longscope::app {

KeptResults::KeptResults(const Options &options)
    : options_(options), library_(tryLibrary(options)) {}

document::ResultStore &KeptResults::general() {
    if (library_)
        return *library_;
    return memory_;
}

std::unique_ptr<document::ResultStore> KeptResults::of(const document::Document &document) {
    if (!library_)
        return std::make_unique<document::ResultsInMemory>();
    return std::make_unique<document::DocumentResults>(*library_, library_->addDocument(document));
}

void KeptResults::record(std::span<const document::Document> documents, CommandRun run) {
    if (!library_)
        return;
    engine::SamplingOptions with = sampling(options_);
    run.settings.update({{"model", options_.model},
                         {"attends", settingsText(options_)},
                         {"context", options_.context_tokens},
                         {"temperature", with.temperature},
                         {"top_k", with.top_k},
                         {"top_p", with.top_p},
                         {"min_p", with.min_p},
                         {"repeat_penalty", with.repeat_penalty},
                         {"seed", with.seed}});
    document::StoredRun stored{.kind = std::move(run.kind),
                               .strategy = std::move(run.strategy),
                               .settings = dumpJson(run.settings),
                               .result = dumpJson(run.result),
                               .finished = run.finished};
    for (const document::Document &document : documents)
        stored.documents.push_back(library_->addDocument(document));
    for (const document::StoredRun &old : library_->runs(stored.documents.front()))
        if (old.kind == stored.kind && old.strategy == stored.strategy &&
            old.settings == stored.settings && old.documents == stored.documents) {
            stored.id = old.id;
            library_->updateRun(stored);
            return;
        }
    library_->addRun(stored);
}

} // namespace longscope::app
