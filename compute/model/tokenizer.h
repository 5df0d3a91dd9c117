// Text to token ids and back, from the vocabulary of a GGUF file: byte-level BPE (`gpt2`), BPE on
// raw UTF-8 (`gemma4`), SentencePiece (`llama`). Thread-safe for const use.
#pragma once

#include "compute/model/gguf.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::model {

using Token = int32_t;

struct TokenizeOptions {
    bool parse_special = true; ///< control tokens in the text are recognised
    bool add_bos = true;       ///< where the file says so
};

/// A byte range of a text in which special tokens must not be recognised (user content inside a
/// rendered chat template).
struct PlainSpan {
    size_t start = 0, end = 0;
};

class Tokenizer {
  public:
    /// Throws Error(model) for a tokenizer kind or pre-tokenizer that is not known (by name), and
    /// Error(file) for inconsistent arrays.
    explicit Tokenizer(const Gguf &file);
    Tokenizer(Tokenizer &&) noexcept;
    ~Tokenizer();

    std::vector<Token> encode(std::string_view text, const TokenizeOptions &options = {},
                              std::span<const PlainSpan> plain = {}) const;
    /// Ids with, for each, the byte of `text` where its bytes begin (BOS: 0). Non-decreasing.
    struct Placed {
        std::vector<Token> ids;
        std::vector<size_t> starts;
    };
    Placed encodePlaced(std::string_view text, const TokenizeOptions &options = {}) const;

    /// All bytes of the ids, control tokens shown or hidden; invalid UTF-8 repaired.
    std::string decode(std::span<const Token> ids, bool show_special = true) const;
    /// The bytes of one token, as they are (may be a part of a character).
    std::string bytesOf(Token id, bool show_special = true) const;

    uint32_t vocab() const;
    Token bos() const; ///< -1 = none
    Token eos() const;
    bool addsBos() const;
    bool isEndOfGeneration(Token id) const;
    bool isSpecial(Token id) const;
    Token findToken(std::string_view text) const; ///< -1 = none
    const std::string &warning() const; ///< "" or a sentence (an unknown pre-tokenizer name ...)

  private:
    friend class StreamDecoder;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Turns a stream of ids into text that never ends in half a UTF-8 character.
class StreamDecoder {
  public:
    explicit StreamDecoder(const Tokenizer &tokenizer, bool show_special = false);
    std::string push(Token id); ///< complete characters only
    std::string finish();       ///< what was held back; a broken tail becomes one U+FFFD

  private:
    const Tokenizer *tokenizer_;
    bool show_special_;
    bool first_ = true;
    std::string held_;
};

} // namespace longscope::model
