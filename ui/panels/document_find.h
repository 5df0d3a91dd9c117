// The bar that finds words in a text view: as one types, with a count, forwards and backwards.
#pragma once

#include "ui/widgets/text_find.h"
#include "ui/widgets/text_view.h"

#include <array>
#include <memory>
#include <optional>
#include <string>

namespace longscope::ui {

class FindBar {
  public:
    void open(); ///< and puts the keyboard into its field
    bool isOpen() const { return is_open_; }
    /// In the rest of the window's width. Moves the view to what is found.
    void draw(TextView &view, const std::shared_ptr<const std::string> &text);
    void step(TextView &view, int by);

    /// Of `text` alone; nothing when the bar is closed.
    const TextFind &found() const { return find_; }
    std::optional<size_t> current() const { return current_; }
    bool animating() const { return is_open_ && !find_.done(); }
    std::string countText() const; ///< "3 of 57"

  private:
    void search(TextView &view);
    void goTo(TextView &view, size_t hit);
    void close();

    bool is_open_ = false, wants_focus_ = false, match_case_ = false;
    std::array<char, 256> typed_{};
    std::shared_ptr<const std::string> text_;
    TextFind find_;
    std::optional<size_t> current_;
    size_t origin_ = 0; ///< the byte from where the first hit is looked for
};

} // namespace longscope::ui
