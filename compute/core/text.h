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

/// The bytes with every invalid UTF-8 sequence replaced by U+FFFD; `replaced` counts them.
std::string repairUtf8(std::string_view bytes, size_t *replaced = nullptr);

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
