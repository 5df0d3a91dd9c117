// How long the calls of a plan will take: from the speeds known before, corrected by what each call
// of the run showed (how fast, how much it writes, how many tries it needs).
#pragma once

#include "compute/core/clock.h"
#include "compute/core/progress.h"
#include "compute/reading/speeds.h"
#include "compute/reading/strategies/plan.h"

#include <map>
#include <vector>

namespace longscope::reading {

/// Of a plan before its run.
double forecastSeconds(const Plan &plan, const Speeds &speeds);

class Forecast {
  public:
    Forecast(const Plan &plan, Speeds speeds);

    void began(size_t step);
    /// After a call of the running step; `kept`: it was found, nothing was called.
    void called(const TextReply &reply, double seconds, bool kept);
    void ended();

    /// Of the whole run, given what the running call tells: "summarizing 1200 of 98000 tokens
    /// (call 7 of 41)". A single call tells about itself.
    Progress progress(const Progress &call);

    double elapsed() const { return secondsSince(start_); }
    double before() const { return before_; } ///< seconds, as forecast at the beginning
    /// As forecast when a tenth of it was over; negative when it ended sooner.
    double afterTenth() const { return after_tenth_; }
    const Speeds &speeds() const { return speeds_; }

  private:
    /// What steps of one kind did, beside what was expected of them.
    struct Ratio {
        double expected = 0, real = 0;
        double value() const { return expected > 0 ? real / expected : 1; }
    };
    double stepSeconds(const Step &step) const;
    double callSeconds(const Step &step, bool first) const;
    double expectedTries(const Step &step) const;
    double callsAfter() const;
    void estimateRest();
    void countTokens(Progress &now, const Progress &call);
    double restOfStep(const Progress &call) const;

    const Plan &plan_;
    Speeds speeds_;
    std::map<StepKind, Ratio> written_, tries_;
    std::vector<double> estimates_;    ///< of the steps
    std::vector<double> tokens_after_; ///< expected of this step and all behind it
    std::map<StepKind, std::vector<double>> calls_after_; ///< the same of one kind
    double rest_ = 0;                                     ///< of the steps behind the running one
    double before_ = 0, after_tenth_ = -1;
    size_t step_ = 0, estimated_at_ = 0;
    unsigned calls_in_step_ = 0;
    uint64_t calls_ = 0, done_tokens_ = 0;
    uint64_t read_in_call_ = 0, written_in_call_ = 0; ///< or in those that are made together
    uint64_t shown_tokens_ = 0;                       ///< which never goes back
    Clock::time_point start_, step_start_, call_start_;
};

} // namespace longscope::reading
