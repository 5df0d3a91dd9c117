#include "ui/panels/attention_text.h"

#include "compute/core/text.h"
#include "ui/widgets/quantity.h"

#include <algorithm>

namespace longscope::ui {
namespace {

/// Byte of the text where a token begins, also for the one after the last.
size_t startOf(const Timeline &timeline, uint64_t token) {
    return token < timeline.tokens() ? timeline.starts[token] : timeline.text.size();
}

std::string clean(std::string_view bytes) {
    std::string text = repairUtf8(bytes);
    for (char &sign : text)
        if (sign == '\n' || sign == '\r' || sign == '\t')
            sign = ' ';
    return text;
}

} // namespace

std::string spanText(const Timeline &timeline, uint64_t first, uint64_t end, size_t most_bytes) {
    end = std::min(end, timeline.tokens());
    if (first >= end)
        return {};
    const size_t start = startOf(timeline, first);
    const std::string_view text =
        std::string_view(timeline.text).substr(start, startOf(timeline, end) - start);
    if (text.size() <= most_bytes)
        return clean(text);
    const size_t head = characterStart(text, most_bytes * 2 / 3);
    const size_t tail = characterStart(text, text.size() - most_bytes / 3);
    return clean(text.substr(0, head)) + " ... " + clean(text.substr(tail));
}

std::string trimmed(std::string text) {
    return text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
}

std::string tokenInContext(const Timeline &timeline, uint64_t token) {
    constexpr uint64_t around = 6;
    const uint64_t first = token > around ? token - around : 0;
    return trimmed(spanText(timeline, first, token, 60)) + "[" +
           spanText(timeline, token, token + 1, 60) + "]" +
           spanText(timeline, token + 1, token + 1 + around, 60);
}

std::string tokenNumbers(uint64_t first, uint64_t end) {
    if (end <= first + 1)
        return say("token {}", numberText(first));
    return say("tokens {} to {}", numberText(first), numberText(end - 1));
}

const Timeline::Part *findPart(const Timeline &timeline, uint64_t token) {
    for (const Timeline::Part &part : timeline.parts)
        if (token >= part.first && token < part.end)
            return &part;
    return nullptr;
}

const char *partName(PartKind kind) {
    switch (kind) {
    case PartKind::special:
        return tr("special");
    case PartKind::system:
        return tr("system prompt");
    case PartKind::document:
        return tr("document");
    case PartKind::user:
        return tr("user");
    case PartKind::assistant:
        return tr("assistant");
    }
    return "";
}

std::optional<std::pair<size_t, size_t>> documentBytes(const Timeline &timeline, uint64_t first,
                                                       uint64_t end) {
    for (const Timeline::Part &part : timeline.parts) {
        const uint64_t from = std::max(first, part.first);
        const uint64_t to =
            std::min({end, part.end, part.first + uint64_t{timeline.document_bytes.size()}});
        if (part.kind != PartKind::document || from >= to)
            continue;
        const size_t last = to - 1 - part.first;
        const size_t start = timeline.document_bytes[from - part.first];
        const size_t last_bytes = startOf(timeline, to) - startOf(timeline, to - 1);
        const size_t stop = last + 1 < timeline.document_bytes.size()
                                ? timeline.document_bytes[last + 1]
                                : timeline.document_bytes[last] + last_bytes;
        return std::pair(start, std::max(stop, start));
    }
    return std::nullopt;
}

} // namespace longscope::ui
