// First step of the HTML reader: the page's tags, without those that carry no text and without
// attributes, so that what gumbo builds from it stays shallow and small whatever the page is: gumbo
// takes quadratic time, and a stack frame an element, where tags are nested without end.
#pragma once

#include "compute/document/formats.h"

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
// Of these nothing is left to do in the tidy page.
constexpr char kNote = 'n';     ///< a link to a note: its number, which gets brackets
constexpr char kBackLink = 'b'; ///< from a note to its number: goes
constexpr char kPage = 'g';     ///< a printed page begins: becomes an empty `wbr`
} // namespace html_hint

/// What of a page's text or tags is not in its tidy form.
struct HtmlLosses {
    size_t hidden_bytes = 0; ///< after a button or picture that never ends
    size_t dropped_tags = 0; ///< nested deeper than kDeepestTags; their text stays
};

/// The attribute `title` of `ol` is its first number, of `wbr` the label of the page that begins.
struct TidyPage {
    std::string html;
    HtmlLosses losses;
};

constexpr size_t kDeepestTags = 256;

/// In linear time. In HtmlPart::all `<p/>` is an empty element as in XML, and what stands in
/// buttons, pictures and the like is text.
TidyPage tidyHtml(std::string_view html, HtmlPart part);

/// Adds the letters that one attribute stands for.
void addHtmlHints(std::string_view name, std::string_view value, std::string &hints);

} // namespace longscope::document
