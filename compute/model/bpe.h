// Byte-pair encoding with the merges of a GGUF file: over bytes (`gpt2`) or over UTF-8 characters
// (`gemma4`). Lowest rank first, leftmost on ties.
#pragma once

#include "compute/model/pretokenizer.h"
#include "compute/model/token_sink.h"
#include "compute/model/vocabulary.h"

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace longscope::model {

/// The printable characters that byte-level vocabularies write bytes with (GPT-2's table).
const std::array<std::string, 256> &byteCharacters();
/// Back: the bytes of a token's text; characters outside of the table stay as they are.
std::string bytesOfCharacters(std::string_view text);

class Bpe {
  public:
    /// The vocabulary must outlive this. Throws Error(file) when there are no merges or one of them
    /// has no space between its halves.
    Bpe(const Gguf &file, const Vocabulary &vocabulary);

    /// State of one call of encode.
    class Scratch {
        friend class Bpe;
        struct Symbol {
            uint32_t id;
            uint32_t start, bytes; ///< 0 bytes: merged into its left neighbour
            uint32_t left, right;
        };
        struct Pair {
            uint32_t rank, left; ///< `left` grows with the position
            uint32_t left_id, right_id, merged_id;
            /// Order of the heap: the lowest rank comes out first, then the leftmost.
            bool operator<(const Pair &other) const {
                return rank != other.rank ? rank > other.rank : left > other.left;
            }
        };
        PreSplitter::Scratch split_;
        PieceCache cache_;
        std::vector<Symbol> symbols_;
        std::vector<Pair> heap_;
        std::vector<PieceCache::Part> parts_;
        std::string encoded_;
    };

    /// Adds the tokens of a text without special tokens; `start` is where it stands. The text is
    /// valid UTF-8 and must outlive `scratch`.
    void encode(std::string_view text, size_t start, Scratch &scratch, TokenSink &sink) const;

    /// "" unless the pre-tokenizer's name is unknown or its rules are not complete.
    const std::string &warning() const { return warning_; }

  private:
    struct Merge {
        uint64_t pair = kNoPair;
        uint32_t rank = 0, merged_id = 0;
    };
    static constexpr uint64_t kNoPair = ~uint64_t{0};
    static constexpr uint32_t kNone = ~uint32_t{0};

    void readMerges(const std::vector<std::string> &merges, const Gguf &file);
    uint32_t internSymbol(std::string_view text);
    uint32_t findSymbol(std::string_view text) const;
    const Merge *findMerge(uint32_t left_id, uint32_t right_id) const;
    void encodePiece(std::string_view piece, Scratch &scratch) const;
    bool emitWhole(std::string_view piece, Scratch &scratch) const;
    void placeSymbols(std::string_view piece, Scratch &scratch) const;
    void mergeSymbols(Scratch &scratch) const;
    void pushPair(uint32_t left, uint32_t right, Scratch &scratch) const;
    void emitSymbol(std::string_view piece, const Scratch::Symbol &symbol, Scratch &scratch) const;

    const Vocabulary *vocabulary_;
    bool raw_;
    bool ignore_merges_ = false;
    std::string warning_;
    PreSplitter splitter_; ///< its making may set `warning_`, which must exist then
    /// Texts that merges make but that are no tokens; ids from the vocabulary's size on.
    std::unordered_map<std::string, uint32_t> extra_;
    std::vector<Merge> merges_; ///< open addressing, a power of two, at most half full
    std::array<uint32_t, 256> byte_symbols_{};
    std::vector<Token> byte_tokens_; ///< raw: `<0xXX>`
};

} // namespace longscope::model
