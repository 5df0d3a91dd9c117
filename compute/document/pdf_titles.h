// Finds the titles of a PDF's outline among the lines of its pages.
#pragma once

#include "compute/document/pdf_lines.h"
#include "compute/document/pdf_pages.h"

#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

/// What of a title is compared: letters in lower case and digits, with a stop between numbers.
struct TitleKey {
    std::string full; ///< "2.1 The sea – again" and "2.1. The Sea: Again": "2.1theseaagain"
    std::string bare; ///< the same without a number before it; `full` where nothing else is left
};
TitleKey titleKey(std::string_view title);

/// "12", "Page 12", "p. iv": entries that scanners make, one a page, and that name no section.
bool isPageNumber(std::string_view title, size_t page, std::string_view label);

/// Sets `entry` of the lines that are an entry's title: up to three lines one below the other that
/// have its words, on the page it leads to or, where that has none, the next (anchors may be set
/// before the page ends). Where several do, the nearest to its place; where one has a number and
/// the other none, those that agree wholly come first. Linear in entries and lines.
void markTitles(std::vector<std::vector<PdfLine>> &pages, const std::vector<PdfEntry> &entries);

} // namespace longscope::document
