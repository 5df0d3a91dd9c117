// Which font files there are, and how they become the fonts of the window: Inter for text,
// JetBrains Mono for code, and for every other script the system's font that has it. A file is
// mapped once, however many fonts are merged from it.
#pragma once

#include "ui/theme.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace longscope::window {

struct FontFile {
    std::string family;
    std::span<const std::byte> bytes; ///< mapped until the process ends
    uint32_t index = 0;               ///< in a collection
};

/// What the system has of what we want.
struct FontFiles {
    FontFile regular, bold, italic, bold_italic, mono; ///< empty bytes: nothing was found
    std::vector<FontFile> fallbacks;                   ///< for the scripts that `regular` lacks
    std::string note;                                  ///< FontSet::note
};
/// Asks fontconfig, once in a process.
const FontFiles &systemFonts();

/// Puts the fonts into the atlas of the current ImGui context and calls ui::setFonts.
void loadFonts(const FontFiles &files);
/// Merges the fallbacks behind the glyphs that `font` has.
void addFallbacks(ImFont *font, const FontFiles &files);

} // namespace longscope::window
