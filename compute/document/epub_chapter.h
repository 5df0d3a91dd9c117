// One XHTML file of an EPUB into the flow of the book.
#pragma once

#include "compute/document/html_tidy.h"
#include "compute/document/text_flow.h"

#include <string_view>

namespace longscope::document {

/// Adds the text of a chapter below what is there, whole: notes of many books are hidden parts.
/// Where it has no heading with words of its own `toc_title` becomes one ("" = none). Marks of
/// printed pages become pages. Throws Error(file) where the bytes are no text; `file` names them.
HtmlLosses addChapter(TextFlow &flow, std::string_view bytes, std::string_view file,
                      std::string_view toc_title);

} // namespace longscope::document
