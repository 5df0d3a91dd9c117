// Where the encoders put their tokens, and the cache of pieces that they share.
#pragma once

#include "compute/model/tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace longscope::model {

struct TokenSink {
    std::vector<Token> ids;
    std::vector<size_t> starts; ///< byte of the text, one a token; filled when `placed`
    bool placed = false;

    void add(Token id, size_t start) {
        ids.push_back(id);
        if (placed)
            starts.push_back(start);
    }
};

/// Piece -> tokens, for one call of encode: the pieces are views into its text. Bounded: it is
/// emptied when it is full.
class PieceCache {
  public:
    static constexpr size_t kMaxPieceBytes = 64;

    struct Part {
        Token id;
        uint32_t offset; ///< byte of the piece
    };

    /// Adds the tokens of a known piece to `sink`; false when it is not known.
    bool replay(std::string_view piece, size_t start, TokenSink &sink) const {
        auto found = ranges_.find(piece);
        if (found == ranges_.end())
            return false;
        for (uint32_t i = found->second.begin; i < found->second.end; ++i)
            sink.add(parts_[i].id, start + parts_[i].offset);
        return true;
    }
    /// Remembers the piece (a view that outlives this object) and adds its tokens to `sink`.
    void store(std::string_view piece, const std::vector<Part> &parts, size_t start,
               TokenSink &sink) {
        for (const Part &part : parts)
            sink.add(part.id, start + part.offset);
        if (piece.size() > kMaxPieceBytes)
            return;
        if (ranges_.size() >= kMaxPieces) {
            ranges_.clear();
            parts_.clear();
        }
        auto begin = static_cast<uint32_t>(parts_.size());
        parts_.insert(parts_.end(), parts.begin(), parts.end());
        ranges_[piece] = {begin, static_cast<uint32_t>(parts_.size())};
    }

  private:
    static constexpr size_t kMaxPieces = 1 << 16;
    struct Range {
        uint32_t begin, end;
    };
    std::unordered_map<std::string_view, Range> ranges_;
    std::vector<Part> parts_;
};

} // namespace longscope::model
