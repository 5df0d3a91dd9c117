// The outline (bookmarks) of a PDF, with the places that its entries lead to.
#pragma once

#include "compute/document/pdf_pages.h"

#include <string_view>

namespace longscope::pdf_reader {

/// The file's own outline, within the limits of pdf_pages.h; no entries where it has none or is
/// broken; said to be unread in a build without outline.cpp. Poppler's settings must be there,
/// which they are as long as a poppler::document is.
document::PdfOutline readOutline(std::string_view bytes);

} // namespace longscope::pdf_reader
