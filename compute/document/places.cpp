#include "compute/document/places.h"

#include "compute/core/text.h"

#include <algorithm>
#include <format>

namespace longscope::document {

std::vector<Section> sectionsOf(const std::vector<Heading> &headings, size_t text_bytes) {
    std::vector<Section> sections;
    size_t first = headings.empty() ? text_bytes : headings.front().start;
    if (first > 0)
        sections.push_back({.title = "", .level = 0, .start = 0, .end = first});
    for (size_t i = 0; i < headings.size(); ++i)
        sections.push_back({.title = headings[i].title,
                            .level = headings[i].level,
                            .start = headings[i].start,
                            .end = i + 1 < headings.size() ? headings[i + 1].start : text_bytes});
    return sections;
}

bool beginsSection(const Document &document, const Paragraph &paragraph) {
    return paragraph.heading > 0 &&
           document.headings[paragraph.heading - 1].start == paragraph.start;
}

size_t paragraphAt(const Document &document, size_t byte) {
    auto after = std::ranges::upper_bound(document.paragraphs, byte, {}, &Paragraph::start);
    return after == document.paragraphs.begin()
               ? 0
               : static_cast<size_t>(after - document.paragraphs.begin()) - 1;
}

std::string headingOf(const Document &document, size_t paragraph) {
    size_t heading = document.paragraphs[paragraph].heading;
    return heading == 0 ? "" : document.headings[heading - 1].title;
}

// Paragraphs under one heading are neighbours.
size_t numberUnderHeading(const Document &document, size_t paragraph) {
    size_t heading = document.paragraphs[paragraph].heading, number = 0;
    for (size_t i = paragraph + 1; i-- > 0 && document.paragraphs[i].heading == heading;)
        number += document.paragraphs[i].prose;
    return number;
}

std::string placeOfParagraph(const Document &document, size_t paragraph) {
    std::string heading = headingOf(document, paragraph);
    size_t number = numberUnderHeading(document, paragraph);
    if (number == 0) // the heading's own line, or code or a table before the first prose
        return heading.empty() ? "the beginning" : heading;
    return std::format("{}{}paragraph {}", heading, heading.empty() ? "" : ", ", number);
}

std::string pageOf(const Document &document, size_t byte) {
    auto after = std::ranges::upper_bound(document.pages, byte, {}, &Page::start);
    return after == document.pages.begin() ? "" : std::prev(after)->label;
}

std::string placeOf(const Document &document, size_t byte) {
    std::string page = pageOf(document, byte);
    if (!page.empty() && !page.contains(':')) // times of subtitles say themselves what they are
        page = "page " + page;
    if (document.paragraphs.empty())
        return page;
    std::string place = placeOfParagraph(document, paragraphAt(document, byte));
    return page.empty() ? place : page + ", " + place;
}

std::string oneLine(std::string_view text) {
    std::string line;
    for (char c : text) {
        bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
        if (!blank)
            line += c;
        else if (!line.empty() && line.back() != ' ')
            line += ' ';
    }
    return line;
}

std::string firstWords(std::string_view text, size_t most_bytes) {
    size_t start = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    std::string line = oneLine(text.substr(start, 4 * most_bytes));
    while (!line.empty() && line.back() == ' ')
        line.pop_back();
    if (line.size() <= most_bytes)
        return line;
    size_t end = line.rfind(' ', most_bytes);
    if (end == line.npos || end < most_bytes / 2)
        end = characterStart(line, most_bytes); // a very long word, or a script without spaces
    return line.substr(0, end) + "…";
}

} // namespace longscope::document
