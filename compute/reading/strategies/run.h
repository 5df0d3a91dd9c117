// Makes the calls of a plan, one after another, and gives the sentences with their sources. Each
// call is kept, so that a run that was stopped or killed goes on when it is started again.
//
// Larger models are asked for summaries of parts, and for one of several. Very small ones (see
// SummaryOptions) write one sentence of a passage at a time: the best of several tries, and none
// when no try has the passage's words; the sentences are passages again until few enough are left.
#pragma once

#include "compute/document/result_store.h"
#include "compute/reading/sources.h"
#include "compute/reading/speeds.h"
#include "compute/reading/strategies/plan.h"
#include "compute/reading/text_model.h"

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace longscope::reading {

/// What a run works with, and whom it tells.
struct Run {
    TextModel &model;
    document::ResultStore &store;
    std::function<void(const SourcedSentence &)> on_sentence = {}; ///< of the summary, as it comes
    ProgressSink progress = {};                                    ///< in tokens and calls
    std::stop_token stop = {};
};

/// One step as it was made.
struct StepFacts {
    StepKind kind = StepKind::whole;
    unsigned level = 0;                ///< 0 read the document
    size_t own_start = 0, own_end = 0; ///< bytes of the document in its prompt; equal: none
    size_t start = 0, end = 0;         ///< bytes that entered it, through other steps too
    unsigned calls = 0, kept = 0;      ///< kept: those found from an earlier run
    uint64_t prompt_tokens = 0, reused_tokens = 0, written_tokens = 0; ///< of all its calls
    double prompt_seconds = 0; ///< until the first word of each call that was made
    double seconds = 0;
    std::vector<std::string> sentences; ///< for a look at what became of what
};

struct Summary {
    Strategy strategy = Strategy::extract;
    std::string reason; ///< why this one
    std::vector<SourcedSentence> sentences;
    std::vector<StepFacts> steps;       ///< those that were made
    unsigned dropped_repetitions = 0;   ///< sentences left out because they repeat one before
    unsigned dropped_unsupported = 0;   ///< passages no try of which had the passage's words
    bool stopped = false;               ///< started again it goes on from here
    bool cut = false;                   ///< the window was full before the last call had ended
    double seconds = 0;                 ///< of this run
    double forecast_s = 0;              ///< at its beginning
    double forecast_after_tenth_s = -1; ///< when a tenth was over; negative: it was too short

    uint64_t calls() const;
    uint64_t keptCalls() const;
    uint64_t promptTokens() const;
    uint64_t reusedTokens() const;
    uint64_t writtenTokens() const;
    double promptSeconds() const;
};

/// The document's key sentences, quoted. Needs no model.
Summary quoteKeySentences(const document::Document &document, unsigned count, std::string reason);

/// Throws what the model throws; what was finished until then is kept. `options` and `document` are
/// those of the plan.
Summary runPlan(const document::Document &document, const Plan &plan, const SummaryOptions &options,
                const Run &run, Speeds speeds);

} // namespace longscope::reading
