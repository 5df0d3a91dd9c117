// From the words of a PDF and their places, and its own outline, to a text: what is a line, a
// column, a paragraph, a heading, and what stands on every page. Pure arithmetic on what the helper
// process found.
#pragma once

#include "compute/document/document.h"
#include "compute/document/pdf_pages.h"

#include <string_view>

namespace longscope::document {

/// Throws Error(file) when no page has a word.
Document layOutPdf(PdfPages pages, std::string_view path);

} // namespace longscope::document
