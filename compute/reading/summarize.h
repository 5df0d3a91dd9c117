// The main job: a summary of a document in which every sentence has its source or says that it has
// none. First the plan (what will be called, how long it takes), then the run.
#pragma once

#include "compute/reading/strategies/forecast.h"
#include "compute/reading/strategies/run.h"
#include "compute/reading/summary_options.h"

namespace longscope::reading {

/// Chooses where the options leave it open; `model` may be null, which leaves quoting. The plan of
/// Strategy::extract has no steps: quoteKeySentences does it. Throws Error(model) with the numbers
/// when the text, or one part of it with the words asked for, does not fit the window, and
/// Error(usage) for a strategy that needs a model without one; Error(stopped) after a stop, which
/// takes effect within one count of a paragraph or part.
Plan planSummary(const document::Document &document, TextModel *model,
                 const SummaryOptions &options, std::stop_token stop = {});

/// Plan and run at once, for those who show no plan. Throws as both do; nothing is called twice
/// when it is done again with the same store.
Summary summarize(const document::Document &document, const SummaryOptions &options,
                  const Run &run);

} // namespace longscope::reading
