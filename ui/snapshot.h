// All that panels may know: an immutable picture of the program's state, made by whoever answers
// commands (command.h). Big things are shared, so that a copy is cheap.
#pragma once

#include "compute/core/progress.h"
#include "ui/state/attention.h"
#include "ui/state/chat.h"
#include "ui/state/document.h"
#include "ui/state/library.h"
#include "ui/state/memory.h"
#include "ui/state/model.h"
#include "ui/state/preferences.h"
#include "ui/state/settings.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace longscope::ui {

/// Something that takes time. Those that wait are shown too.
struct TaskView {
    uint64_t id = 0;
    std::string title; ///< "Summarize harbour.md"
    Progress progress; ///< label, done of total in units, remaining seconds
    double rate = 0;   ///< units a second, 0 = not known
    bool running = false, stopping = false;
    bool aside = false; ///< beside the engine: counting, importing, forecasting
};

enum class NoticeKind { info, warning, error };
struct Notice {
    uint64_t id = 0;
    NoticeKind kind = NoticeKind::info;
    std::string text;    ///< one sentence
    std::string details; ///< to copy; may be empty
    std::string undo;    ///< label of a button that takes it back ("Undo"); empty = none
    double age_seconds = 0;
};

struct Snapshot {
    uint64_t version = 0;
    std::shared_ptr<const Model> model; ///< null: none is loaded
    std::shared_ptr<const LoadForecast> load_forecast;
    Documents documents;
    LibraryView library;
    Chat chat;
    Attention attention;
    Memory memory;
    Patterns patterns;
    Cost cost;
    Machine machine;
    Preferences preferences;
    Paths paths;
    std::vector<TaskView> tasks; ///< of the engine, the first one runs; then those beside it
    std::vector<Notice> notices; ///< newest last
    double prompt_tokens_per_second = 0, write_tokens_per_second = 0; ///< of the last run
    /// Text for the clipboard; taken whenever `clipboard_count` has changed.
    uint64_t clipboard_count = 0;
    std::shared_ptr<const std::string> clipboard;

    /// The engine works, or will at once.
    bool busy() const { return !tasks.empty() && !tasks.front().aside; }
};

} // namespace longscope::ui
