#include "compute/reading/strategies/forecast.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <utility>

namespace longscope::reading {
namespace {

constexpr double kExpectationWeight = 2; ///< in steps: what a plan expected, beside what happened
constexpr size_t kEstimates = 64;        ///< of all the rest, in one run

uint64_t rounded(double tokens) {
    return static_cast<uint64_t>(std::llround(std::max(0.0, tokens)));
}

} // namespace

double forecastSeconds(const Plan &plan, const Speeds &speeds) {
    return Forecast(plan, speeds).before();
}

Forecast::Forecast(const Plan &plan, Speeds speeds)
    : plan_(plan), speeds_(std::move(speeds)), start_(Clock::now()), step_start_(start_),
      call_start_(start_) {
    for (const Step &step : plan.steps)
        estimates_.push_back(stepSeconds(step));
    for (double seconds : estimates_)
        before_ += seconds;
    rest_ = before_;
    size_t steps = plan.steps.size();
    tokens_after_.assign(steps + 1, 0);
    for (const Step &step : plan.steps)
        calls_after_[step.kind].assign(steps + 1, 0);
    for (size_t i = steps; i-- > 0;) {
        const Step &step = plan.steps[i];
        tokens_after_[i] = tokens_after_[i + 1] + static_cast<double>(step.prompt_tokens) +
                           step.tries * static_cast<double>(step.written_tokens);
        for (auto &[kind, after] : calls_after_)
            after[i] = after[i + 1] + (kind == step.kind ? step.tries : 0);
    }
}

double Forecast::callSeconds(const Step &step, bool first) const {
    auto ratio = written_.find(step.kind);
    uint64_t written = rounded((ratio == written_.end() ? 1 : ratio->second.value()) *
                               static_cast<double>(step.written_tokens));
    return first ? speeds_.seconds(0, step.prompt_tokens, written)
                 : speeds_.seconds(step.prompt_tokens, 0, written);
}

double Forecast::stepSeconds(const Step &step) const {
    double tries = expectedTries(step);
    return std::min(tries, 1.0) * callSeconds(step, true) +
           std::max(tries - 1, 0.0) * callSeconds(step, false);
}

double Forecast::expectedTries(const Step &step) const {
    auto ratio = tries_.find(step.kind);
    return (ratio == tries_.end() ? 1 : ratio->second.value()) * step.tries;
}

/// In the steps behind the running one.
double Forecast::callsAfter() const {
    double calls = 0;
    for (const auto &[kind, after] : calls_after_) {
        auto ratio = tries_.find(kind);
        calls += after[step_ + 1] * (ratio == tries_.end() ? 1 : ratio->second.value());
    }
    return calls;
}

void Forecast::estimateRest() {
    rest_ = 0;
    for (size_t step = step_; step < plan_.steps.size(); ++step) {
        estimates_[step] = stepSeconds(plan_.steps[step]);
        rest_ += estimates_[step];
    }
    estimated_at_ = step_;
}

void Forecast::began(size_t step) {
    step_ = step;
    calls_in_step_ = 0;
    read_in_call_ = written_in_call_ = 0;
    if (step >= estimated_at_ + std::max<size_t>(1, plan_.steps.size() / kEstimates))
        estimateRest();
    rest_ -= estimates_[step];
    step_start_ = call_start_ = Clock::now();
}

void Forecast::called(const TextReply &reply, double seconds, bool kept) {
    const Step &step = plan_.steps[step_];
    ++calls_;
    ++calls_in_step_;
    done_tokens_ += kept
                        ? 0
                        : reply.prompt_tokens - std::min(reply.prompt_tokens, reply.reused_tokens) +
                              reply.written_tokens;
    auto expected = static_cast<double>(step.written_tokens);
    Ratio &ratio =
        written_
            .try_emplace(step.kind, kExpectationWeight * expected, kExpectationWeight * expected)
            .first->second;
    ratio.expected += expected;
    ratio.real += static_cast<double>(reply.written_tokens);
    if (!kept)
        speeds_.observe(reply, seconds);
    read_in_call_ = written_in_call_ = 0;
    call_start_ = Clock::now();
}

void Forecast::ended() {
    const Step &step = plan_.steps[step_];
    Ratio &ratio = tries_
                       .try_emplace(step.kind, kExpectationWeight * step.tries,
                                    kExpectationWeight * step.tries)
                       .first->second;
    ratio.expected += step.tries;
    ratio.real += calls_in_step_;
}

double Forecast::restOfStep(const Progress &call) const {
    const Step &step = plan_.steps[step_];
    bool first = calls_in_step_ == 0;
    double spent = secondsSince(call_start_);
    double rest = std::max(0.0, callSeconds(step, first) - spent);
    if (call.label == "reading" && call.remaining_s >= 0) {
        double writing = callSeconds(step, false);
        rest = call.remaining_s + writing;
    }
    double tries = expectedTries(step);
    return rest + std::max(0.0, tries - calls_in_step_ - 1) * callSeconds(step, false);
}

/// Of the whole run: the tokens before the running call, its own, and what is expected behind it.
void Forecast::countTokens(Progress &now, const Progress &call) {
    const Step &step = plan_.steps[step_];
    bool first = calls_in_step_ == 0;
    if (call.label == "reading")
        read_in_call_ = first ? call.done : 0; // another try knows its prompt
    else if (call.label == "writing")
        written_in_call_ = call.done;
    // What the call found known counted while it was read, and not when it was over.
    shown_tokens_ = std::max(shown_tokens_, done_tokens_ + read_in_call_ + written_in_call_);
    now.done = shown_tokens_;
    double left = std::max(1.0, expectedTries(step) - calls_in_step_), after = callsAfter();
    uint64_t of_step =
        (first ? step.prompt_tokens : 0) + rounded(left * static_cast<double>(step.written_tokens));
    now.total = std::max(now.done, done_tokens_ + of_step + rounded(tokens_after_[step_ + 1]));
    now.unit = std::format("tokens (call {} of {})", calls_ + 1,
                           std::max(calls_ + 1, calls_ + rounded(left + after)));
}

Progress Forecast::progress(const Progress &call) {
    Progress now{.label = "summarizing", .unit = "", .seconds = elapsed()};
    if (plan_.calls() == 1) { // which tells about itself
        now = call;
        now.seconds = elapsed();
    }
    if (plan_.calls() > 1)
        countTokens(now, call);
    if (speeds_.known() || plan_.calls() > 1)
        now.remaining_s = rest_ + restOfStep(call);
    if (after_tenth_ < 0 && now.remaining_s >= 0 &&
        now.seconds >= 0.1 * (now.seconds + now.remaining_s))
        after_tenth_ = now.seconds + now.remaining_s;
    return now;
}

} // namespace longscope::reading
