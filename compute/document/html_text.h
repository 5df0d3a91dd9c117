// From a parsed page to text with an outline: headings, paragraphs, lists, tables and code, for web
// pages and chapters of books alike.
#pragma once

#include "compute/document/formats.h"
#include "compute/document/html_tree.h"
#include "compute/document/text_flow.h"

namespace longscope::document {

/// Adds what is not dropped of the tree. A table of data is a row a line; one that only places the
/// parts of a page, or has one cell a row, is its parts. In HtmlPart::all a DIV is a paragraph,
/// which it is in books; elsewhere a line.
void addHtml(TextFlow &flow, const HtmlTree &tree, HtmlPart part);

/// Says what the tidy page lacks.
void tellLosses(TextFlow &flow, const HtmlLosses &losses);

} // namespace longscope::document
