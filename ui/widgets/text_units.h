// What a text is made of: characters, words, lines. For UTF-8; a broken byte counts as a character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace longscope::ui {

struct Sign {
    char32_t code = 0;
    unsigned bytes = 1;
};
/// The character at byte `at` < text.size().
Sign signAt(std::string_view text, size_t at);

/// Largest start of a character that is not after `at`.
size_t signStart(std::string_view text, size_t at);

bool isWordSign(char32_t code);  ///< letters, digits, "_"; what no list knows counts as a letter
bool isWide(char32_t code);      ///< Han, kana, hangul, full width: as wide as high
bool isCombining(char32_t code); ///< never begins a row
/// Scripts without spaces between words: a row may end between any two of these.
bool isIdeographic(char32_t code);
/// Closing marks of those scripts, which no row begins with.
bool isClosing(char32_t code);

/// Lower case where that has as many bytes: Latin, Greek, Cyrillic. Else the same.
char32_t foldCase(char32_t code);
/// The other one of a pair of cases, or the same.
char32_t otherCase(char32_t code);

using ByteRange = std::pair<size_t, size_t>;
/// The word, the run of blanks or the single sign at `at`; never over the end of a line.
ByteRange wordAt(std::string_view text, size_t at);
/// The line at `at`, with its end.
ByteRange lineAt(std::string_view text, size_t at);

/// Counts words and characters bit by bit. An ideograph is a word.
class TextCounter {
  public:
    explicit TextCounter(std::string_view text = {}) : text_(text) {}
    /// Goes on for about `bytes`; true when all is counted.
    bool work(size_t bytes);
    bool done() const { return at_ == text_.size(); }
    uint64_t words() const { return words_; }
    uint64_t characters() const { return characters_; }

  private:
    std::string_view text_;
    size_t at_ = 0;
    bool in_word_ = false;
    uint64_t words_ = 0, characters_ = 0;
};

} // namespace longscope::ui
