// A long text as pieces with coloured grounds, in lines that wrap, and arcs from one piece to
// others over a line that stands for all of them. Only what is visible is drawn.
#pragma once

#include <imgui.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace longscope::ui {

struct TokenStripLook {
    ImVec2 size;
    std::string_view text;
    std::span<const uint32_t> starts; ///< byte where each piece begins
    size_t pieces = 0;                ///< how many of them are shown
    std::span<const float> levels;    ///< 0 .. 1, how strong the ground of a piece is
    std::optional<size_t> chosen = std::nullopt;
};

struct TokenStripEvents {
    std::optional<size_t> hovered, clicked;
};

class TokenStrip {
  public:
    TokenStripEvents draw(const char *id, const TokenStripLook &look);
    /// Brings a piece into view at the next draw.
    void scrollTo(size_t piece) { scroll_to_ = piece; }
    /// A long text is laid out over several frames.
    bool layingOut() const { return laying_out_; }

  private:
    void layOut(const TokenStripLook &look, float width);
    void drawRow(const TokenStripLook &look, size_t row, TokenStripEvents &events) const;

    std::vector<size_t> rows_; ///< first piece of each
    size_t laid_out_ = 0;      ///< pieces that have their row
    float x_ = 0;              ///< where the next piece goes
    const char *text_ = nullptr;
    size_t text_bytes_ = 0;
    float width_ = 0, font_size_ = 0;
    bool laying_out_ = false;
    std::optional<size_t> scroll_to_;
};

struct TokenArc {
    uint64_t to = 0;
    float strength = 0; ///< 0 .. 1
};
/// Arcs from piece `from` to earlier ones; the line below runs from 0 to `from`. The arc under the
/// mouse comes back.
std::optional<size_t> drawArcs(const char *id, ImVec2 size, uint64_t from,
                               std::span<const TokenArc> arcs);

} // namespace longscope::ui
