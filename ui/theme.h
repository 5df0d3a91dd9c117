// Colours, spacing and fonts of the whole window. Panels ask for a colour by what it means and
// never name numbers, so that dark, light and high contrast stay three tables in one file.
#pragma once

#include <imgui.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace longscope::ui {

enum class ThemeKind { dark, light, high_contrast };

constexpr float kDefaultFontPixels = 15;

/// Sets the styles of Dear ImGui, ImPlot and the Markdown view. Outside of a frame. `ui_scale`
/// multiplies everything; `font_pixels` is the size of text at scale 1.
void applyTheme(ThemeKind kind, float ui_scale, float font_pixels = kDefaultFontPixels);
ThemeKind themeKind();

/// Never null once the window has started; on a system without fonts they may be one and the same.
/// Sizes are free, and given before scaling: PushFont(fonts().bold, 1.3F * fontBase()).
struct FontSet {
    ImFont *regular = nullptr;
    ImFont *bold = nullptr;
    ImFont *italic = nullptr;
    ImFont *mono = nullptr;
    std::string note; ///< a sentence when a wanted font was not found, else ""
};
const FontSet &fonts();
void setFonts(FontSet fonts); ///< by the presenter

/// The current size of text before scaling, as PushFont wants it. (Sizes of things: GetFontSize().)
inline float fontBase() {
    return ImGui::GetStyle().FontSizeBase;
}
// Each ends with ImGui::PopFont().
void pushMono(); ///< a little smaller, so that it looks as large as the text beside it
void pushBold();
void pushHeading(); ///< title of a panel's part
void pushSmall();   ///< captions, axes

/// The size that the Markdown view takes as 1. It does not follow fontBase() by itself, so draw
/// between pushMarkdown() and ImGui::PopFont(), and with RichMd::RenderRaw: RichMd::Render would
/// read files that the text names.
constexpr float kMarkdownPixels = kDefaultFontPixels;
void pushMarkdown();

// Colours of the current theme by meaning. ImGui::GetColorU32(mutedText()) where a number is
// wanted.
ImVec4 accent();      ///< what is chosen or can be clicked
ImVec4 accentText();  ///< text on a ground of `accent`
ImVec4 mutedText();   ///< second in importance
ImVec4 good();        ///< fits, passed
ImVec4 warning();     ///< close to a limit
ImVec4 error();       ///< failed, does not fit
ImVec4 panelGround(); ///< background of a panel
ImVec4 codeGround();  ///< background of code and quotes
ImVec4 hairline();    ///< separators
ImVec4 ghost();       ///< guides in pictures, forecasts

/// Ten muted colours that stay apart for colour-blind eyes in their first six; wraps around.
ImVec4 seriesColour(size_t index);
constexpr size_t kSeriesColours = 10;

/// Translucent grounds of marked text in the document.
enum class MarkGround { found, found_current, source, attention, survivor, selection };
ImVec4 markColour(MarkGround mark);

/// Cividis (Nuñez, Anderton, Renslow 2018), dark to light, as IM_COL32 values.
const std::array<ImU32, 256> &cividisMap();
/// At 0 <= level <= 1; outside is clamped, not a number is the lowest.
ImU32 cividis(float level);

} // namespace longscope::ui
