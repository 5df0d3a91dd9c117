// Splits a document into parts that fit a number of tokens: along its outline where it can, then
// between paragraphs, then between sentences, never inside one unless it is too long alone.
#pragma once

#include "compute/document/document.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

struct Chunk {
    size_t text_start = 0; ///< byte where the chunk's text begins: the overlap, if there is one
    size_t start = 0;      ///< byte where its own part begins
    size_t end = 0;        ///< byte after both
    uint64_t tokens = 0;   ///< of text_start .. end, as they are counted
    size_t heading = 0;    ///< index + 1 of the heading above its beginning; 0 = none
    bool cut = false;      ///< begins or ends inside a sentence that is too long for the limit
};

struct ChunkOptions {
    uint64_t limit_tokens = 300;
    /// Sentences before a chunk that are read again with it, under the same heading only and in at
    /// most a fifth of the limit, so that it does not begin in the middle of a thought.
    unsigned overlap_sentences = 0;
};

/// Whether a paragraph is the line of its heading.
bool isHeading(const document::Document &document, size_t paragraph);

/// Counts each paragraph once, and then only what it cuts or joins.
class Chunker {
  public:
    using CountTokens = std::function<uint64_t(std::string_view)>;
    /// The document, and whatever counts, must stay.
    Chunker(const document::Document &document, CountTokens count_tokens);

    /// Of the text between two paragraphs, about: what joins them may cost more or less. Never asks
    /// for a count.
    uint64_t tokens(size_t start = 0, size_t end = std::string::npos) const;
    /// The chunks of [start, end), which must begin and end between paragraphs, in order. Without
    /// their overlaps they are the text, but for white space at their ends; none has more than the
    /// limit. A limit below 8 tokens is taken for 8. Empty when there is only white space.
    std::vector<Chunk> split(const ChunkOptions &options, size_t start = 0,
                             size_t end = std::string::npos) const;

  private:
    class Splitter;

    const document::Document &document_;
    CountTokens count_tokens_;
    std::vector<size_t> starts_;   ///< of the paragraphs' shares of the text, and its end
    std::vector<uint64_t> tokens_; ///< of each share
};

} // namespace longscope::reading
