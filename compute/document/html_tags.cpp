#include "compute/document/html_tags.h"

#include <algorithm>
#include <vector>

namespace longscope::document {
namespace {

bool isNameByte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' ||
           c == '-' || c == '_';
}
char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

template <size_t N> bool isOneOf(std::string_view name, const std::string_view (&names)[N]) {
    return std::ranges::find(names, name) != std::end(names);
}

constexpr std::string_view kVoid[] = {"area",  "base", "br",   "col",    "embed", "hr", "img",
                                      "input", "link", "meta", "source", "track", "wbr"};
constexpr std::string_view kDroppedWhole[] = {"script", "style", "title"};
// Inside of these gumbo sees no tags, or makes another kind of page.
constexpr std::string_view kDroppedTags[] = {"plaintext", "xmp",      "iframe",   "noembed",
                                             "noframes",  "noscript", "textarea", "template",
                                             "frameset",  "frame",    "select",   "isindex"};
constexpr std::string_view kClosedBySame[] = {"p", "li", "td", "th", "tr", "dt", "dd", "option"};

class Balancer {
  public:
    Balancer(std::string_view html, size_t most_depth) : html_(html), most_depth_(most_depth) {}
    std::string balance();

  private:
    void skipDeclaration();
    void openTag(size_t name_start);
    void closeTag(size_t name_start);
    void dropContent(std::string_view name);
    std::string nameAt(size_t start) const;
    size_t tagEnd(size_t from) const;
    void skipPast(std::string_view mark, size_t from);
    void close(size_t depth);

    std::string_view html_;
    size_t most_depth_, at_ = 0;
    std::vector<std::string> open_;
    std::string out_;
};

std::string Balancer::nameAt(size_t start) const {
    std::string name;
    for (size_t i = start; i < html_.size() && isNameByte(html_[i]) && name.size() < 64; ++i)
        name += lower(html_[i]);
    return name;
}

/// The '>' of a tag, not one in a quoted value; the page's end when there is none.
size_t Balancer::tagEnd(size_t from) const {
    char quote = 0;
    for (size_t i = from; i < html_.size(); ++i) {
        char c = html_[i];
        if (quote)
            quote = c == quote ? '\0' : quote;
        else if ((c == '"' || c == '\'') && html_[i - 1] == '=')
            quote = c;
        else if (c == '>')
            return i;
    }
    return html_.size();
}

void Balancer::skipPast(std::string_view mark, size_t from) {
    size_t found = html_.find(mark, from);
    at_ = found == std::string_view::npos ? html_.size() : found + mark.size();
}

/// Comment, CDATA (its text stays), DOCTYPE with what it declares, or <?...>.
void Balancer::skipDeclaration() {
    std::string_view left = html_.substr(at_);
    if (left.starts_with("<!--"))
        return skipPast("-->", at_ + 4);
    if (left.starts_with("<![CDATA[")) {
        size_t start = at_ + 9;
        skipPast("]]>", start);
        for (char c : html_.substr(start, std::max(at_, start + 3) - 3 - start))
            out_.append(c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string_view(&c, 1));
        return;
    }
    bool has_subset = html_.substr(at_, html_.find('>', at_) - at_).contains('[');
    skipPast(has_subset ? "]>" : ">", at_);
}

void Balancer::close(size_t depth) {
    for (; open_.size() > depth; open_.pop_back())
        out_.append("</").append(open_.back()).append(">");
}

void Balancer::dropContent(std::string_view name) {
    while (at_ < html_.size()) {
        skipPast("</", at_);
        if (nameAt(at_) == name) {
            at_ = std::min(tagEnd(at_) + 1, html_.size());
            return;
        }
    }
}

void Balancer::openTag(size_t name_start) {
    std::string name = nameAt(name_start);
    size_t end = tagEnd(name_start);
    bool closed = end > name_start && html_[end - 1] == '/';
    std::string_view inside = html_.substr(name_start, end - name_start - closed);
    at_ = std::min(end + 1, html_.size());
    if (isOneOf(name, kDroppedWhole)) {
        if (!closed)
            dropContent(name);
        return;
    }
    if (isOneOf(name, kDroppedTags))
        return;
    if (isOneOf(name, kClosedBySame) && !open_.empty() && open_.back() == name)
        close(open_.size() - 1);
    if (open_.size() >= most_depth_)
        return;
    out_.append("<").append(inside).append(">");
    if (isOneOf(name, kVoid))
        return;
    if (closed)
        out_.append("</").append(name).append(">");
    else
        open_.push_back(std::move(name));
}

void Balancer::closeTag(size_t name_start) {
    std::string name = nameAt(name_start);
    at_ = std::min(tagEnd(name_start) + 1, html_.size());
    auto found = std::ranges::find(open_.rbegin(), open_.rend(), name);
    if (found != open_.rend())
        close(static_cast<size_t>(open_.rend() - found) - 1);
}

std::string Balancer::balance() {
    out_.reserve(html_.size());
    while (at_ < html_.size()) {
        size_t text_end = std::min(html_.find('<', at_), html_.size());
        out_.append(html_, at_, text_end - at_);
        at_ = text_end;
        if (at_ == html_.size())
            break;
        char next = at_ + 1 < html_.size() ? html_[at_ + 1] : '\0';
        if (next == '!' || next == '?') {
            skipDeclaration();
        } else if (next == '/') {
            closeTag(at_ + 2);
        } else if (isNameByte(next) && lower(next) >= 'a') {
            openTag(at_ + 1);
        } else {
            out_ += "&lt;";
            ++at_;
        }
    }
    close(0);
    return std::move(out_);
}

} // namespace

std::string balanceTags(std::string_view html, size_t most_depth) {
    return Balancer(html, most_depth).balance();
}

} // namespace longscope::document
