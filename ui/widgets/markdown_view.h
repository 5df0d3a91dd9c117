// Markdown that may be long: split at blocks, so that only the pieces in view are parsed in a
// frame. Code blocks are drawn here, with a button that copies them; the rest by imgui_rich_md.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::ui {

/// A run of whole blocks, or one fenced code block at the top level.
struct MarkdownPiece {
    size_t start = 0, end = 0; ///< bytes of the text
    bool is_code = false;
    size_t code_start = 0, code_end = 0; ///< without the fences
    std::string language;
    bool operator==(const MarkdownPiece &) const = default;
};

/// Pieces that cover the text. One ends at a blank line once it is longer than `soft_bytes`, never
/// inside of a list or a table unless that is very long. A fence that is still open reaches the
/// end.
std::vector<MarkdownPiece> splitMarkdown(std::string_view text, size_t soft_bytes = 2048);

class MarkdownView {
  public:
    /// Draws at the cursor, as wide as the window allows. `changed`: `text` is another one than
    /// last time (a comparison of long texts in each frame would cost). `menu` adds items to the
    /// menu of a right click on text.
    void draw(const std::string &text, bool changed, const std::function<void()> &menu = {});

  private:
    struct Piece {
        MarkdownPiece where;
        size_t hash = 0;
        float height = -1; ///< -1 = not drawn yet
    };
    void split(const std::string &text);
    void drawPiece(const std::string &text, Piece &piece, const std::function<void()> &menu);

    std::vector<Piece> pieces_;
    float width_ = 0, font_size_ = 0; ///< that the heights are of
};

/// Code on its own ground: language, Copy, lines in the mono font. Public for those who give
/// imgui_rich_md its code blocks.
void drawCodeBlock(const char *id, std::string_view code, std::string_view language);

} // namespace longscope::ui
