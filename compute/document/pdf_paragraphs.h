// Paragraphs and headings from the lines of a PDF.
#pragma once

#include "compute/document/pdf_lines.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace longscope::document {

struct PdfParagraph {
    std::string text; ///< in one line; words parted at line ends are whole
    size_t page = 0;  ///< where it begins
    float top = 0;    ///< points from that page's top
    size_t entry = 0; ///< index + 1 of the outline's entry whose title it is
    std::vector<std::pair<size_t, size_t>> page_breaks; ///< byte of `text`, page that begins there
    int size_rank = 0; ///< of its letters, to compare headings: larger ones rank higher
    bool heading = false;
    bool prose = true;
    bool row = false; ///< of a table
};

/// Of all pages, whose lines are in reading order. Paragraphs go on over columns and pages; what
/// stands in smaller print between, notes, comes before them.
std::vector<PdfParagraph> joinParagraphs(const std::vector<std::vector<PdfLine>> &pages);

} // namespace longscope::document
