#include "app/summary_report.h"

#include "app/file_facts.h"
#include "app/output.h"
#include "app/progress.h"
#include "app/source_json.h"
#include "compute/document/places.h"
#include "compute/reading/coverage.h"

#include <algorithm>
#include <format>

namespace longscope::app {
namespace {

using document::Document;
using nlohmann::json;

json callJson(const reading::StepFacts &step) {
    return {{"start", step.start},
            {"end", step.end},
            {"level", step.level},
            {"calls", step.calls},
            {"kept_calls", step.kept},
            {"prompt_tokens", step.prompt_tokens},
            {"generated_tokens", step.written_tokens},
            {"seconds", step.seconds}};
}

/// Quoting looks at all of the text; a model read what stood in its calls.
reading::Coverage coverageOf(const Document &document, const reading::Summary &summary) {
    const document::Document *own[] = {&document};
    reading::Coverage coverage(own);
    if (summary.strategy == reading::Strategy::extract)
        coverage.entered(0, 0, 0, document.text.size());
    for (size_t i = 0; i < summary.steps.size(); ++i)
        if (summary.steps[i].own_end > 0)
            coverage.entered(i, 0, summary.steps[i].own_start, summary.steps[i].own_end);
    for (const reading::SourcedSentence &sentence : summary.sentences)
        coverage.traced(sentence);
    return coverage;
}

} // namespace

std::string placeMark(const Document &document, const reading::SourcedSentence &sentence) {
    if (sentence.sources.empty())
        return "[no source found]";
    std::string place = document::placeOf(document, sentence.sources.front().start);
    return sentence.supported ? "[" + place + "]"
                              : "[words not found together; like " + place + "]";
}

void printSentence(const Document &document, const reading::SourcedSentence &sentence,
                   bool in_line) {
    std::string text = document::oneLine(sentence.text);
    std::string mark = placeMark(document, sentence);
    printOut(in_line ? std::format("{} {} ", text, mark) : std::format("- {}  {}\n", text, mark));
}

std::string describePlan(const reading::Plan &plan, double seconds) {
    uint64_t calls = plan.expectedCalls(), most = plan.calls();
    return std::format("{}, because {}: {} calls{}, about {} tokens, about {}",
                       reading::strategyName(plan.strategy), plan.reason,
                       calls == most ? groupedText(calls) : "about " + groupedText(calls),
                       calls == most ? "" : std::format(" (at most {})", groupedText(most)),
                       groupedText(plan.promptTokens() + plan.writtenTokens()),
                       formatSeconds(seconds));
}

std::string coverageText(const Document &document, const reading::Summary &summary) {
    reading::Coverage coverage = coverageOf(document, summary);
    std::vector<reading::CoveredSpan> parts = coverage.calls();
    auto traced = std::ranges::count_if(parts, [](const auto &part) { return part.share > 0; });
    size_t unread = coverage.unreadSentences(0);
    std::string read =
        unread == 0 ? "all of the text was read"
                    : std::format("{} sentence{} of the text {} not read", groupedText(unread),
                                  unread == 1 ? "" : "s", unread == 1 ? "was" : "were");
    return parts.size() < 2
               ? read
               : std::format("{}, in {} parts, of which {} left a trace", read,
                             groupedText(parts.size()), groupedText(static_cast<uint64_t>(traced)));
}

void SummaryReport::add(const Document &document, const reading::Summary &summary) {
    for (const reading::SourcedSentence &sentence : summary.sentences) {
        text_ += (text_.empty() ? "" : " ") + sentence.text;
        sentences_.push_back(sentenceJson(document, sentence));
        const json &sources = sentences_.back()["sources"];
        sources_.insert(sources_.end(), sources.begin(), sources.end());
    }
    json calls = json::array();
    for (const reading::StepFacts &step : summary.steps)
        calls.push_back(callJson(step));
    for (const reading::CoveredSpan &span : coverageOf(document, summary).spans())
        coverage_.push_back({{"file", document.path},
                             {"start", span.start},
                             {"end", span.end},
                             {"share", span.share}});
    strategy_ = strategy_.empty() || strategy_ == reading::strategyName(summary.strategy)
                    ? reading::strategyName(summary.strategy)
                    : "several";
    reason_ = documents_.empty() ? summary.reason : "see documents";
    calls_ += summary.calls();
    kept_calls_ += summary.keptCalls();
    prompt_tokens_ += summary.promptTokens();
    reused_tokens_ += summary.reusedTokens();
    prompt_seconds_ += summary.promptSeconds();
    generated_tokens_ += summary.writtenTokens();
    stopped_ = stopped_ || summary.stopped;
    documents_.push_back({{"file", document.path},
                          {"strategy", reading::strategyName(summary.strategy)},
                          {"reason", summary.reason},
                          {"seconds", summary.seconds},
                          {"forecast_seconds", summary.forecast_s},
                          {"forecast_after_tenth_seconds", summary.forecast_after_tenth_s},
                          {"dropped_repetitions", summary.dropped_repetitions},
                          {"dropped_unsupported", summary.dropped_unsupported},
                          {"steps", std::move(calls)}});
}

json SummaryReport::toJson(double seconds) const {
    return {{"text", text_},
            {"sentences", sentences_},
            {"sources", sources_},
            {"coverage", coverage_},
            {"strategy", strategy_},
            {"reason", reason_},
            {"calls", calls_},
            {"kept_calls", kept_calls_},
            {"prompt_tokens", prompt_tokens_},
            {"reused_tokens", reused_tokens_},
            {"prompt_seconds", prompt_seconds_},
            {"generated_tokens", generated_tokens_},
            {"stopped", stopped_},
            {"documents", documents_},
            {"seconds", seconds}};
}

} // namespace longscope::app
