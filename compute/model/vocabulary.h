// The vocabulary of a GGUF file as the tokenizers need it: texts, types, the ids with a meaning,
// and the rules that override what the file says (types by text, end of generation, BOS defaults).
#pragma once

#include "compute/model/gguf.h"
#include "compute/model/tokenizer.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace longscope::model {

enum class TokenType : uint8_t { normal = 1, unknown, control, user_defined, unused, byte };

enum class TokenizerKind {
    byte_bpe,     ///< `gpt2`: merges over bytes that are written as printable characters
    raw_bpe,      ///< `gemma4`: merges over UTF-8 characters, U+2581 for a space
    sentencepiece ///< `llama`: merges by score, U+2581 for a space
};

inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81"; ///< U+2581

class Vocabulary {
  public:
    /// Throws Error(model) for a kind that is not covered (by name), Error(file) for arrays of
    /// different lengths or types out of range.
    explicit Vocabulary(const Gguf &file);
    Vocabulary(const Vocabulary &) = delete;

    TokenizerKind kind = TokenizerKind::byte_bpe;
    std::string pre; ///< `tokenizer.ggml.pre`, "" when absent
    std::vector<std::string> texts;
    std::vector<TokenType> types; ///< after the overrides
    std::vector<float> scores;    ///< sentencepiece; zeros when the file has none
    std::vector<bool> ends_generation;
    /// User-defined, but written as a mark of a chat's turns: not recognised in plain spans.
    std::vector<bool> chat_marker;
    Token bos = -1, eos = -1, unk = -1;
    bool add_bos = false, add_space_prefix = false;
    bool strips_right = false; ///< phi-3: specials eat the white space behind them

    uint32_t size() const { return static_cast<uint32_t>(texts.size()); }
    Token find(std::string_view text) const; ///< -1 = none
    bool isControl(Token id) const;          ///< types 2 and 3
    /// The token `<0xXX>` of each byte, -1 where there is none.
    std::vector<Token> findByteTokens() const;

  private:
    void readTokens(const Gguf &file);
    void readDefaults(const Gguf &file);
    void overrideTypes();
    void findEnds(const Gguf &file);

    std::unordered_map<std::string_view, Token> ids_; ///< views into `texts`
};

} // namespace longscope::model
