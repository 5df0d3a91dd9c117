// The main job: key sentences of a document with their places, and the model's own summary with
// every sentence checked against the document's words.
#pragma once

#include "compute/document/document.h"
#include "compute/engine/worker.h"
#include "compute/reading/key_sentences.h"
#include "compute/reading/support.h"

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace longscope::reading {

/// Quotes go first where a model has fewer: no recipe made one of 135 million truthful.
constexpr uint64_t kBelievedParameters = 1'000'000'000;

/// How a summary is written unless the user says otherwise, the same each time: see the .cpp.
engine::SamplingOptions summarySampling();

struct SummaryOptions {
    unsigned key_sentences = 8;
    unsigned words = 120; ///< asked of the model, and the bound of what it may write
    engine::SamplingOptions sampling = summarySampling();
};

struct WrittenSentence {
    std::string text;
    Support support;
};

struct Summary {
    std::vector<KeySentence> key;
    std::vector<WrittenSentence> written; ///< without repetitions
    unsigned dropped_repetitions = 0;     ///< sentences left out because they repeat one before
    bool stopped = false;
    engine::Task task; ///< tokens, times, template used
};

/// The chat that asks for a summary of the whole text.
std::vector<model::Message> summaryPrompt(const document::Document &document, unsigned words);

/// Reads the whole document with the worker's model (which must be loaded, with a window that the
/// prompt fits) and lets it write; each finished, non-repeating sentence is handed to `on_sentence`
/// as soon as it is complete. Ends the generation when the model begins to repeat itself. A stop
/// keeps what was written. Throws the task's Error when it fails.
Summary summarizeWhole(engine::Worker &worker, const document::Document &document,
                       const SummaryOptions &options,
                       const std::function<void(const WrittenSentence &)> &on_sentence,
                       const ProgressSink &progress, std::stop_token stop);

} // namespace longscope::reading
