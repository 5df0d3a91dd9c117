// Small helpers on bytes and UTF-8 that several rooms need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace longscope {

/// Length of the valid UTF-8 character that begins at byte `at`, 0 when there is none.
size_t utf8Length(std::string_view bytes, size_t at);

/// Whether a UTF-8 text must not be cut before byte `at`, because a character goes on there; false
/// at its end and behind it.
bool isInsideCharacter(std::string_view text, size_t at);

/// The beginning of the character that byte `at` is in; `at` itself where one begins, at the text's
/// end, and in bytes that are no UTF-8. For cutting a text to at most `at` bytes.
size_t characterStart(std::string_view text, size_t at);

/// The bytes with every invalid UTF-8 sequence replaced by U+FFFD; `replaced` counts them.
std::string repairUtf8(std::string_view bytes, size_t *replaced = nullptr);

/// With ASCII letters in lower case, as names of tags, files and devices are compared.
std::string asciiLower(std::string_view text);

/// Whether `part` is in the text, without regard to the case of ASCII letters; "" is in every text.
bool containsIgnoringCase(std::string_view text, std::string_view part);

/// Without ASCII white space at both ends.
std::string_view trimSpaces(std::string_view text);

/// Bytes of "3. " or "12) " at the start of a line; 0 when it begins with no number, or with one of
/// more than `most_digits`.
size_t numberMarkLength(std::string_view line, size_t most_digits);

/// Adds a character as UTF-8.
void appendUtf8(std::string &out, char32_t code);

/// "98.4 MB" (powers of 1000), "512 B".
std::string formatBytes(uint64_t bytes);

/// "0 to 3, 5, 7" of rising numbers.
std::string numberRanges(const std::vector<uint32_t> &numbers);

/// The parts between separators, one more than there are of these; views of `text`.
std::vector<std::string_view> split(std::string_view text, char separator);

/// The whole file; throws Error(file) with path and reason (missing, a directory, too large).
/// "-" is standard input.
std::string readWholeFile(const std::string &path);

} // namespace longscope
