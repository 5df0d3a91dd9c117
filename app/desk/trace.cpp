#include "app/desk/trace.h"

#include "app/desk/looking.h"
#include "app/desk/timeline.h"
#include "compute/core/error.h"
#include "compute/document/sentences.h"
#include "compute/engine/attention_metrics.h"
#include "compute/reading/attended_sources.h"
#include "compute/reading/support.h"

#include <algorithm>
#include <format>

namespace longscope::app {
namespace {

using attention::Interval;

constexpr size_t kSpansKept = 6;
constexpr double kWeak = 0.1; ///< of the strongest span's: weaker ones are left out
constexpr uint32_t kSinks = engine::MetricWidths{}.sinks;

/// The sentence of the message in which the words stand.
std::string sentenceAround(const std::string &text, size_t start, size_t end) {
    for (document::Span span : document::sentenceSpans(text))
        if (span.start < end && start < span.end)
            return text.substr(span.start, span.end - span.start);
    return text.substr(start, end - start);
}

std::string confidenceOf(const ui::Trace &trace) {
    std::string text =
        trace.spans.empty()
            ? "No passage got more of the attention than the text before the answer gave it."
            : "These passages got more of the attention than the text before the answer gave them.";
    return text + " Attention shows where the model looked, not why it wrote this, and not that "
                  "it is true.";
}

/// Parts of the document with their tokens.
struct Places {
    std::vector<document::Span> spans;
    std::vector<Interval> tokens; ///< of each
};

Places placesOf(const ui::Timeline &timeline, const document::Document &document, uint64_t before) {
    Places places;
    for (document::Span span : reading::partsOf(document)) {
        Interval tokens = tokensOfDocument(timeline, span.start, span.end);
        tokens = {std::max<uint64_t>(tokens.first, kSinks), std::min(tokens.end, before)};
        if (tokens.first >= tokens.end)
            continue;
        places.spans.push_back(span);
        places.tokens.push_back(tokens);
    }
    return places;
}

/// Those that gained become the trace's spans. `shares` and `control` are of all attention.
void addSpans(ui::Trace &trace, const TraceWanted &wanted, const Places &places,
              std::span<const double> shares, std::span<const double> control) {
    std::vector<std::pair<double, size_t>> gains;
    for (size_t i = 0; i < places.spans.size(); ++i)
        gains.emplace_back(shares[i] - (control.empty() ? 0 : control[i]), i);
    std::ranges::stable_sort(gains, std::greater{}, &std::pair<double, size_t>::first);
    double document_share = std::max(static_cast<double>(trace.document_share), 1e-9);
    for (auto [gain, i] : gains) {
        if (gain <= 0 || gain < kWeak * gains.front().first || trace.spans.size() == kSpansKept)
            break;
        document::Span span = places.spans[i];
        trace.spans.push_back({.start = span.start,
                               .end = span.end,
                               .share = static_cast<float>(shares[i] / document_share),
                               .place = DocumentsPart::placeOf(*wanted.document, span.start)});
    }
}

} // namespace

std::shared_ptr<const ui::Trace> traceWords(engine::Session &session, const TraceWanted &wanted,
                                            std::stop_token stop) {
    const ui::Timeline &timeline = *wanted.timeline;
    const ui::Timeline::Part *message = messagePart(timeline, wanted.message);
    const ui::Timeline::Part *read = documentPart(timeline);
    if (!message || session.tokens().size() < message->end)
        fail(ErrorKind::usage, "the model does not hold this answer any more: write it again, then "
                               "ask where it came from");
    if (!read)
        fail(ErrorKind::usage, "no document was read for this answer");
    Interval words =
        tokensOfMessage(timeline, *message, wanted.message_text, wanted.start, wanted.end);
    if (words.first >= words.end || words.first == 0)
        fail(ErrorKind::usage, "these words are not as the model wrote them");

    auto trace = std::make_shared<ui::Trace>();
    trace->message = wanted.message;
    trace->start = wanted.start;
    trace->end = wanted.end;
    // A token is chosen by the query of the one before it.
    trace->first_query = words.first - 1;
    trace->end_query = words.end - 1;
    Places places = placesOf(timeline, *wanted.document, trace->first_query + 1);
    std::vector<Interval> spans = places.tokens;
    const Interval sinks{0, std::min<uint64_t>(kSinks, trace->first_query + 1)};
    const Interval document{std::max<uint64_t>(read->first, kSinks),
                            std::min(read->end, trace->first_query + 1)};
    spans.push_back(sinks);
    if (document.first < document.end)
        spans.push_back(document);
    std::vector<double> shares = engine::sharesOfSpans(
        session, {.first_query = trace->first_query, .end_query = trace->end_query, .spans = spans},
        stop);
    trace->sink_share = static_cast<float>(shares[places.spans.size()]);
    trace->document_share =
        document.first < document.end ? static_cast<float>(shares.back()) : 0.0f;
    trace->other_share = std::max(0.0f, 1 - trace->sink_share - trace->document_share);
    Interval before = reading::controlQueries(read->end, message->first, firstShownQuery(session));
    std::vector<double> control;
    if (before.first < before.end)
        control = engine::sharesOfSpans(
            session, {.first_query = before.first, .end_query = before.end, .spans = places.tokens},
            stop);
    addSpans(*trace, wanted, places, shares, control);
    std::string sentence = sentenceAround(wanted.message_text, wanted.start, wanted.end);
    trace->words_found = reading::SupportCheck(*wanted.document).check(sentence).supported;
    trace->confidence = confidenceOf(*trace);
    // The control queries are of the prompt, which is read in chunks.
    Interval looked_at{before.first < before.end ? before.first : trace->first_query,
                       trace->end_query};
    if (std::string note = session.lookingNote(looked_at, session.engine().config().layers);
        !note.empty())
        trace->confidence += " " + note;
    return trace;
}

std::vector<ui::Mark> marksOf(const ui::Trace &trace) {
    std::vector<ui::Mark> marks;
    float weight = 1; // by rank: a share may be large for every word
    for (const ui::Trace::Span &span : trace.spans) {
        marks.push_back({.start = span.start,
                         .end = span.end,
                         .kind = ui::MarkKind::attention,
                         .weight = weight,
                         .note = std::format("{:.0f} % of the attention to the document",
                                             100 * static_cast<double>(span.share))});
        weight *= 0.7f;
    }
    std::ranges::sort(marks, {}, &ui::Mark::start);
    return marks;
}

} // namespace longscope::app
