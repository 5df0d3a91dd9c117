// The words of RTF that mean a place, a character or a character set (RTF 1.9.1). For rtf.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace longscope::document {

/// What the text of a group is.
enum class RtfGroup { text, skipped, fonts, styles, info, title, list_mark, note };

std::optional<RtfGroup> findRtfDestination(std::string_view word);
/// The text of "emdash" and the like, "" for other words.
std::string_view findRtfSymbol(std::string_view word);
/// Of the number after \fcharset; 0 for unknown ones.
uint16_t codePageOfCharset(int charset);
/// The C library's name, Windows-1252 for unknown ones.
std::string encodingOfCodePage(uint16_t code_page);

} // namespace longscope::document
