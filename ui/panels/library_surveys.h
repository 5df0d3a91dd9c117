// Several documents at once, in the library panel: one question to all of them, or which of several
// labels fits each. What came of it stays below, as tables whose places are links.
#pragma once

#include "ui/command.h"
#include "ui/snapshot.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::ui {

/// Between commas, without blanks around them; empty ones are left out.
std::vector<std::string> labelsOf(std::string_view text);
/// The table as Markdown, for the clipboard.
std::string surveyText(const Survey &survey);

class LibrarySurveys {
  public:
    /// Brings a document to the front; may be empty.
    std::function<void()> show_document;

    /// `chosen`: ticked documents; none: the one that is shown is meant.
    void draw(const Snapshot &snapshot, const std::vector<const LibraryEntry *> &chosen,
              CommandQueue &commands);
    /// The keyboard goes to the field for labels, or to that for the question.
    void begin(bool labels) {
        with_labels_ = labels;
        wants_focus_ = true;
    }

  private:
    /// The documents that would be asked.
    struct Asked {
        std::vector<uint64_t> ids;
        std::string name;    ///< "3 documents"; "" = none
        uint64_t tokens = 0; ///< about, where they are not counted
    };
    static Asked askedOf(const Snapshot &snapshot, const std::vector<const LibraryEntry *> &chosen);
    void drawForm(const Snapshot &snapshot, const Asked &asked, CommandQueue &commands);
    bool drawFields();
    void drawSurvey(const Snapshot &snapshot, const Survey &survey, CommandQueue &commands);
    void drawState(const Snapshot &snapshot, const Survey &survey, CommandQueue &commands);
    void drawRow(const Survey &survey, const SurveyRow &row, CommandQueue &commands);
    void drawAnswer(const Survey &survey, const SurveyRow &row, CommandQueue &commands);
    void drawLabels(const Survey &survey, const SurveyRow &row, CommandQueue &commands);
    void drawPlace(const SurveyRow &row, size_t place, const std::string &note,
                   CommandQueue &commands);

    std::string question_, labels_;
    bool with_labels_ = false, by_vectors_ = false, wants_focus_ = false;
};

} // namespace longscope::ui
