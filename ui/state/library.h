// The library as panels see it: all documents that are kept, what was found in them, and the
// readings (keys and values) that are kept beside it.
#pragma once

#include "ui/state/survey.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace longscope::ui {

struct LibraryEntry {
    uint64_t id = 0;
    std::string title, path, format;
    int64_t added_unix_s = 0; ///< 0 = not known
    uint64_t text_bytes = 0;
    uint64_t tokens = 0;        ///< by the loaded model's tokenizer; 0 = not counted yet
    uint64_t result_bytes = 0;  ///< kept steps of summaries, vectors
    uint64_t reading_bytes = 0; ///< kept readings that begin as it does
    bool stays = false;         ///< though nothing names it
};

/// A paragraph that has the words.
struct LibraryHit {
    uint64_t document = 0;
    size_t start = 0, end = 0; ///< bytes of its text
    std::string title, place;  ///< "page 12, Supply, paragraph 2"
    std::string snippet;
};

/// What the model made of a text, kept so that it need not be read again.
struct KeptReadingEntry {
    std::string id, title, model;
    uint64_t tokens = 0, bytes = 0;
    int64_t last_used_unix_s = 0;
    bool pinned = false;
    std::string problem; ///< why it is of no use; then title, model and tokens are not known
};

struct LibraryList {
    std::vector<LibraryEntry> documents;    ///< newest first
    uint64_t file_bytes = 0;                ///< of the library's file
    std::vector<KeptReadingEntry> readings; ///< last used first
    uint64_t most_reading_bytes = 0;        ///< 0 = readings are not kept
};

struct LibrarySearch {
    std::string words;
    std::vector<LibraryHit> hits; ///< best first
};

struct LibraryView {
    std::shared_ptr<const LibraryList> list;            ///< null until it was asked for
    std::shared_ptr<const LibrarySearch> search;        ///< the last one; null: none
    std::vector<std::shared_ptr<const Survey>> surveys; ///< newest first
};

} // namespace longscope::ui
