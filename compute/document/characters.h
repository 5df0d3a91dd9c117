// Characters of a valid UTF-8 text: decoding, letter, digit and case questions, lower case. The
// C library's own tables answer them, in its C.UTF-8 locale whatever the user's locale is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace longscope::document {

struct Character {
    char32_t code = 0;   ///< 0 at the end of the text
    unsigned length = 0; ///< in bytes; 0 at the end
};

/// The character at byte `at`, which must be where one begins. A broken one (never in a
/// `Document::text`) is given as one byte of U+FFFD.
Character characterAt(std::string_view text, size_t at);
/// The character that ends just before byte `at`.
Character characterBefore(std::string_view text, size_t at);

bool isLetter(char32_t code); ///< in any script, marks included
bool isUpper(char32_t code);
bool isLower(char32_t code);
bool isSpace(char32_t code);
char32_t toLower(char32_t code);
inline bool isDigit(char32_t code) {
    return code >= U'0' && code <= U'9';
}
/// Scripts that write no spaces between words: Han, Kana, and full-width forms.
bool isIdeographic(char32_t code);

std::string lowerCase(std::string_view text);
/// Bytes [start, end) without white space at both ends; start == end when nothing is left.
void trim(std::string_view text, size_t &start, size_t &end);
/// The text without white space at both ends.
std::string_view trimmed(std::string_view text);

} // namespace longscope::document
