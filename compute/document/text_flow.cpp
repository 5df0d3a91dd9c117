#include "compute/document/text_flow.h"
#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/formats.h"
#include "compute/document/list_numbers.h"
#include "compute/document/places.h"

#include <algorithm>
#include <utility>

namespace longscope::document {
namespace {

constexpr unsigned kDeepestHeading = 9;

/// Valid UTF-8 without soft hyphens and control characters; line ends and tabs stay.
std::string clean(std::string_view words) {
    std::string valid = repairUtf8(words), out;
    out.reserve(valid.size());
    for (size_t at = 0; at < valid.size();) {
        Character c = characterAt(valid, at);
        bool control = (c.code < 0x20 && c.code != '\n' && c.code != '\t') ||
                       (c.code >= 0x7F && c.code < 0xA0) || c.code == 0xAD || c.code == 0xFEFF;
        if (c.code == '\r' || c.code == '\f' || c.code == '\v' || c.code == 0x2028)
            out += '\n';
        else if (!control)
            out.append(valid, at, c.length);
        at += c.length;
    }
    return out;
}

/// A title that stands outside of the text: one line without white space around it.
std::string titleLine(std::string_view words) {
    std::string cleaned = clean(words);
    return oneLine(trimmed(cleaned));
}

unsigned headingLevel(unsigned level) {
    return std::clamp(level, 1u, kDeepestHeading);
}

} // namespace

TextFlow::TextFlow(std::string_view format, std::string_view path) {
    document_.format = format;
    document_.path = path;
}

void TextFlow::settle() {
    std::string &text = document_.text;
    if (size_t asked = std::exchange(line_ends_, 0); asked > 0 && !text.empty()) {
        size_t last = text.find_last_not_of(" \t\n");
        size_t kept = last == std::string::npos ? 0 : last + 1;
        // Beginnings of empty pages may stand in what is cut.
        for (auto page = document_.pages.rbegin();
             page != document_.pages.rend() && page->start > kept; ++page)
            page->start = kept;
        text.resize(kept);
        text.append(kept > 0 ? asked : 0, '\n');
        start_ = text.size();
    } else if (space_ && mark_.empty() && !text.empty() &&
               !std::string_view(" \t\n").contains(text.back())) {
        text += ' ';
    }
    space_ = false;
    for (std::string &label : pages_)
        document_.pages.push_back({text.size(), std::move(label)});
    pages_.clear();
    if (!mark_.empty()) {
        document_.text += std::exchange(mark_, "");
        start_ = document_.text.size();
    }
}

void TextFlow::begin(size_t line_ends) {
    if (in_row_)
        return gap();
    endParagraph(true);
    mark_.clear();
    line_ends_ = std::max(line_ends_, line_ends);
}

void TextFlow::add(std::string_view words) {
    std::string cleaned = clean(words);
    if (!mark_.empty())
        cleaned.erase(0, std::min(cleaned.find_first_not_of(" \t"), cleaned.size()));
    if (cleaned.empty())
        return;
    if (in_row_) { // a line end would look like the end of the row
        if (cleaned == "\n")
            return gap();
        std::ranges::replace(cleaned, '\n', ' ');
    }
    if (cleaned.front() == '\n')
        space_ = false;
    settle();
    document_.text += cleaned;
}

void TextFlow::addCollapsed(std::string_view words) {
    std::string out;
    bool space = false;
    for (char c : words) {
        if (std::string_view(" \t\n\r\f").contains(c)) {
            space = true;
            continue;
        }
        if (space && out.empty())
            space_ = true;
        else if (space)
            out += ' ';
        space = false;
        out += c;
    }
    add(out);
    space_ = space_ || space;
}

void TextFlow::gap() {
    space_ = true;
}

void TextFlow::beginRow() {
    in_row_ = true;
    cells_ = 0;
}

void TextFlow::cell() {
    if (cells_++ == 0)
        return;
    space_ = false;
    add(" | ");
}

void TextFlow::endRow() {
    endParagraph(!std::exchange(in_row_, false));
}

void TextFlow::addMark(std::string_view mark, size_t level) {
    if (in_row_)
        return;
    if (mark_.empty())
        mark_.append(2 * std::min(level, kListLevels - 1), ' ');
    mark_ += clean(mark);
}

bool TextFlow::blank() const {
    if (line_ends_ > 0)
        return true;
    size_t start = start_, end = document_.text.size();
    trim(document_.text, start, end);
    return start == end;
}

/// Those that wait stand where the open block's text does.
void TextFlow::beginSections() {
    size_t start = start_, end = document_.text.size();
    trim(document_.text, start, end);
    if (start == end)
        return;
    for (Heading &section : sections_) {
        section.start = start;
        document_.headings.push_back(std::move(section));
    }
    sections_.clear();
}

void TextFlow::section(unsigned level, std::string_view title) {
    std::string line = titleLine(title);
    if (!line.empty())
        sections_.push_back({std::move(line), headingLevel(level), 0});
}

void TextFlow::endParagraph(bool prose) {
    if (in_row_)
        return;
    if (line_ends_ == 0) {
        beginSections();
        addParagraph(document_, start_, document_.text.size(), prose);
    }
    start_ = document_.text.size();
}

void TextFlow::endHeading(unsigned level, std::string_view title) {
    if (in_row_)
        return;
    if (line_ends_ == 0) {
        beginSections();
        size_t before = document_.headings.size();
        addHeading(document_, start_, document_.text.size(), headingLevel(level));
        std::string line = titleLine(title);
        if (document_.headings.size() > before && !line.empty())
            document_.headings.back().title = std::move(line);
    }
    start_ = document_.text.size();
}

void TextFlow::page(std::string label) {
    pages_.push_back(clean(label));
}

void TextFlow::title(std::string_view words) {
    if (std::string line = titleLine(words); !line.empty())
        document_.title = std::move(line);
}

Document TextFlow::finish() {
    if (in_row_)
        endRow();
    begin(1);
    line_ends_ = 1;
    settle();
    if (document_.title.empty() && !document_.headings.empty())
        document_.title = document_.headings.front().title;
    return std::move(document_);
}

} // namespace longscope::document
