// Passages of a document, as retrieval finds them: whole sentences of one section, packed to a
// length that says one thing.
#pragma once

#include "compute/document/document.h"
#include "compute/document/sentences.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace longscope::document {

struct Passage {
    size_t start = 0, end = 0;                      ///< bytes of the text
    size_t first_paragraph = 0, last_paragraph = 0; ///< indices, both included
    size_t words = 0;                               ///< as countWords
};

struct PassageOptions {
    size_t words = 120;        ///< ends at the next paragraph when it has so many
    size_t most_words = 180;   ///< never more
    size_t overlap_words = 30; ///< most that are said again where a paragraph is cut
};

/// Words of a text for lengths: runs without white space count one for each 16 bytes begun, two
/// ideographs count one.
size_t countWords(std::string_view text);

/// What can be quoted of a paragraph: its sentences, or the lines of a table or of code. A piece of
/// more than `most_words` is cut at white space, or where there is none between characters.
std::vector<Span> quotablePieces(const Document &document, size_t paragraph, size_t most_words);

/// Together they hold every paragraph, headings, tables and code included; a heading stands with
/// what is below it. Where a paragraph is cut, the next passage begins with its last sentences
/// again. A document without paragraphs has none.
std::vector<Passage> splitPassages(const Document &document, const PassageOptions &options = {});

/// The whole paragraphs around [start, end), as far as they stay within `most_words`; else the span
/// itself.
Span wholeParagraphs(const Document &document, size_t start, size_t end, size_t most_words);

} // namespace longscope::document
