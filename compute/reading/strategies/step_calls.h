// The calls of a summary's steps: found where an earlier run kept them, else made, alone or many at
// once, and kept.
#pragma once

#include "compute/reading/strategies/forecast.h"
#include "compute/reading/strategies/run.h"
#include "compute/reading/strategies/steps_kept.h"

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace longscope::reading {

struct StepRequest {
    TextRequest request;
    unsigned words = 0;    ///< that the reply may have
    bool only_one = false; ///< sentence is wanted
};

struct MadeCall {
    KeptStep step;
    double seconds = 0;
    bool kept = false; ///< of an earlier run
};

class StepCalls {
  public:
    /// Both must stay; the forecast turns what calls tell into the progress of the run.
    StepCalls(const Run &run, Forecast &forecast);

    /// Finds the call or makes and keeps it; nothing when it was stopped. `on_sentence` gets each
    /// finished sentence as it comes.
    using OnSentence = std::function<void(const std::string &)>;
    std::optional<MadeCall> call(const StepRequest &request, const OnSentence &on_sentence);

    /// Makes those of these that were not kept, at once, for `call` to find. Whoever is among them
    /// decides on the last bits of all, so they are kept all or none: a run that was killed and
    /// goes on makes the same ones together again. False when it was stopped; then none is kept.
    bool makeTogether(std::span<const StepRequest> requests);

  private:
    std::string keyOf(const StepRequest &request) const;
    ProgressSink progress() const;

    const Run &run_;
    Forecast &forecast_;
    std::string fingerprint_;
    std::map<std::string, KeptStep> fresh_; ///< just made together
};

} // namespace longscope::reading
