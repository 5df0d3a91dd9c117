// Markdown to plain text with an outline. md4c parses; this file decides what a reader sees: list
// marks and indents stay, emphasis and link marks go, tables become lines with " | ".
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/document/characters.h"
#include "compute/document/formats.h"

#include <md4c.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace longscope::document {
namespace {

struct Entity {
    std::string_view name, text;
};
// Those that prose uses; others stay as they were written.
constexpr Entity kEntities[] = {
    {"amp", "&"},         {"lt", "<"},          {"gt", ">"},         {"quot", "\""},
    {"apos", "'"},        {"nbsp", "\u00A0"},   {"ndash", "\u2013"}, {"mdash", "\u2014"},
    {"hellip", "\u2026"}, {"lsquo", "\u2018"},  {"rsquo", "\u2019"}, {"ldquo", "\u201C"},
    {"rdquo", "\u201D"},  {"laquo", "\u00AB"},  {"raquo", "\u00BB"}, {"deg", "\u00B0"},
    {"times", "\u00D7"},  {"middot", "\u00B7"}, {"copy", "\u00A9"},  {"reg", "\u00AE"},
    {"trade", "\u2122"},  {"euro", "\u20AC"},   {"pound", "\u00A3"}, {"plusmn", "\u00B1"},
    {"frac12", "\u00BD"}, {"sup2", "\u00B2"},   {"le", "\u2264"},    {"ge", "\u2265"},
    {"ne", "\u2260"},     {"asymp", "\u2248"},  {"rarr", "\u2192"},  {"larr", "\u2190"},
    {"bull", "\u2022"},   {"para", "\u00B6"},   {"sect", "\u00A7"},  {"micro", "\u00B5"},
};

/// "&amp;", "&#8211;", "&#x2013;" as a character; unknown ones unchanged.
std::string decodeEntity(std::string_view entity) {
    std::string_view body = entity.substr(1, entity.size() - 2);
    if (body.starts_with('#')) {
        body.remove_prefix(1);
        bool hex = body.starts_with('x') || body.starts_with('X');
        body.remove_prefix(hex ? 1 : 0);
        uint32_t code = 0;
        auto read = std::from_chars(body.data(), body.data() + body.size(), code, hex ? 16 : 10);
        bool valid = read.ec == std::errc() && code >= 0x20 && code <= 0x10FFFF &&
                     !(code >= 0xD800 && code <= 0xDFFF) && !(code >= 0x7F && code < 0xA0);
        std::string out;
        appendUtf8(out, valid ? code : 0xFFFD);
        return out;
    }
    const auto *found = std::ranges::find(kEntities, body, &Entity::name);
    return std::string(found != std::end(kEntities) ? found->text : entity);
}

/// As HTML has it: any other '<' is a character of the text.
bool beginsTag(std::string_view html) {
    if (html.size() < 2 || html[0] != '<')
        return false;
    char next = html[1], lower = static_cast<char>(next | 0x20);
    return (lower >= 'a' && lower <= 'z') || next == '/' || next == '!' || next == '?';
}

/// What stands between the tags and comments of an HTML block; `tags` counts what went. What begins
/// like a tag and ends nowhere is text.
std::string withoutTags(std::string_view html, size_t &tags) {
    std::string out;
    for (size_t at = 0; at < html.size();) {
        if (!beginsTag(html.substr(at))) {
            out += html[at++];
            continue;
        }
        std::string_view close = html.substr(at).starts_with("<!--") ? "-->" : ">";
        size_t end = html.find(close, at);
        if (end == std::string_view::npos)
            return out += html.substr(at);
        ++tags;
        at = end + close.size();
    }
    return out;
}

constexpr size_t kDeepestIndent = 8; // levels of lists that are shown by spaces

class Reader {
  public:
    Document read(std::string_view text);

  private:
    struct List {
        bool ordered = false, tight = false;
        unsigned next = 1;
        char delimiter = '.';
    };

