// First step of the HTML reader: the page's tags, without those that carry no text and without
// attributes, so that what gumbo builds from it stays shallow and small whatever the page is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace longscope::document {

/// What an element's attributes told, as letters of its attribute `class` in the tidy page.
namespace html_hint {
constexpr char kHidden = 'h';    ///< not shown by a browser
constexpr char kFurniture = 'f'; ///< navigation, banner, dialog by its role; consent boxes
constexpr char kUnlikely = 'u';  ///< names as "sidebar", "related"
constexpr char kLikely = 'l';    ///< names as "article", "content"
constexpr char kMain = 'm';      ///< role main
constexpr char kLayout = 'p';    ///< a table with role presentation
constexpr char kNote = 'n';      ///< a link to a note: its number
} // namespace html_hint

struct TidyPage {
    std::string html;
    size_t hidden_bytes = 0; ///< after a button or picture that never ends
    size_t dropped_tags = 0; ///< nested deeper than kDeepestTags; their text stays
};

constexpr size_t kDeepestTags = 256;

/// In linear time.
TidyPage tidyHtml(std::string_view html);

/// Adds the letters that one attribute stands for.
void addHtmlHints(std::string_view name, std::string_view value, std::string &hints);
/// ASCII letters in lower case, as names of tags and attributes are compared.
std::string htmlLower(std::string_view text);

} // namespace longscope::document
