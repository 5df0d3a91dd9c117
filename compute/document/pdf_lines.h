// Lines of a PDF's page: words side by side, in the order of reading over columns.
#pragma once

#include "compute/document/pdf_pages.h"

#include <cstddef>
#include <string>
#include <vector>

namespace longscope::document {

struct PdfLine {
    float left = 0, top = 0, right = 0, bottom = 0; ///< points
    float font_size = 0;                            ///< of most of its letters
    bool bold = false;                              ///< all of it
    bool upright = true;
    bool row = false;  ///< of a table; its cells are parted by " | "
    size_t column = 0; ///< counts columns through the document
    size_t entry = 0;  ///< index + 1 of the outline's entry whose title it is, or a part of that
    std::string text;

    float height() const { return bottom - top; }
    float middle() const { return (top + bottom) / 2; }
};

/// Stretches of words side by side; a wide gap, as between columns or cells, parts them. Ligatures
/// are spelled out, and raised numbers after words become "[3]".
std::vector<PdfLine> piecesOf(const PdfPage &page);

/// Columns one after the other, cells of a row joined. `first_column` becomes that of the next
/// page.
std::vector<PdfLine> inReadingOrder(std::vector<PdfLine> pieces, size_t &first_column);

/// Takes out the lines that stand on most pages at the same height with the same words, digits
/// aside; how many.
size_t dropRunningLines(std::vector<std::vector<PdfLine>> &pages);

/// Whether two lines stand side by side.
bool sameRow(const PdfLine &a, const PdfLine &b);

} // namespace longscope::document
