// The library: all documents that are kept, words in all of them, questions to several of them, and
// the readings of the model that are kept so that nothing is read twice.
#pragma once

#include "ui/panel.h"
#include "ui/panels/library_surveys.h"

#include <cstdint>
#include <functional>
#include <set>
#include <string>

namespace longscope::ui {

class LibraryPanel : public Panel {
  public:
    /// Brings the document to the front when one was chosen here; may be empty.
    std::function<void()> show_document;

    const char *name() const override { return "Library"; }
    void draw(const Snapshot &snapshot, CommandQueue &commands) override;
    /// The keyboard goes to the question to several documents, or to the labels.
    void beginSurvey(bool labels) {
        words_.clear();
        surveys_.begin(labels);
    }

  private:
    void askForList(const Snapshot &snapshot, CommandQueue &commands);
    void drawSearch(CommandQueue &commands);
    void drawHits(const LibrarySearch &search, CommandQueue &commands);
    void drawDocuments(const Snapshot &snapshot, const LibraryList &list, CommandQueue &commands);
    void drawDocumentTable(const Snapshot &snapshot, const LibraryList &list,
                           CommandQueue &commands);
    void drawDocumentHeader(const LibraryList &list);
    void drawDocument(const LibraryEntry &entry, bool is_open, CommandQueue &commands);
    void drawDocumentMenu(const LibraryEntry &entry, CommandQueue &commands);
    void drawSurveys(const Snapshot &snapshot, const LibraryList &list, CommandQueue &commands);
    void drawReadings(const LibraryList &list, CommandQueue &commands);
    void drawReading(const KeptReadingEntry &reading, CommandQueue &commands);
    void drawQuestion(CommandQueue &commands);
    void open(uint64_t document, size_t byte, CommandQueue &commands);

    std::string words_;
    int drawn_frame_ = -2;
    bool was_busy_ = false;
    std::set<uint64_t> chosen_; ///< documents that are ticked
    LibrarySurveys surveys_;
    LibraryEntry leaving_; ///< the document that is about to be removed; id 0 = none
    bool asks_ = false;    ///< the question opens in this frame
};

} // namespace longscope::ui
