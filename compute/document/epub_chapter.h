// One XHTML file of an EPUB into the flow of the book.
#pragma once

#include "compute/document/text_flow.h"

#include <string_view>

namespace longscope::document {

/// Adds the text of a chapter below what is there. Where it has no heading of its own `toc_title`
/// becomes one ("" = none). Marks of printed pages become pages. Throws Error(memory) only.
void addChapter(TextFlow &flow, std::string_view xhtml, std::string_view toc_title);

} // namespace longscope::document
