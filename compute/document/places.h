// Names of places in a document: "Supply, paragraph 2"; its sections.
#pragma once

#include "compute/document/document.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

/// From one heading to the next, whatever their levels: sections part the text.
struct Section {
    std::string title;         ///< "" before the first heading
    unsigned level = 0;        ///< 1 = top; 0 before the first heading
    size_t start = 0, end = 0; ///< bytes of the text
};
std::vector<Section> sectionsOf(const std::vector<Heading> &headings, size_t text_bytes);

/// Index of the paragraph at a byte: the last that begins there or before (0 before the first).
size_t paragraphAt(const Document &document, size_t byte);

/// Whether a paragraph is the first of its section: its heading's line or, where the title stands
/// in no line (the outline of a PDF), what stands below it.
bool beginsSection(const Document &document, const Paragraph &paragraph);

/// Title of the heading above a paragraph, "" before the first one.
std::string headingOf(const Document &document, size_t paragraph);

/// 1 for the first prose paragraph under its heading, 0 for what stands before it.
size_t numberUnderHeading(const Document &document, size_t paragraph);

/// "Supply, paragraph 2": the heading above a paragraph and its number among the prose under it.
std::string placeOfParagraph(const Document &document, size_t paragraph);
/// Label of the page that a byte is on, "" where the format has none.
std::string pageOf(const Document &document, size_t byte);
/// The same for a byte, with its page: "page 12, Supply, paragraph 2"; "" where there is neither.
std::string placeOf(const Document &document, size_t byte);

/// Without the document's line breaks.
std::string oneLine(std::string_view text);
/// The first words as a title: one line of about `most_bytes` at most, cut words end in "…".
std::string firstWords(std::string_view text, size_t most_bytes);

} // namespace longscope::document
