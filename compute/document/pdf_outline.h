// The headings of a PDF: from its own outline where it has one, from the look of its lines else.
#pragma once

#include "compute/document/pdf_pages.h"
#include "compute/document/pdf_paragraphs.h"

#include <cstddef>
#include <string>
#include <vector>

namespace longscope::document {

struct PdfHeading {
    size_t paragraph = 0; ///< index
    unsigned level = 1;   ///< 1 = top
    std::string title;    ///< of the outline; "" = the paragraph's own words
    bool line = true;     ///< the paragraph is its line; false: it begins there, without one
};

struct PdfHeadings {
    std::vector<PdfHeading> headings; ///< in the order of the text
    size_t left_out = 0;              ///< entries that lead to no place of the text
};

/// Entries without a page of their own get that of the first entry below them.
void settlePages(std::vector<PdfEntry> &entries);

/// What the file's author calls a heading is one, by the author's title and level. An entry whose
/// title stands in no line (a picture, other words, a mark set by hand) becomes the title of the
/// heading line at its place where there is one, else a heading that begins with the first
/// paragraph from its place on: the document is parted where a viewer would lead, and its text has
/// no word that the pages do not have. Lines that only look like headings stay headings: on the
/// level of the outline's own when they look the same ("References" is often not listed), below the
/// outline's heading before them otherwise. Without entries, each size of headings is a level.
PdfHeadings findHeadings(std::vector<PdfParagraph> &paragraphs,
                         const std::vector<PdfEntry> &entries);

} // namespace longscope::document
