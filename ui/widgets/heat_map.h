// A picture of numbers in cells: pixels that stay sharp, two axes, lines drawn over it, a cell
// under the mouse or the keyboard's cursor, and a rectangle dragged with the mouse. What the cells
// mean, and which colours they have, is the caller's. No graphics API: the texture is Dear ImGui's
// own.
#pragma once

#include <imgui.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace longscope::ui {

/// What stands along a side: cell i begins at the number first + i * step, the last ends at `end`.
struct HeatMapAxis {
    std::string title;
    uint64_t first = 0, end = 0, step = 1;
    bool names_cells = false; ///< numbers stand at the middle of cells, not where they begin
};

struct HeatMapCell {
    uint32_t row = 0, column = 0;
    bool operator==(const HeatMapCell &) const = default;
};

struct HeatMapBox {
    uint32_t first_row = 0, end_row = 0, first_column = 0, end_column = 0;
};

/// In cells: (0, 0) is the upper left corner, (rows, columns) the lower right one.
struct HeatMapLine {
    float row = 0, column = 0, end_row = 0, end_column = 0;
};

struct HeatMapLook {
    ImVec2 size; ///< of everything, axes included
    HeatMapAxis rows, columns;
    std::span<const HeatMapLine> outline = {};
    std::optional<HeatMapCell> selected = std::nullopt;
    std::optional<HeatMapBox> box = std::nullopt; ///< a frame that is drawn over it
    bool can_drag = false, takes_wheel = false;
};

struct HeatMapEvents {
    std::optional<HeatMapCell> hovered; ///< by the mouse, or where the keyboard's cursor is
    std::optional<HeatMapCell> clicked; ///< with the mouse or Enter
    std::optional<HeatMapBox> dragged;  ///< when the mouse was let go
    float wheel = 0;                    ///< up is positive
    bool right_clicked = false;
    ImVec2 picture_min, picture_max; ///< where the cells are, on the screen
};

class HeatMap {
  public:
    HeatMap();
    ~HeatMap();
    HeatMap(const HeatMap &) = delete;
    HeatMap &operator=(const HeatMap &) = delete;

    /// [rows, columns] as IM_COL32; fully transparent cells show the ground.
    void setPixels(std::span<const ImU32> pixels, uint32_t rows, uint32_t columns);
    uint32_t rows() const { return rows_; }
    uint32_t columns() const { return columns_; }

    /// Reached with the keyboard as any item: Enter lets the arrows walk the cells, Enter there
    /// clicks, Escape leaves.
    HeatMapEvents draw(const char *id, const HeatMapLook &look);

  private:
    struct Texture;
    struct Frame;
    void drawPicture(const Frame &frame, const HeatMapLook &look);
    void handleMouse(const Frame &frame, const HeatMapLook &look, HeatMapEvents &events);
    void handleKeys(const Frame &frame, bool pressed, HeatMapEvents &events);
    HeatMapCell cellAt(const Frame &frame, ImVec2 point) const;

    std::unique_ptr<Texture> texture_;
    uint32_t rows_ = 0, columns_ = 0;
    bool walking_ = false; ///< the arrows move `cursor_`
    HeatMapCell cursor_;
    std::optional<HeatMapCell> drag_start_;
    ImVec2 press_point_;
};

/// A strip of colours from low to high with its numbers below, `width` wide.
void drawColourBar(float width, const std::string &low, const std::string &high);

/// Steps of 1, 2 or 5 times a power of ten, so that at most `most` fit.
uint64_t niceStep(uint64_t extent, uint32_t most);

} // namespace longscope::ui
