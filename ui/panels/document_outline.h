// The sections of a document beside its text, with their tokens; a click goes there.
#pragma once

#include "ui/state/document.h"

#include <imgui.h>

#include <memory>
#include <optional>
#include <vector>

namespace longscope::ui {

class DocumentOutline {
  public:
    /// Fills the current window. `current`: index of the section that is read. Gives the section
    /// that was clicked.
    std::optional<size_t> draw(const std::shared_ptr<const Document> &document, size_t current);

  private:
    void select(const Document &document);
    bool drawRow(const Section &section, bool is_current, unsigned top_level) const;

    std::weak_ptr<const Document> shown_;
    ImGuiTextFilter filter_;
    std::vector<size_t> passing_; ///< indices of the sections that pass the filter
    size_t followed_ = SIZE_MAX;  ///< the section that was scrolled into sight last
};

/// Index of the section where `byte` lies.
size_t sectionAt(const Document &document, size_t byte);

} // namespace longscope::ui
