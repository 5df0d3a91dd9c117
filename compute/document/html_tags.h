// The tags that count for the text of a page, and what each does to it. For html_tidy.cpp.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace longscope::document {

enum class TagKind {
    inside,   ///< of single words, as all that are not named here: the tag goes, the text stays
    block,    ///< counted, may hold all
    ended,    ///< its end may be left out: p, li, dd, dt, headings
    table,    ///< parts of a table, at most one of each a table
    bare,     ///< br, hr: no end
    link,     ///< a: never one in another
    raw,      ///< its content is no HTML, and goes
    hidden,   ///< its content is HTML, and goes
    embedded, ///< furniture of a page: hidden there; words inside the text of a book
    shell,    ///< html, head, body
    title,
};

struct HtmlTag {
    std::string_view name;
    TagKind kind;
};

inline constexpr HtmlTag kHtmlTags[] = {
    {"a", TagKind::link},
    {"address", TagKind::block},
    {"annotation", TagKind::hidden},
    {"article", TagKind::block},
    {"aside", TagKind::block},
    {"audio", TagKind::hidden},
    {"blockquote", TagKind::block},
    {"body", TagKind::shell},
    {"br", TagKind::bare},
    {"button", TagKind::embedded},
    {"canvas", TagKind::embedded},
    {"caption", TagKind::table},
    {"center", TagKind::block},
    {"datalist", TagKind::hidden},
    {"dd", TagKind::ended},
    {"details", TagKind::block},
    {"dialog", TagKind::embedded},
    {"div", TagKind::block},
    {"dl", TagKind::block},
    {"dt", TagKind::ended},
    {"fieldset", TagKind::block},
    {"figcaption", TagKind::block},
    {"figure", TagKind::block},
    {"footer", TagKind::block},
    {"h1", TagKind::ended},
    {"h2", TagKind::ended},
    {"h3", TagKind::ended},
    {"h4", TagKind::ended},
    {"h5", TagKind::ended},
    {"h6", TagKind::ended},
    {"head", TagKind::shell},
    {"header", TagKind::block},
    {"hgroup", TagKind::block},
    {"hr", TagKind::bare},
    {"html", TagKind::shell},
    {"iframe", TagKind::raw},
    {"li", TagKind::ended},
    {"main", TagKind::block},
    {"map", TagKind::embedded},
    {"menu", TagKind::block},
    {"nav", TagKind::block},
    {"noembed", TagKind::raw},
    {"noframes", TagKind::raw},
    {"noscript", TagKind::embedded},
    {"object", TagKind::embedded},
    {"ol", TagKind::block},
    {"p", TagKind::ended},
    {"pre", TagKind::block},
    {"rp", TagKind::hidden},
    {"rt", TagKind::hidden},
    {"script", TagKind::raw},
    {"section", TagKind::block},
    {"select", TagKind::embedded},
    {"style", TagKind::raw},
    {"summary", TagKind::block},
    {"svg", TagKind::embedded},
    {"table", TagKind::block},
    {"tbody", TagKind::table},
    {"td", TagKind::table},
    {"template", TagKind::hidden},
    {"textarea", TagKind::raw},
    {"tfoot", TagKind::table},
    {"th", TagKind::table},
    {"thead", TagKind::table},
    {"title", TagKind::title},
    {"tr", TagKind::table},
    {"ul", TagKind::block},
    {"video", TagKind::hidden},
};
static_assert(std::ranges::is_sorted(kHtmlTags, {}, &HtmlTag::name));

/// By its name in lower case; null for what is not named.
constexpr const HtmlTag *findHtmlTag(std::string_view name) {
    const HtmlTag *found = std::ranges::lower_bound(kHtmlTags, name, {}, &HtmlTag::name);
    return found != std::end(kHtmlTags) && found->name == name ? found : nullptr;
}

} // namespace longscope::document
