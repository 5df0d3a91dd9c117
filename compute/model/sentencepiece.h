// SentencePiece BPE (`llama`) through the library, which gets the vocabulary as a model file made
// in memory.
#pragma once

#include "compute/model/token_sink.h"
#include "compute/model/vocabulary.h"

#include <memory>
#include <string>
#include <string_view>

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace longscope::model {

class SentencePiece {
  public:
    /// The vocabulary must outlive this. Throws Error(file) when the library refuses it.
    explicit SentencePiece(const Vocabulary &vocabulary, std::string_view path);
    ~SentencePiece();

    struct Scratch {
        PieceCache cache;
        std::vector<PieceCache::Part> parts;
    };

    /// Adds the tokens of a text without special tokens that stands at `start`; `space_before`: as
    /// if one more space stood before it. The text is valid UTF-8 and must outlive `scratch`.
    void encode(std::string_view text, size_t start, bool space_before, Scratch &scratch,
                TokenSink &sink) const;

  private:
    void encodeParts(std::string_view text, std::vector<PieceCache::Part> &parts) const;

    std::unique_ptr<sentencepiece::SentencePieceProcessor> processor_;
    /// No token has a space behind another character: the text can be cut before the first space
    /// of each run without changing its tokens, and words can be cached.
    bool cuts_at_spaces_ = true;
};

} // namespace longscope::model
