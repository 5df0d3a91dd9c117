// A model's reply as a step of long work: asked for once, and then found in the store.
#pragma once

#include "compute/document/result_store.h"
#include "compute/reading/text_model.h"

namespace longscope::reading {

struct StepReply {
    std::string text;
    bool cut = false;     ///< ended at its length or because it looped
    bool kept = false;    ///< came from the store
    bool stopped = false; ///< by the stop: not kept
    uint64_t prompt_tokens = 0, written_tokens = 0;
};

/// The reply to the request, from the store where the same model was asked the same before. A model
/// that says the same 12 words a second time is stopped, and its text ends with the sentence
/// before.
StepReply keptReply(TextModel &model, document::ResultStore &store, std::string_view kind,
                    const TextRequest &request, const ProgressSink &progress, std::stop_token stop);

/// The last sentences of a text, of about `most_words`, on one line.
std::string lastSentences(std::string_view text, size_t most_words);

} // namespace longscope::reading
