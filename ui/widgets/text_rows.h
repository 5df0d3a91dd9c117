// Where the rows of a wrapped text begin, found bit by bit, so that a text of many megabytes never
// holds up a frame. Rows end after blanks, between ideographs, or within a word that is too long.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace longscope::ui {

/// How wide characters are, in any unit.
struct Advances {
    std::array<float, 128> ascii{};
    float wide = 0; ///< of every ideograph
    /// Of other characters; may be null, then they are as wide as "n".
    float (*other)(char32_t code, void *font) = nullptr;
    void *font = nullptr;

    float of(char32_t code) const;
    /// The same widths, as far as `ascii` and `wide` tell.
    bool agrees(const Advances &with) const { return ascii == with.ascii && wide == with.wide; }
};

/// A row has at most this many bytes, however narrow its characters are.
constexpr size_t kMostRowBytes = 4096;

class RowIndex {
  public:
    RowIndex() = default;
    /// The text must outlive the index. `width` in the unit of the advances.
    RowIndex(std::string_view text, float width, const Advances &advances);

    /// Goes on until about `bytes` more are done; true when all are. The advances agree with those
    /// of the start, but may have another `font`.
    bool work(const Advances &advances, size_t bytes);
    /// It was made for these.
    bool isFor(float width, const Advances &advances) const {
        return width_ == width && advances_.agrees(advances);
    }
    bool done() const { return done_; }
    size_t doneBytes() const { return at_; } ///< rows of the text before this byte are known

    /// At least one, even of an empty text.
    size_t rows() const { return starts_.empty() ? 1 : starts_.size(); }
    size_t start(size_t row) const { return row < starts_.size() ? starts_[row] : 0; }
    /// With the blanks and the line's end that the row hides.
    size_t end(size_t row) const { return row + 1 < starts_.size() ? starts_[row + 1] : at_; }
    /// Without the end of its line.
    size_t visibleEnd(size_t row) const;
    size_t rowOf(size_t byte) const;

  private:
    size_t nextRow(const Advances &advances) const;

    std::string_view text_;
    float width_ = 0;
    Advances advances_;
    std::vector<uint32_t> starts_;
    size_t at_ = 0; ///< the next row begins here
    bool done_ = true;
};

} // namespace longscope::ui
