#include "compute/document/html_tidy.h"

#include "compute/core/text.h"
#include "compute/document/html_tidy_writer.h"

#include <algorithm>

namespace longscope::document {
namespace {

constexpr std::string_view kSpace = " \t\n";
constexpr size_t kLongestName = 16; ///< of tags and attributes that are known here

bool asciiLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// "" for one that is longer than those that are known.
std::string nameOf(std::string_view raw) {
    return raw.size() <= kLongestName ? asciiLower(raw) : std::string();
}

/// Reads tags off the page and writes those that count.
class Tidier {
  public:
    Tidier(std::string_view html, HtmlPart part) : html_(html), part_(part), out_(part) {}
    TidyPage run();

  private:
    void readMarkup();
    void skipDoctype();
    void readTag(bool closing);
    HtmlAttributes readAttributes();
    std::string_view readValue();
    std::string_view skipRaw(std::string_view name);
    void startElement(const std::string &name, const HtmlTag *tag,
                      const HtmlAttributes &attributes);
    void hide(std::string_view name, const HtmlTag *tag);
    bool staysHidden(std::string_view name, const HtmlTag *tag, bool closing, bool self_closed);
    bool atSpace() const { return at_ < html_.size() && kSpace.contains(html_[at_]); }

    std::string_view html_;
    HtmlPart part_;
    TidyWriter out_;
    size_t at_ = 0;
    std::string hidden_; ///< element of which all goes until its end; "" = none
    size_t hidden_depth_ = 0, hidden_bytes_ = 0;
    bool hidden_until_block_ = false; ///< it cannot hold a block, which ends it therefore
    bool has_doctype_ = false;
};

void Tidier::hide(std::string_view name, const HtmlTag *tag) {
    bool holds_blocks = tag && (tag->kind == TagKind::block || tag->kind == TagKind::table ||
                                tag->kind == TagKind::hidden || tag->kind == TagKind::embedded);
    hidden_ = name;
    hidden_depth_ = 1;
    hidden_bytes_ = 0;
    hidden_until_block_ = !holds_blocks || name == "svg" || name == "select";
}

/// Inside of what is hidden; false when this tag ends it and counts itself.
bool Tidier::staysHidden(std::string_view name, const HtmlTag *tag, bool closing,
                         bool self_closed) {
    if (name == hidden_)
        hidden_depth_ += closing ? size_t(0) - 1 : self_closed ? 0 : 1;
    bool block = tag && (tag->kind == TagKind::block || tag->kind == TagKind::ended);
    bool ends = hidden_depth_ == 0;
    bool breaks = !ends && hidden_until_block_ && block;
    if (ends || breaks)
        hidden_.clear();
    if (!breaks && !closing && !self_closed && tag && tag->kind == TagKind::raw)
        skipRaw(name);
    return !breaks;
}

/// The value of an attribute after its '='.
std::string_view Tidier::readValue() {
    while (atSpace())
        ++at_;
    if (at_ >= html_.size())
        return {};
    char quote = html_[at_];
    size_t start = at_, end;
    if (quote == '"' || quote == '\'') {
        start = at_ + 1;
        end = std::min(html_.find(quote, start), html_.size());
        at_ = std::min(end + 1, html_.size());
    } else {
        end = at_ = std::min(html_.find_first_of(" \t\n>", at_), html_.size());
    }
    return html_.substr(start, end - start);
}

/// Up to and with the '>'.
HtmlAttributes Tidier::readAttributes() {
    HtmlAttributes out;
    while (at_ < html_.size()) {
        if (atSpace() || html_[at_] == '/') {
            out.self_closed = html_[at_] == '/';
            ++at_;
            continue;
        }
        if (html_[at_] == '>') {
            ++at_;
            break;
        }
        out.self_closed = false;
        size_t end = std::min(html_.find_first_of(" \t\n/>=", at_ + 1), html_.size());
        std::string name = nameOf(html_.substr(at_, end - at_));
        at_ = end;
        while (atSpace())
            ++at_;
        std::string_view value;
        if (at_ < html_.size() && html_[at_] == '=') {
            ++at_;
            value = readValue();
        }
        if (name == "title")
            out.title = value;
        else if (name == "aria-label")
            out.label = value;
        else if (name == "start")
            out.start = value;
        else
            addHtmlHints(name, value, out.hints);
    }
    return out;
}

/// After the start tag of an element whose content is no HTML: past its end tag. The content.
std::string_view Tidier::skipRaw(std::string_view name) {
    size_t start = at_, end = html_.size();
    for (size_t at = html_.find("</", at_); at != html_.npos; at = html_.find("</", at + 2)) {
        if (asciiLower(html_.substr(at + 2, name.size())) != name)
            continue;
        char after = at + 2 + name.size() < html_.size() ? html_[at + 2 + name.size()] : '>';
        if (asciiLetter(after))
            continue;
        end = at;
        break;
    }
    size_t close = html_.find('>', end);
    at_ = close == html_.npos ? html_.size() : close + 1;
    return html_.substr(start, end - start);
}

void Tidier::startElement(const std::string &name, const HtmlTag *tag,
                          const HtmlAttributes &attributes) {
    TagKind kind = tag ? tag->kind : TagKind::inside;
    bool empty = attributes.self_closed || name.empty() || kind == TagKind::bare;
    if ((kind == TagKind::raw || kind == TagKind::title) && !empty) {
        bool counts = kind == TagKind::title && out_.isTitlePlace();
        std::string_view content = skipRaw(name);
        return counts ? out_.title(content) : void();
    }
    bool page = attributes.hinted(html_hint::kPage);
    if (page)
        out_.printedPage(attributes.title.empty() ? attributes.label : attributes.title);
    bool hidden = page || attributes.hinted(html_hint::kBackLink) || kind == TagKind::hidden ||
                  (kind == TagKind::embedded && part_ == HtmlPart::content);
    if (hidden && !empty && kind != TagKind::shell) // never the whole page
        return hide(name, tag);
    if (tag)
        out_.start(*tag, attributes);
    bool words = kind == TagKind::inside || kind == TagKind::link;
    if (words && !empty && attributes.hinted(html_hint::kNote))
        out_.beginNote(name);
}

void Tidier::readTag(bool closing) {
    size_t end = std::min(html_.find_first_of(" \t\n/>", at_), html_.size());
    std::string name = nameOf(html_.substr(at_, end - at_));
    if (size_t colon = name.find(':'); colon != name.npos) // XHTML with prefixes
        name.erase(0, colon + 1);
    at_ = end;
    HtmlAttributes attributes = readAttributes();
    const HtmlTag *tag = findHtmlTag(name);
    if (!hidden_.empty() && staysHidden(name, tag, closing, attributes.self_closed))
        return;
    out_.passTag(name, tag, closing);
    if (!closing)
        startElement(name, tag, attributes);
    else if (tag)
        out_.end(*tag);
}

/// Past the declarations of its own that it may hold, too.
void Tidier::skipDoctype() {
    size_t end = std::min(html_.find('>', at_), html_.size());
    bool has_subset = !has_doctype_ && html_.substr(at_, end - at_).contains('[');
    has_doctype_ = true; // a second one is none, and a page full of them takes linear time
    for (size_t at = has_subset ? html_.find(']', at_) : html_.npos; at != html_.npos;
         at = html_.find(']', at + 1)) {
        size_t next = html_.find_first_not_of(kSpace, at + 1);
        if (next == html_.npos || html_[next] != '>')
            continue;
        end = next;
        break;
    }
    at_ = std::min(end + 1, html_.size());
}

/// At a '<'.
void Tidier::readMarkup() {
    std::string_view rest = html_.substr(at_);
    auto skipTo = [&](std::string_view end, size_t from) {
        size_t found = html_.find(end, at_ + from);
        at_ = found == html_.npos ? html_.size() : found + end.size();
    };
    if (rest.starts_with("<!--"))
        return rest.starts_with("<!-->") ? void(at_ += 5) : skipTo("-->", 4);
    if (rest.starts_with("<![CDATA[")) {
        size_t end = std::min(html_.find("]]>", at_), html_.size());
        if (hidden_.empty())
            out_.plain(html_.substr(at_ + 9, end - std::min(at_ + 9, end)));
        at_ = std::min(end + 3, html_.size());
        return;
    }
    if (asciiLower(rest.substr(0, 9)) == "<!doctype")
        return skipDoctype();
    if (rest.starts_with("<!") || rest.starts_with("<?"))
        return skipTo(">", 2);
    bool closing = rest.starts_with("</");
    size_t name = closing ? 2 : 1;
    if (name < rest.size() && asciiLetter(rest[name])) {
        at_ += name;
        return readTag(closing);
    }
    if (closing)
        return skipTo(">", 2);
    if (hidden_.empty())
        out_.plain("<");
    ++at_;
}

TidyPage Tidier::run() {
    while (at_ < html_.size()) {
        if (html_[at_] == '<') {
            readMarkup();
            continue;
        }
        size_t end = std::min(html_.find('<', at_), html_.size());
        if (hidden_.empty())
            out_.text(html_.substr(at_, end - at_));
        else
            hidden_bytes_ += end - at_;
        at_ = end;
    }
    return out_.finish(hidden_.empty() ? 0 : hidden_bytes_);
}

} // namespace

TidyPage tidyHtml(std::string_view html, HtmlPart part) {
    return Tidier(html, part).run();
}

} // namespace longscope::document
