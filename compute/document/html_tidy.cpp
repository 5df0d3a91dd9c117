#include "compute/document/html_tidy.h"

#include <algorithm>
#include <array>
#include <vector>

namespace longscope::document {
namespace {

enum class Kind {
    inside, ///< unknown or of single words: the tag goes, the text stays
    block,  ///< counted, may hold all
    ended,  ///< its end may be left out: p, li, dd, dt, headings
    table,  ///< parts of a table, at most one of each a table
    bare,   ///< br, hr: no end
    link,   ///< a: never one in another
    raw,    ///< its content is no HTML, and goes
    hidden, ///< its content is HTML, and goes
    shell,  ///< html, head, body
    title,
};

struct Tag {
    std::string_view name;
    Kind kind;
};
constexpr Tag kTags[] = {
    {"a", Kind::link},           {"address", Kind::block},   {"annotation", Kind::hidden},
    {"article", Kind::block},    {"aside", Kind::block},     {"audio", Kind::hidden},
    {"blockquote", Kind::block}, {"body", Kind::shell},      {"br", Kind::bare},
    {"button", Kind::hidden},    {"canvas", Kind::hidden},   {"caption", Kind::table},
    {"center", Kind::block},     {"datalist", Kind::hidden}, {"dd", Kind::ended},
    {"details", Kind::block},    {"dialog", Kind::hidden},   {"div", Kind::block},
    {"dl", Kind::block},         {"dt", Kind::ended},        {"fieldset", Kind::block},
    {"figcaption", Kind::block}, {"figure", Kind::block},    {"footer", Kind::block},
    {"h1", Kind::ended},         {"h2", Kind::ended},        {"h3", Kind::ended},
    {"h4", Kind::ended},         {"h5", Kind::ended},        {"h6", Kind::ended},
    {"head", Kind::shell},       {"header", Kind::block},    {"hgroup", Kind::block},
    {"hr", Kind::bare},          {"html", Kind::shell},      {"iframe", Kind::raw},
    {"li", Kind::ended},         {"main", Kind::block},      {"map", Kind::hidden},
    {"menu", Kind::block},       {"nav", Kind::block},       {"noembed", Kind::raw},
    {"noframes", Kind::raw},     {"noscript", Kind::hidden}, {"object", Kind::hidden},
    {"ol", Kind::block},         {"p", Kind::ended},         {"pre", Kind::block},
    {"rp", Kind::hidden},        {"rt", Kind::hidden},       {"script", Kind::raw},
    {"section", Kind::block},    {"select", Kind::hidden},   {"style", Kind::raw},
    {"summary", Kind::block},    {"svg", Kind::hidden},      {"table", Kind::block},
    {"tbody", Kind::table},      {"td", Kind::table},        {"template", Kind::hidden},
    {"textarea", Kind::raw},     {"tfoot", Kind::table},     {"th", Kind::table},
    {"thead", Kind::table},      {"title", Kind::title},     {"tr", Kind::table},
    {"ul", Kind::block},         {"video", Kind::hidden},
};
static_assert(std::ranges::is_sorted(kTags, {}, &Tag::name));

constexpr size_t kTable =
    static_cast<size_t>(std::ranges::find(kTags, "table", &Tag::name) - kTags);
constexpr std::string_view kSpace = " \t\n";

bool asciiLetter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool isHeading(const Tag &tag) {
    return tag.kind == Kind::ended && tag.name[0] == 'h';
}

/// Reads tags off the page and writes those that count.
class Tidier {
  public:
    explicit Tidier(std::string_view html) : html_(html) { page_.html.reserve(html.size() / 2); }
    TidyPage run();

  private:
    struct Open {
        const Tag *tag;
        bool written;
    };

    void readMarkup();
    void readTag(bool closing);
    void readAttributes(std::string &hints, bool &self_closed);
    std::string_view readValue();
    void skipRaw(std::string_view name, bool keep);
    void startTag(const Tag &tag, std::string_view hints, bool self_closed);
    void endTag(const Tag &tag);
    void put(char c);
    void write(std::string_view name, bool closing, std::string_view hints = {});
    std::vector<size_t> &places(const Tag &tag) {
        return places_[static_cast<size_t>(&tag - kTags)];
    }
    bool inTable() const { return !places_[kTable].empty(); }
    void push(const Tag &tag, std::string_view hints);
    void pop();
    void popUntil(const Tag &tag);
    void closeImplied(const Tag &tag);
    bool atSpace() const { return at_ < html_.size() && kSpace.contains(html_[at_]); }