    void enterBlock(MD_BLOCKTYPE type, void *detail);
    void leaveBlock(MD_BLOCKTYPE type, void *detail);
    void addText(MD_TEXTTYPE type, std::string_view text);
    void beginItem(const MD_BLOCK_LI_DETAIL &item);
    /// A block begins: what stands before it ends as a paragraph, and gets `breaks` line ends.
    void begin(size_t breaks);
    void endParagraph(bool prose);

    Document document_;
    std::vector<List> lists_;
    size_t start_ = 0;        ///< of the paragraph that is being written
    size_t cells_ = 0;        ///< of the table row so far
    bool after_mark_ = false; ///< a list mark stands before the cursor: no new line before its text
    bool left_ = false;       ///< a block inside a list item has ended: text after it is a new one
    bool verbatim_ = false;   ///< inside code or HTML: the text has its own line ends
    std::string html_;
    size_t tags_ = 0;
};

void Reader::begin(size_t breaks) {
    left_ = false;
    if (std::exchange(after_mark_, false)) {
        start_ = document_.text.size();
        return;
    }
    endParagraph(true);
    std::string &text = document_.text;
    size_t had = 0;
    while (had < text.size() && text[text.size() - 1 - had] == '\n')
        ++had;
    if (!text.empty() && had < breaks)
        text.append(breaks - had, '\n');
    start_ = text.size();
}

void Reader::endParagraph(bool prose) {
    addParagraph(document_, start_, document_.text.size(), prose);
    start_ = document_.text.size();
}

void Reader::beginItem(const MD_BLOCK_LI_DETAIL &item) {
    List &list = lists_.back();
    begin(list.tight ? 1 : 2);
    std::string &text = document_.text;
    text.append(2 * (std::min(lists_.size(), kDeepestIndent) - 1), ' ');
    if (list.ordered)
        text += std::format("{}{} ", list.next++, list.delimiter);
    else
        text += item.is_task ? (item.task_mark == ' ' ? "[ ] " : "[x] ") : "- ";
    start_ = text.size();
    after_mark_ = true;
}

void Reader::enterBlock(MD_BLOCKTYPE type, void *detail) {
    switch (type) {
    case MD_BLOCK_UL: {
        auto tight = static_cast<const MD_BLOCK_UL_DETAIL *>(detail)->is_tight != 0;
        begin(lists_.empty() ? 2 : 1);
        lists_.push_back({.ordered = false, .tight = tight});
        break;
    }
    case MD_BLOCK_OL: {
        const auto &list = *static_cast<const MD_BLOCK_OL_DETAIL *>(detail);
        begin(lists_.empty() ? 2 : 1);
        lists_.push_back({true, list.is_tight != 0, list.start, list.mark_delimiter});
        break;
    }
    case MD_BLOCK_LI:
        beginItem(*static_cast<const MD_BLOCK_LI_DETAIL *>(detail));
        break;
    case MD_BLOCK_TR:
        begin(1);
        cells_ = 0;
        break;
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        if (cells_++ > 0)
            document_.text += " | ";
        break;
    case MD_BLOCK_CODE:
    case MD_BLOCK_HTML:
        begin(2);
        verbatim_ = true;
        html_.clear();
        break;
    case MD_BLOCK_P:
    case MD_BLOCK_H:
    case MD_BLOCK_QUOTE:
    case MD_BLOCK_TABLE:
    case MD_BLOCK_HR:
        begin(2);
        break;
    case MD_BLOCK_DOC:
    case MD_BLOCK_THEAD:
    case MD_BLOCK_TBODY:
        break;
    }
}

void Reader::leaveBlock(MD_BLOCKTYPE type, void *detail) {
    left_ = type != MD_BLOCK_TH && type != MD_BLOCK_TD;
    switch (type) {
    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        endParagraph(true);
        lists_.pop_back();
        break;
    case MD_BLOCK_LI:
    case MD_BLOCK_P:
        endParagraph(true);
        after_mark_ = false;
        break;
    case MD_BLOCK_H:
        addHeading(document_, start_, document_.text.size(),
                   static_cast<const MD_BLOCK_H_DETAIL *>(detail)->level);
        start_ = document_.text.size();
        break;
    case MD_BLOCK_TR: // a row a paragraph, so that a place in a long table is a line of it
    case MD_BLOCK_CODE:
        endParagraph(false);
        verbatim_ = false;
        break;
    case MD_BLOCK_HTML:
        document_.text += withoutTags(html_, tags_);
        endParagraph(false);
        verbatim_ = false;
        break;
    default:
        break;
    }
}

void Reader::addText(MD_TEXTTYPE type, std::string_view text) {
    if ((after_mark_ || left_) && !verbatim_)
        begin(1);
    switch (type) {
    case MD_TEXT_BR:
        document_.text += '\n';
        break;
    case MD_TEXT_SOFTBR:
        document_.text += ' ';
        break;
    case MD_TEXT_ENTITY:
        document_.text += decodeEntity(text);
        break;
    case MD_TEXT_HTML:
        if (verbatim_)
            html_ += text;
        else if (text.starts_with("<br"))
            document_.text += '\n';
        else
            ++tags_;
        break;
    default:
        document_.text += text;
        break;
    }
}

/// Bytes of the "---" front matter that many notes begin with; 0 when there is none.
size_t frontMatterLength(std::string_view text) {
    if (!text.starts_with("---\n"))
        return 0;
    size_t at = 4;
    for (int line = 0; line < 100 && at < text.size(); ++line) {
        size_t end = std::min(text.find('\n', at), text.size());
        std::string_view content = text.substr(at, end - at);
        at = std::min(end + 1, text.size());
        if (content == "---" || content == "...")
            return line > 0 ? at : 0;
        bool belongs = content.find(':') != std::string_view::npos || content.starts_with(' ') ||
                       content.starts_with('-') || content.starts_with('#');
        if (!belongs)
            return 0;
    }
    return 0;
}

Document Reader::read(std::string_view text) {
    if (text.size() > std::numeric_limits<MD_SIZE>::max())
        fail(ErrorKind::file, "Markdown of {}; at most 4.3 GB can be read",
             formatBytes(text.size()));
    if (size_t front = frontMatterLength(text)) {
        document_.text = text.substr(0, front);
        endParagraph(false);
        text.remove_prefix(front);
    }
    MD_PARSER parser{};
    parser.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS;
    parser.enter_block = [](MD_BLOCKTYPE type, void *detail, void *self) {
        static_cast<Reader *>(self)->enterBlock(type, detail);
        return 0;
    };
    parser.leave_block = [](MD_BLOCKTYPE type, void *detail, void *self) {
        static_cast<Reader *>(self)->leaveBlock(type, detail);
        return 0;
    };
    parser.enter_span = [](MD_SPANTYPE, void *, void *) { return 0; };
    parser.leave_span = parser.enter_span;
    parser.text = [](MD_TEXTTYPE type, const MD_CHAR *data, MD_SIZE size, void *self) {
        static_cast<Reader *>(self)->addText(type, std::string_view(data, size));
        return 0;
    };
    if (md_parse(text.data(), static_cast<MD_SIZE>(text.size()), &parser, this) != 0)
        fail(ErrorKind::memory, "md4c gave up on {} of Markdown", formatBytes(text.size()));
    endParagraph(true);
    std::string &out = document_.text;
    out.resize(out.find_last_not_of('\n') + 1);
    out += '\n';
    if (tags_ > 0)
        document_.warnings.push_back(
            std::format("{} HTML {} left out", tags_, tags_ == 1 ? "tag was" : "tags were"));
    return std::move(document_);
}

} // namespace

Document readMarkdown(std::string_view text) {
    return Reader().read(text);
}

} // namespace longscope::document
