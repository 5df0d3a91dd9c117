#include "compute/document/html_tidy_writer.h"

#include <algorithm>
#include <utility>

namespace longscope::document {
namespace {

constexpr std::string_view kSpace = " \t\n";

bool isHeading(const HtmlTag &tag) {
    return tag.kind == TagKind::ended && tag.name[0] == 'h';
}

} // namespace

void TidyWriter::plain(std::string_view characters) {
    for (char c : characters)
        page_.html.append(c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string_view(&c, 1));
}

void TidyWriter::write(std::string_view name, bool closing, std::string_view hints,
                       std::string_view title) {
    page_.html += closing ? "</" : "<";
    page_.html += name;
    if (!hints.empty()) {
        page_.html += " class=";
        page_.html += hints;
    }
    if (!title.empty()) {
        page_.html += " title=\"";
        for (char c : title)
            page_.html.append(c == '"' ? "&quot;" : std::string_view(&c, 1));
        page_.html += '"';
    }
    page_.html += '>';
}

void TidyWriter::push(const HtmlTag &tag, const HtmlAttributes &attributes) {
    bool written = written_ < kDeepestTags;
    open_.push_back({&tag, written});
    places(tag).push_back(open_.size() - 1);
    if (written)
        write(tag.name, false, attributes.hints, tag.name == "ol" ? attributes.start : "");
    else
        page_.html += ' ';
    written_ += written;
    page_.losses.dropped_tags += !written;
}

void TidyWriter::pop() {
    Open last = open_.back();
    open_.pop_back();
    places(*last.tag).pop_back();
    if (last.written)
        write(last.tag->name, true);
    written_ -= last.written;
}

void TidyWriter::popUntil(const HtmlTag &tag) {
    while (!open_.empty() && open_.back().tag != &tag)
        pop();
}

/// The ends that a browser thinks of itself before this tag (HTML standard, section 13.2.6.4.7).
void TidyWriter::closeImplied(const HtmlTag &tag) {
    auto group = [](std::string_view name) {
        return name == "dt" ? std::string_view("dd") : name[0] == 'h' ? "h" : name;
    };
    auto top = [&](std::string_view name) {
        return !open_.empty() && open_.back().tag->kind == TagKind::ended &&
               group(open_.back().tag->name) == name;
    };
    if (top("p"))
        pop();
    if (tag.kind == TagKind::ended && top(group(tag.name)))
        pop();
}

void TidyWriter::start(const HtmlTag &tag, const HtmlAttributes &attributes) {
    switch (tag.kind) {
    case TagKind::inside:
    case TagKind::raw:
    case TagKind::hidden:
    case TagKind::embedded:
    case TagKind::title:
        break;
    case TagKind::shell:
        if (tag.name == "body")
            write(tag.name, false, attributes.hints);
        break;
    case TagKind::bare:
        if (tag.name == "hr")
            closeImplied(tag);
        write(tag.name, false);
        break;
    case TagKind::link:
        if (!attributes.self_closed) // an anchor
            write(tag.name, false, attributes.hints);
        break;
    case TagKind::table:
        if (!inTable())
            break;
        popUntil(kTable);
        if (open_.back().written)
            write(tag.name, false, attributes.hints);
        else // cells and rows of a table that is too deep
            page_.html += ' ';
        break;
    case TagKind::block:
    case TagKind::ended:
        closeImplied(tag);
        push(tag, attributes);
        // As in XHTML, where HTML would leave it open.
        if (attributes.self_closed && (tag.kind == TagKind::block || part_ == HtmlPart::all))
            pop();
        break;
    }
}

void TidyWriter::end(const HtmlTag &tag) {
    if (tag.kind == TagKind::link)
        write(tag.name, true);
    if (tag.kind == TagKind::table && inTable()) {
        popUntil(kTable);
        if (open_.back().written)
            write(tag.name, true);
    }
    // The end of any heading ends the one that is open.
    bool heading = isHeading(tag) && !open_.empty() && isHeading(*open_.back().tag);
    if (heading)
        return pop();
    if ((tag.kind == TagKind::block || tag.kind == TagKind::ended) && !places(tag).empty()) {
        // Nothing inside a cell closes what is around its table.
        if (inTable() && places(kTable).back() > places(tag).back())
            return;
        popUntil(tag);
        pop();
    }
}

void TidyWriter::title(std::string_view words) {
    write("title", false);
    for (char c : words) // its entities count
        page_.html.append(c == '<' ? "&lt;" : std::string_view(&c, 1));
    write("title", true);
}

bool TidyWriter::isTitlePlace() const {
    constexpr size_t kFarthest = 4096;
    return page_.html.size() < kFarthest &&
           page_.html.find_first_not_of(kSpace) == std::string::npos;
}

void TidyWriter::printedPage(std::string_view label) {
    write("wbr", false, std::string_view(&html_hint::kPage, 1), label);
}

void TidyWriter::beginNote(std::string_view element) {
    if (!note_.empty())
        return;
    note_ = element;
    note_start_ = page_.html.size();
}

/// A note's number ends with its element, and does not go beyond a block.
void TidyWriter::passTag(std::string_view name, const HtmlTag *tag, bool closing) {
    if (note_.empty())
        return;
    bool own = name == note_ && (closing || note_ == "a");
    bool words = !tag || tag->kind == TagKind::link || tag->kind == TagKind::bare ||
                 tag->kind == TagKind::embedded;
    if (own || !words)
        endNote();
}

/// Brackets around the number, unless the page has set them.
void TidyWriter::endNote() {
    std::string_view inside = std::string_view(page_.html).substr(note_start_);
    size_t at = 0;
    while (at < inside.size() && (inside[at] == '<' || kSpace.contains(inside[at])))
        at = inside[at] == '<' ? std::min(inside.find('>', at), inside.size() - 1) + 1 : at + 1;
    if (at < inside.size() && inside[at] != '[') {
        page_.html.insert(note_start_, 1, '[');
        page_.html += ']';
    }
    note_.clear();
}

TidyPage TidyWriter::finish(size_t hidden_bytes) {
    if (!note_.empty())
        endNote();
    page_.losses.hidden_bytes = hidden_bytes;
    return std::move(page_);
}

} // namespace longscope::document
