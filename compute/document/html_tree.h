// A parsed page as a flat list in reading order, so that every pass over it is a loop, and the
// choice of what the page is about. For the readers of web pages and of chapters of books.
#pragma once

#include "compute/document/html_tidy.h"

#include <gumbo.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

struct HtmlNode {
    GumboTag tag = GUMBO_TAG_UNKNOWN; ///< UNKNOWN for text
    const char *text = nullptr;       ///< zero-ended; null for elements
    size_t parent = 0;
    size_t end = 0; ///< index after the last node inside
    std::string_view hints;
    std::string_view title; ///< as tidyHtml gives it to `ol` and `wbr`
    bool dropped = false;   ///< with all inside

    // Sums over what is inside and not dropped.
    size_t text_bytes = 0; ///< without white space
    size_t link_bytes = 0; ///< of it inside links
    uint32_t links = 0, tables = 0, headings = 0, cells = 0;
    uint32_t wide_rows = 0; ///< of more than one cell

    bool hinted(char hint) const { return hints.contains(hint); }
    double linkShare() const {
        return text_bytes == 0 ? 0
                               : static_cast<double>(link_bytes) / static_cast<double>(text_bytes);
    }
};

/// Node 0 is the body.
struct HtmlTree {
    explicit HtmlTree(const TidyPage &page);

    std::unique_ptr<GumboOutput, void (*)(GumboOutput *)> output; ///< owns texts and hints
    std::string title;
    std::vector<HtmlNode> nodes;
};

bool isHtmlHeading(GumboTag tag);

/// Marks as dropped what is hidden.
void dropHidden(HtmlTree &tree);
/// Marks as dropped navigation, banners, lists of links, and what is around the main part where the
/// page shows one clearly: by `main` and `article`, else by the density of text as in Readability
/// (Arc90, 2009). Never most of the text.
void dropBoilerplate(HtmlTree &tree);

} // namespace longscope::document
