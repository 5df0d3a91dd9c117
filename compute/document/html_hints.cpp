// What names and roles of a page's parts tell about them.
#include "compute/core/text.h"
#include "compute/document/html_tidy.h"

#include <algorithm>
#include <array>
#include <format>

namespace longscope::document {
namespace {

template <size_t n>
bool holdsOne(std::string_view text, const std::array<std::string_view, n> &words) {
    return std::ranges::any_of(words, [&](std::string_view word) { return text.contains(word); });
}

/// "footnote" in "footnotes footnote".
bool hasWord(std::string_view words, std::string_view word) {
    return std::format(" {} ", words).contains(std::format(" {} ", word));
}

// After the lists of Mozilla's Readability (Apache 2.0), which names what pages call such parts.
constexpr auto kUnlikelyNames = std::to_array<std::string_view>(
    {"banner",  "breadcrumb", "combx",      "comment",      "disqus",  "extra",      "footer",
     "legends", "menu",       "pagination", "pager",        "popup",   "related",    "remark",
     "replies", "rss",        "share",      "shoutbox",     "sidebar", "skyscraper", "social",
     "sponsor", "subscribe",  "newsletter", "supplemental", "promo",   "navigation", "navbar"});
constexpr auto kLikelyNames = std::to_array<std::string_view>(
    {"article", "body", "column", "content", "main", "entry", "post", "story", "text", "shadow"});
constexpr auto kConsentNames =
    std::to_array<std::string_view>({"cookie", "consent", "gdpr", "onetrust"});
constexpr auto kFurnitureRoles =
    std::to_array<std::string_view>({"navigation", "banner", "contentinfo", "search", "dialog",
                                     "alertdialog", "complementary", "menu", "toolbar"});

} // namespace

void addHtmlHints(std::string_view name, std::string_view value, std::string &hints) {
    constexpr size_t kLongestValue = 400;
    auto add = [&](bool yes, char hint) {
        if (yes && !hints.contains(hint))
            hints += hint;
    };
    std::string text = asciiLower(value.substr(0, kLongestValue));
    if (name == "hidden")
        add(text != "until-found", html_hint::kHidden);
    else if (name == "aria-hidden")
        add(text == "true", html_hint::kHidden);
    else if (name == "style") {
        std::erase(text, ' ');
        add(text.contains("display:none") || text.contains("visibility:hidden"),
            html_hint::kHidden);
    } else if (name == "role") {
        add(holdsOne(text, kFurnitureRoles), html_hint::kFurniture);
        add(text == "main", html_hint::kMain);
        add(text == "doc-noteref", html_hint::kNote);
        add(text == "doc-backlink", html_hint::kBackLink);
        add(text == "doc-pagebreak", html_hint::kPage);
        add(text == "presentation", html_hint::kLayout);
    } else if (name == "epub:type") { // EPUB Structural Semantics
        add(hasWord(text, "noteref"), html_hint::kNote);
        add(hasWord(text, "pagebreak"), html_hint::kPage);
    } else if (name == "class" || name == "id") {
        add(text.contains("footnote-ref"), html_hint::kNote);
        add(text.contains("footnote-back"), html_hint::kBackLink);
        add(holdsOne(text, kConsentNames), html_hint::kFurniture);
        add(holdsOne(text, kUnlikelyNames), html_hint::kUnlikely);
        add(holdsOne(text, kLikelyNames), html_hint::kLikely);
    }
}

} // namespace longscope::document
