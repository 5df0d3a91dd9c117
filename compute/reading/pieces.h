// Cuts a document into stretches of at most so many tokens, along its outline: at headings where it
// can, else between paragraphs, else between sentences, and inside one only when it is longer than
// a piece. Together they are the whole text, byte for byte.
#pragma once

#include "compute/document/document.h"

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace longscope::reading {

struct Piece {
    size_t start = 0, end = 0; ///< bytes of the text
    uint64_t tokens = 0;       ///< counted part by part: exact up to what joins at the cuts
};

/// `most_tokens` is at least 1. Small sections are packed together; a heading stays with what
/// follows it.
std::vector<Piece> cutAlongOutline(const document::Document &document, uint64_t most_tokens,
                                   const std::function<uint64_t(std::string_view)> &count_tokens);

} // namespace longscope::reading
