#include "compute/reading/attended_sources.h"

#include "compute/core/error.h"

#include <algorithm>
#include <functional>

namespace longscope::reading {
namespace {

using document::Span;

constexpr size_t kMost = 3;   ///< places of a sentence
constexpr double kWeak = 0.1; ///< of the first one's share: what is weaker is left out

std::vector<Source> strongest(const std::vector<double> &shares, std::span<const Source> places) {
    std::vector<Source> order;
    for (size_t part = 0; part < shares.size(); ++part)
        if (shares[part] > 0) {
            order.push_back(places[part]);
            order.back().score = shares[part];
        }
    std::ranges::stable_sort(order, std::greater{}, &Source::score);
    auto weak = std::ranges::find_if(
        order, [&](const Source &place) { return place.score < kWeak * order.front().score; });
    order.erase(weak, order.end());
    order.resize(std::min(order.size(), kMost));
    return order;
}

} // namespace

std::vector<Span> partsOf(const document::Document &document) {
    std::vector<Span> parts;
    for (const document::Sentence &sentence : document::splitSentences(document))
        parts.push_back({sentence.start, sentence.end});
    for (const document::Paragraph &paragraph : document.paragraphs)
        if (!paragraph.prose)
            parts.push_back({paragraph.start, paragraph.end});
    std::ranges::sort(parts, {}, &Span::start);
    return parts;
}

void ReadText::append(const document::Document &document, std::span<const Span> all, Span span) {
    auto first = std::ranges::lower_bound(all, span.start, {}, &Span::start);
    for (; first != all.end() && first->end <= span.end; ++first) {
        parts.push_back(
            {text.size() + first->start - span.start, text.size() + first->end - span.start});
        places.push_back({.start = first->start, .end = first->end});
    }
    text += document.span(span.start, span.end);
}

ReadText wholeText(const document::Document &document) {
    ReadText read;
    read.append(document, partsOf(document), {0, document.text.size()});
    return read;
}

void addAttended(TextModel &model, const ReadText &read, std::span<SourcedSentence> sentences,
                 std::stop_token stop) {
    AttendedRequest request{.text = read.text, .parts = read.parts, .sentences = {}};
    for (const SourcedSentence &sentence : sentences)
        request.sentences.push_back(sentence.text);
    AttendedShares shares;
    try {
        shares = model.attended(request, std::move(stop));
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::stopped && error.kind() != ErrorKind::usage)
            throw;
    }
    for (size_t i = 0; i < shares.size(); ++i)
        sentences[i].attended = strongest(shares[i], read.places);
}

} // namespace longscope::reading
