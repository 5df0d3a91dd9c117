// Short to long: a text written from an outline, section by section. Each section sees the whole
// outline, a short text of what was written and its last sentences; it is a step that is kept, so
// that a stopped run goes on and a changed section redoes what follows it.
#pragma once

#include "compute/document/result_store.h"
#include "compute/reading/text_model.h"

namespace longscope::reading {

struct OutlineItem {
    std::string title;
    unsigned level = 1;
    std::string notes;   ///< what the outline says below it
    bool written = true; ///< false: only a heading, its parts follow
};

struct Outline {
    std::string about; ///< what stands before the first item
    std::vector<OutlineItem> items;
};

/// Markdown headings with notes below them; without headings each line is an item, its level by
/// how far it is indented. Throws Error(file) when there is no item.
Outline readOutline(std::string_view text, std::string_view path);

/// Little freedom, and the same each time.
engine::SamplingOptions composeSampling();

struct ComposeOptions {
    unsigned words = 800; ///< of the whole text, shared out equally
    std::string instruction{};
    engine::SamplingOptions sampling = composeSampling();
};

struct ComposedSection {
    OutlineItem item;
    unsigned wanted_words = 0;
    size_t words = 0;
    std::string text;         ///< "" of a heading alone
    unsigned repetitions = 0; ///< sentences left out because they say again what was said
};

struct Composition {
    std::vector<ComposedSection> sections;
    bool stopped = false;
    uint64_t calls = 0, kept_calls = 0; ///< kept: found in the store, not made again
    uint64_t prompt_tokens = 0, written_tokens = 0;

    std::string text() const; ///< Markdown
};

/// Throws Error(usage) with both numbers when outline and section do not fit the window, and what
/// the model throws. A stop keeps the sections that are whole.
Composition compose(TextModel &model, const Outline &outline, const ComposeOptions &options,
                    document::ResultStore &store,
                    const std::function<void(const ComposedSection &)> &on_section,
                    const ProgressSink &progress, std::stop_token stop);

} // namespace longscope::reading
