// The open documents: their text to read, find and copy, their sections, their exact length in
// tokens, and whether that fits. Other panels point at places here with marks and jumps.
#pragma once

#include "ui/panel.h"
#include "ui/panels/document_find.h"
#include "ui/panels/document_outline.h"
#include "ui/theme.h"
#include "ui/widgets/text_view.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace longscope::ui {

class DocumentPanel : public Panel {
  public:
    /// Asks the user for a file and opens it; by whoever has file dialogs.
    std::function<void()> open_file;

    const char *name() const override { return "Document"; }
    void draw(const Snapshot &snapshot, CommandQueue &commands) override;

    /// Of the current document: the character under the mouse.
    std::optional<size_t> hoveredByte() const;
    /// The panel changes without input: frames must follow.
    bool animating() const;
    /// Of the current document; null when none is shown.
    const TextView *textView() const { return shown_ ? &shown_->view : nullptr; }
    const FindBar &findBar() const { return find_; }

  private:
    struct Shown {
        TextView view;
        TextCounter counter;
        std::shared_ptr<const std::string> counted; ///< the text that `counter` looks into
        std::vector<TextStretch> headings;          ///< of that text: their lines
    };

    void drawEmpty(CommandQueue &commands);
    float waysWidth() const;
    void drawWaysIn(CommandQueue &commands);
    void drawChoice(const Snapshot &snapshot, CommandQueue &commands);
    void drawFacts(const Snapshot &snapshot, const Document &document);
    void drawTools(const Snapshot &snapshot, const Document &document, CommandQueue &commands);
    void drawMarkLegend(float more) const;
    void drawMarkTools(const Document &document, CommandQueue &commands);
    void drawText(const Snapshot &snapshot, const std::shared_ptr<const Document> &document);
    void drawOutline(const std::shared_ptr<const Document> &document);
    void handleKeys(CommandQueue &commands);
    void paste(CommandQueue &commands);
    void choose(const Documents &documents);
    void takeMarks(const Documents &documents);
    void stepMark(int by);
    void take(const Documents::Jump &jump, uint64_t document);

    std::map<uint64_t, Shown> views_; ///< of the open documents: where each was scrolled to
    Shown *shown_ = nullptr;
    FindBar find_;
    DocumentOutline outline_;
    bool outline_wanted_ = true;
    /// The section that was clicked stays the current one until the text is scrolled.
    std::optional<size_t> chosen_section_;
    std::optional<size_t> chosen_top_;

    std::shared_ptr<const std::vector<Mark>> taken_marks_;
    ThemeKind marks_theme_ = ThemeKind::dark;
    std::vector<TextMark> marks_; ///< sorted
    std::vector<size_t> mark_ends_;
    bool has_kind_[3] = {};
    std::optional<size_t> mark_; ///< that was gone to
    uint64_t jumps_ = 0;
    int drawn_frame_ = -1;
    double empty_paste_until_ = 0, now_ = 0; ///< a line says that the clipboard was empty
};

} // namespace longscope::ui
