// The outline and warnings of a document as few bytes, for its row in the library.
#pragma once

#include "compute/document/document.h"

#include <string>
#include <string_view>

namespace longscope::document {

/// Headings, paragraphs and warnings; not path, title and text.
std::string packOutline(const Document &document);

/// Fills them in for the document's text; false (and no outline) when the bytes do not fit it.
bool unpackOutline(std::string_view bytes, Document &document);

} // namespace longscope::document
