// A long text to read: wrapped, scrolled by rows, selected with the mouse, with coloured grounds
// behind parts of it. Only the rows that are seen cost anything; the rest is wrapped in slices of a
// few milliseconds a frame. Cannot be typed into, and knows nothing of what its text is.
#pragma once

#include "ui/widgets/text_rows.h"
#include "ui/widgets/text_units.h"

#include <imgui.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace longscope::ui {

/// A coloured ground. Marks are sorted by their start; they may overlap.
struct TextMark {
    size_t start = 0, end = 0;
    ImU32 colour = 0;
    std::string note; ///< on hover, may be empty
};

struct TextStretch {
    size_t start = 0, end = 0;
};

/// What lies behind the text, and beside its scroll bar. All of it belongs to the caller, and lives
/// until draw returns.
struct TextDecor {
    std::span<const TextMark> marks;
    /// [marks]: the largest end of the marks up to this one (markEnds).
    std::span<const size_t> mark_ends;
    std::span<const TextStretch> headings; ///< drawn stronger; rising, apart
    std::span<const uint32_t> hits;        ///< first bytes of what was found, rising
    size_t hit_bytes = 0;
    std::optional<size_t> current_hit; ///< index
    /// First bytes of tokens, rising; not empty: every other token has a ground.
    std::span<const uint32_t> tokens;
    ImU32 hit_colour = 0, current_hit_colour = 0, selection_colour = 0, token_colour = 0;
    ImU32 flash_colour = 0;
};
std::vector<size_t> markEnds(std::span<const TextMark> marks);

class TextView {
  public:
    /// The same pointer again changes nothing.
    void setText(std::shared_ptr<const std::string> text);
    const std::string &text() const { return *text_; }

    void draw(const char *id, ImVec2 size, const TextDecor &decor);

    /// Scrolls so that `byte` stands in the upper third, and lets its row light up for a moment.
    void jumpTo(size_t byte, bool flash = true);
    /// Scrolls only when the row of `byte` is not seen.
    void reveal(size_t byte);

    size_t topByte() const;     ///< of the first row that is seen
    size_t readingByte() const; ///< of the row where one reads
    std::optional<size_t> hoveredByte() const { return hovered_; }
    std::optional<size_t> lastByteSeen() const;
    ByteRange selection() const; ///< empty: first == second
    std::string selectedText() const;
    void select(size_t start, size_t end);
    bool isJumping() const { return jump_.has_value(); }
    bool isWrapped() const { return !pending_ && rows_.done(); }
    /// It changes without input: frames must follow.
    bool animating() const;

  private:
    enum class Grain { sign, word, line };
    struct Geometry; ///< of this frame (text_view_frame.h)
    static Geometry makeGeometry();
    struct SeenRow {
        size_t start = 0, end = 0; ///< bytes that are drawn
        size_t next = 0;           ///< start of the following row
        size_t first_x = 0;        ///< into xs_
        float y = 0;
    };

    void wrap(float width);
    void layOut(const Geometry &geometry);
    void handleMouse(const Geometry &geometry);
    void handleKeys(const Geometry &geometry);
    void handleJump(const Geometry &geometry);
    void dragTo(size_t byte);
    void drawMenu();
    void scrollTo(ImS64 pixels);
    ImS64 mostScroll() const;
    /// The nearest place between two characters, and the character under the point.
    size_t byteAt(ImVec2 point) const;
    std::optional<size_t> signUnder(ImVec2 point) const;
    const SeenRow *rowAt(float y) const;
    float xOf(const SeenRow &row, size_t byte) const;

    void paint(const Geometry &geometry, const TextDecor &decor) const;
    void paintGround(const SeenRow &row, size_t start, size_t end, ImU32 colour) const;
    void paintMarks(const SeenRow &row, const TextDecor &decor) const;
    void paintHits(const SeenRow &row, const TextDecor &decor) const;
    void paintTokens(const SeenRow &row, const TextDecor &decor) const;
    void paintFlash(const Geometry &geometry, ImU32 colour) const;
    void paintRibbon(const Geometry &geometry, const TextDecor &decor) const;
    void describeHovered(const TextDecor &decor) const;

    std::shared_ptr<const std::string> text_ = std::make_shared<std::string>();
    bool is_visible_ = false;
    bool is_wrapping_ = false; ///< rows_ was begun
    RowIndex rows_;
    std::optional<RowIndex> pending_; ///< for another width; rows_ is shown meanwhile
    ImS64 scroll_ = 0;                ///< pixels
    float row_height_ = 1, left_ = 0, view_height_ = 1;
    std::vector<SeenRow> seen_;
    std::vector<float> xs_; ///< of every byte of the rows that are seen, and of their ends

    size_t anchor_ = 0, anchor_end_ = 0; ///< what the first click took
    size_t selected_ = 0, selected_end_ = 0;
    Grain grain_ = Grain::sign;
    bool dragging_ = false, drags_out_ = false;
    std::optional<size_t> hovered_;
    std::optional<size_t> jump_; ///< until rows are known that far
    bool flash_wanted_ = false;
    size_t flash_byte_ = 0;
    double flash_until_ = 0, now_ = 0;
};

} // namespace longscope::ui
