#include "compute/document/text_flow.h"
#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/formats.h"
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
    }
    for (std::string &label : pages_)
        document_.pages.push_back({text.size(), std::move(label)});
    pages_.clear();
    if (!mark_.empty()) {
        document_.text += std::exchange(mark_, "");
        start_ = document_.text.size();
    }
}

void TextFlow::begin(size_t line_ends) {
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
    settle();
    document_.text += cleaned;
}

void TextFlow::addCollapsed(std::string_view words) {
    std::string out;
    bool after_space = line_ends_ > 0 || !mark_.empty() || document_.text.empty() ||
                       document_.text.back() == '\n' || document_.text.back() == ' ' ||
                       document_.text.back() == '\t';
    for (char c : words) {
        bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
        if (!space)
            out += c;
        else if (!after_space)
            out += ' ';
        after_space = space;
    }
    add(out);
}

void TextFlow::gap() {
    addCollapsed(" ");
}

void TextFlow::addMark(std::string_view mark) {
    mark_ = clean(mark);
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
    if (line_ends_ == 0) {
        beginSections();
        addParagraph(document_, start_, document_.text.size(), prose);
    }
    start_ = document_.text.size();
}

void TextFlow::endHeading(unsigned level, std::string_view title) {
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
    begin(1);
    line_ends_ = 1;
    settle();
    if (document_.title.empty() && !document_.headings.empty())
        document_.title = document_.headings.front().title;
    return std::move(document_);
}

} // namespace longscope::document
