// What every imported document keeps to, whatever the file was. For tests and fuzzers.
#pragma once

#include "compute/core/text.h"
#include "compute/document/document.h"

#include <algorithm>
#include <format>
#include <string>

namespace longscope {

/// "" or the first rule that is broken: the text is valid UTF-8 without control characters; spans
/// are in order, inside the text, on characters' borders and neither empty nor white at their ends.
inline std::string problemOf(const document::Document &d) {
    size_t broken = 0;
    repairUtf8(d.text, &broken);
    if (broken > 0)
        return std::format("{} invalid UTF-8 sequences", broken);
    for (unsigned char c : d.text)
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F)
            return std::format("control character {}", c);
    auto border = [&](size_t at) {
        return at == d.text.size() ||
               (at < d.text.size() && (static_cast<unsigned char>(d.text[at]) & 0xC0) != 0x80);
    };
    auto white = [&](size_t at) { return std::string_view(" \t\n").contains(d.text[at]); };
    size_t before = 0, heading = 0;
    for (size_t i = 0; i < d.paragraphs.size(); ++i) {
        const document::Paragraph &p = d.paragraphs[i];
        if (p.start < before || p.start >= p.end || p.end > d.text.size())
            return std::format("paragraph {} is {} to {} after {} of {}", i, p.start, p.end, before,
                               d.text.size());
        if (!border(p.start) || !border(p.end) || white(p.start) || white(p.end - 1))
            return std::format("paragraph {} begins or ends inside of something", i);
        if (p.heading < heading || p.heading > d.headings.size())
            return std::format("paragraph {} is under heading {} of {}", i, p.heading,
                               d.headings.size());
        before = p.end;
        heading = p.heading;
    }
    before = 0;
    for (const document::Heading &h : d.headings) {
        if (h.start < before || h.start >= d.text.size() || h.level == 0 || h.title.empty() ||
            h.title.contains('\n') || !border(h.start))
            return std::format("heading \"{}\" of level {} at {}", h.title, h.level, h.start);
        before = h.start;
    }
    before = 0;
    for (const document::Page &page : d.pages) {
        if (page.start < before || page.start > d.text.size() || !border(page.start))
            return std::format("page {} at {} of {}", page.label, page.start, d.text.size());
        before = page.start;
    }
    size_t broken_title = 0;
    repairUtf8(d.title, &broken_title);
    return broken_title > 0 ? "the title is no UTF-8" : "";
}

} // namespace longscope
