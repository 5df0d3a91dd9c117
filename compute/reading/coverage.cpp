#include "compute/reading/coverage.h"

#include <algorithm>
#include <cassert>

namespace longscope::reading {

using document::Span;

std::vector<Span> unionOfSpans(std::vector<Span> spans) {
    std::erase_if(spans, [](const Span &span) { return span.start >= span.end; });
    std::ranges::sort(spans, {}, &Span::start);
    std::vector<Span> out;
    for (const Span &span : spans) {
        if (!out.empty() && span.start <= out.back().end)
            out.back().end = std::max(out.back().end, span.end);
        else
            out.push_back(span);
    }
    return out;
}

size_t bytesOf(std::vector<Span> spans) {
    size_t bytes = 0;
    for (const Span &span : unionOfSpans(std::move(spans)))
        bytes += span.end - span.start;
    return bytes;
}

Coverage::Coverage(std::span<const document::Document *const> documents) {
    for (const document::Document *document : documents) {
        Part part;
        part.bytes = document->text.size();
        for (const document::Sentence &sentence : document::splitSentences(*document))
            part.sentences.push_back({sentence.start, sentence.end});
        part.traced.assign(part.sentences.size(), false);
        parts_.push_back(std::move(part));
    }
}

void Coverage::entered(size_t call, size_t document, size_t start, size_t end) {
    assert(document < parts_.size() && start <= end && end <= parts_[document].bytes);
    parts_[document].entered.push_back({start, end});
    calls_.push_back({document, start, end, 0, call});
}

void Coverage::traced(const Source &source) {
    Part &part = parts_[source.document];
    auto first = std::ranges::upper_bound(part.sentences, source.start, {}, &Span::end);
    for (auto at = first; at != part.sentences.end() && at->start < source.end; ++at)
        part.traced[static_cast<size_t>(at - part.sentences.begin())] = true;
}

void Coverage::traced(const SourcedSentence &sentence) {
    for (const Source &source : sentence.sources)
        traced(source);
}

/// A sentence belongs to the span in which it begins.
double Coverage::shareIn(const Part &part, size_t start, size_t end) const {
    auto first = std::ranges::lower_bound(part.sentences, start, {}, &Span::start);
    auto last = std::ranges::lower_bound(part.sentences, end, {}, &Span::start);
    if (first == last)
        return 0;
    auto from = part.traced.begin() + (first - part.sentences.begin());
    auto to = part.traced.begin() + (last - part.sentences.begin());
    return static_cast<double>(std::count(from, to, true)) / static_cast<double>(last - first);
}

std::vector<CoveredSpan> Coverage::spans() const {
    std::vector<CoveredSpan> out;
    for (size_t d = 0; d < parts_.size(); ++d)
        for (const Span &span : unionOfSpans(parts_[d].entered))
            out.push_back({d, span.start, span.end, shareIn(parts_[d], span.start, span.end), 0});
    return out;
}

std::vector<CoveredSpan> Coverage::calls() const {
    std::vector<CoveredSpan> out = calls_;
    for (CoveredSpan &span : out)
        span.share = shareIn(parts_[span.document], span.start, span.end);
    return out;
}

double Coverage::readShare(size_t document) const {
    const Part &part = parts_[document];
    return part.bytes > 0
               ? static_cast<double>(bytesOf(part.entered)) / static_cast<double>(part.bytes)
               : 0;
}

size_t Coverage::unreadSentences(size_t document) const {
    const Part &part = parts_[document];
    size_t unread = part.sentences.size();
    for (const Span &span : unionOfSpans(part.entered)) {
        auto first = std::ranges::lower_bound(part.sentences, span.start, {}, &Span::start);
        auto last = std::ranges::lower_bound(part.sentences, span.end, {}, &Span::start);
        unread -= static_cast<size_t>(last - first);
    }
    return unread;
}

double Coverage::tracedShare(size_t document) const {
    return shareIn(parts_[document], 0, parts_[document].bytes);
}

} // namespace longscope::reading