    std::string_view html_;
    size_t at_ = 0;
    TidyPage page_;
    std::vector<Open> open_; ///< blocks and those whose end may be missing
    size_t written_ = 0;     ///< of open_
    std::array<std::vector<size_t>, std::size(kTags)> places_; ///< in open_, of each tag
    const Tag *hidden_ = nullptr;                              ///< all goes until its end
    size_t hidden_depth_ = 0;
};

const Tag *findTag(std::string_view name) {
    const Tag *found = std::ranges::lower_bound(kTags, name, {}, &Tag::name);
    return found != std::end(kTags) && found->name == name ? found : nullptr;
}

void Tidier::put(char c) {
    if (c == '<')
        page_.html += "&lt;";
    else
        page_.html += c;
}

void Tidier::write(std::string_view name, bool closing, std::string_view hints) {
    page_.html += closing ? "</" : "<";
    page_.html += name;
    if (!hints.empty()) {
        page_.html += " class=";
        page_.html += hints;
    }
    page_.html += '>';
}

void Tidier::push(const Tag &tag, std::string_view hints) {
    bool written = written_ < kDeepestTags;
    open_.push_back({&tag, written});
    places(tag).push_back(open_.size() - 1);
    if (written)
        write(tag.name, false, hints);
    else
        page_.html += ' ';
    written_ += written;
    page_.dropped_tags += !written;
}

void Tidier::pop() {
    Open last = open_.back();
    open_.pop_back();
    places(*last.tag).pop_back();
    if (last.written)
        write(last.tag->name, true);
    written_ -= last.written;
}

void Tidier::popUntil(const Tag &tag) {
    while (!open_.empty() && open_.back().tag != &tag)
        pop();
}

/// The ends that a browser thinks of itself before this tag (HTML standard, section 13.2.6.4.7).
void Tidier::closeImplied(const Tag &tag) {
    auto group = [](std::string_view name) {
        return name == "dt" ? std::string_view("dd") : name[0] == 'h' ? "h" : name;
    };
    auto top = [&](std::string_view name) {
        return !open_.empty() && open_.back().tag->kind == Kind::ended &&
               group(open_.back().tag->name) == name;
    };
    if (top("p"))
        pop();
    if (tag.kind == Kind::ended && top(group(tag.name)))
        pop();
}

void Tidier::startTag(const Tag &tag, std::string_view hints, bool self_closed) {
    switch (tag.kind) {
    case Kind::inside:
    case Kind::raw:
    case Kind::title:
        break;
    case Kind::shell:
        if (tag.name == "body")
            write(tag.name, false, hints);
        break;
    case Kind::bare:
        if (tag.name == "hr")
            closeImplied(tag);
        write(tag.name, false);
        break;
    case Kind::link:
        write(tag.name, false, hints);
        break;
    case Kind::hidden:
        hidden_ = self_closed ? nullptr : &tag;
        hidden_depth_ = 1;
        page_.hidden_bytes = 0;
        break;
    case Kind::table:
        if (!inTable())
            break;
        popUntil(kTags[kTable]);
        if (open_.back().written)
            write(tag.name, false, hints);
        else // cells and rows of a table that is too deep
            page_.html += ' ';
        break;
    case Kind::block:
    case Kind::ended:
        closeImplied(tag);
        push(tag, hints);
        if (self_closed && tag.kind == Kind::block)
            pop(); // as in XHTML, where HTML would leave it open
        break;
    }
}

void Tidier::endTag(const Tag &tag) {
    if (tag.kind == Kind::link)
        write(tag.name, true);
    if (tag.kind == Kind::table && inTable()) {
        popUntil(kTags[kTable]);
        if (open_.back().written)
            write(tag.name, true);
    }
    // The end of any heading ends the one that is open.
    bool heading = isHeading(tag) && !open_.empty() && isHeading(*open_.back().tag);
    if (heading)
        return pop();
    if ((tag.kind == Kind::block || tag.kind == Kind::ended) && !places(tag).empty()) {
        // Nothing inside a cell closes what is around its table.
        if (inTable() && places_[kTable].back() > places(tag).back())
            return;
        popUntil(tag);
        pop();
    }
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
void Tidier::readAttributes(std::string &hints, bool &self_closed) {
    while (at_ < html_.size()) {
        if (atSpace() || html_[at_] == '/') {
            self_closed = html_[at_] == '/';
            ++at_;
            continue;
        }
        if (html_[at_] == '>') {
            ++at_;
            return;
        }
        self_closed = false;
        size_t end = std::min(html_.find_first_of(" \t\n/>=", at_ + 1), html_.size());
        std::string_view raw = html_.substr(at_, end - at_);
        std::string name = raw.size() <= 16 ? htmlLower(raw) : std::string();
        at_ = end;
        while (atSpace())
            ++at_;
        std::string_view value;
        if (at_ < html_.size() && html_[at_] == '=') {
            ++at_;
            value = readValue();
        }
        addHtmlHints(name, value, hints);
    }
}

/// After the start tag of an element whose content is no HTML: past its end tag.
void Tidier::skipRaw(std::string_view name, bool keep) {
    size_t start = at_, end = html_.size();
    for (size_t at = html_.find("</", at_); at != html_.npos; at = html_.find("</", at + 2)) {
        if (htmlLower(html_.substr(at + 2, name.size())) != name)
            continue;
        char after = at + 2 + name.size() < html_.size() ? html_[at + 2 + name.size()] : '>';
        if (asciiLetter(after))
            continue;
        end = at;
        break;
    }
    size_t close = html_.find('>', end);
    at_ = close == html_.npos ? html_.size() : close + 1;
    if (!keep)
        return;
    write(name, false);
    for (char c : html_.substr(start, end - start))
        put(c);
    write(name, true);
}

void Tidier::readTag(bool closing) {
    size_t end = std::min(html_.find_first_of(" \t\n/>", at_), html_.size());
    std::string_view raw = html_.substr(at_, end - at_);
    std::string name = raw.size() <= 16 ? htmlLower(raw) : std::string();
    if (size_t colon = name.find(':'); colon != name.npos) // XHTML with prefixes
        name.erase(0, colon + 1);
    at_ = end;
    std::string hints;
    bool self_closed = false;
    readAttributes(hints, self_closed);
    const Tag *tag = findTag(name);
    if (!tag)
        return;
    if (hidden_) {
        if (tag == hidden_)
            hidden_depth_ += closing ? size_t(0) - 1 : self_closed ? 0 : 1;
        // A block inside a picture or a list of choices ends it, as in a browser.
        bool breaks = (tag->kind == Kind::block || tag->kind == Kind::ended) &&
                      (hidden_->name == "svg" || hidden_->name == "select");
        if (hidden_depth_ == 0 || breaks)
            hidden_ = nullptr;
        if (!breaks) {
            if (!closing && tag->kind == Kind::raw && !self_closed)
                skipRaw(name, false);
            return;
        }
    }
    if (closing)
        return endTag(*tag);
    if ((tag->kind == Kind::raw || tag->kind == Kind::title) && !self_closed)
        return skipRaw(name, tag->kind == Kind::title && page_.html.size() < 4096);
    startTag(*tag, hints, self_closed);
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
        for (char c : html_.substr(at_ + 9, end - std::min(at_ + 9, end)))
            if (!hidden_)
                put(c);
        at_ = std::min(end + 3, html_.size());
        return;
    }
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
    if (!hidden_)
        put('<');
    ++at_;
}

TidyPage Tidier::run() {
    while (at_ < html_.size()) {
        if (html_[at_] == '<') {
            readMarkup();
            continue;
        }
        size_t end = std::min(html_.find('<', at_), html_.size());
        if (!hidden_)
            page_.html.append(html_, at_, end - at_);
        page_.hidden_bytes += hidden_ ? end - at_ : 0;
        at_ = end;
    }
    page_.hidden_bytes = hidden_ ? page_.hidden_bytes : 0;
    return std::move(page_);
}

} // namespace

TidyPage tidyHtml(std::string_view html) {
    return Tidier(html).run();
}

} // namespace longscope::document
