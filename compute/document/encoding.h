// From the bytes of a text file to clean UTF-8: the encoding by mark, by validity, by what the file
// declares, by uchardet's statistics; line ends as LF; no control characters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace longscope::document {

struct DecodedText {
    std::string text; ///< valid UTF-8, LF line ends, no control characters but tab and LF
    std::vector<std::string> warnings; ///< what was assumed, replaced, left out
};

/// `declared` is the charset that the file names itself ("" = none); unknown names are passed over.
/// Throws Error(file) with counts where the bytes are no text.
DecodedText decodeText(std::string_view bytes, std::string_view path,
                       std::string_view declared = {});

/// From an encoding that is known for sure, as "WINDOWS-1252", to valid UTF-8; what has no
/// character becomes U+FFFD and is counted. An unknown one is read as Windows-1252.
std::string convertToUtf8(std::string_view bytes, std::string_view encoding, size_t &replaced);

/// Line ends become LF; form feeds and vertical tabs too; other control characters, which a
/// terminal would obey, are left out and counted.
std::string cleanControls(std::string_view text, size_t &removed);

} // namespace longscope::document
