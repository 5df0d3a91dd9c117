// Where sentences end in a stretch of running text.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace longscope::document {

struct Span {
    size_t start = 0, end = 0; ///< bytes, trimmed
};

/// The sentences of one paragraph, in order, in linear time; a line end counts as white space. A
/// stop ends a sentence only before white space and a fitting beginning, so not inside "6.4",
/// after "Mr." or "e.g.", nor before a lower-case word; stops of scripts without spaces end one
/// anywhere. What follows the last stop is a sentence too.
std::vector<Span> sentenceSpans(std::string_view paragraph);

/// Whether the text ends in a stop (closing quotes and brackets may follow it).
bool hasFinalStop(std::string_view sentence);

} // namespace longscope::document
