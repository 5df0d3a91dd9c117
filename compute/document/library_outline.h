// The outline, pages and warnings of a document as few bytes, for the library.
#pragma once

#include "compute/document/document.h"

#include <string>
#include <string_view>

namespace longscope::document {

/// Headings, paragraphs, pages and warnings; not path, title, format and text.
std::string packOutline(const Document &document);

/// Fills them in for a text of so many bytes; false (and no outline) when they do not fit it. Knows
/// the earlier forms, too.
bool unpackOutline(std::string_view bytes, size_t text_bytes, Document &document);

} // namespace longscope::document
