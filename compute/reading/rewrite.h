// Long to long: a text translated or rewritten part by part, with terms, names and numbers kept the
// same from part to part, and its headings where they were. Each part is a step that is kept, so
// that a stopped run goes on where it was.
#pragma once

#include "compute/document/document.h"
#include "compute/document/result_store.h"
#include "compute/reading/glossary.h"
#include "compute/reading/text_model.h"

namespace longscope::reading {

struct RewriteOptions {
    std::string instruction{}; ///< "Write it for children."; may be empty with a language
    std::string language{};    ///< "German": translate; "" = rewrite
    std::vector<Term> terms{};
    bool keep_names = true;     ///< names found in the text are terms that stay as they are
    uint64_t part_tokens = 400; ///< most of a part; fewer where the window is small
    engine::SamplingOptions sampling = greedySampling();
};

struct RewrittenPart {
    enum class Kind { heading, text, kept /**< tables, code: as they were */ };
    Kind kind = Kind::text;
    size_t start = 0, end = 0; ///< bytes of the document; equal for a title that has no line there
    unsigned level = 0;        ///< of a heading
    std::string text{};
    /// What the result should have and has not: terms "pier = jetée", names, numbers.
    std::vector<std::string> missing_terms{}, missing_names{}, missing_numbers{};
    std::vector<std::string> added_numbers{}; ///< which the source has not
    bool cut = false;                         ///< ended at its length, or because it looped
    bool inside_sentence = false; ///< begins or ends inside one that is too long for a part

    size_t problems() const {
        return missing_terms.size() + missing_names.size() + missing_numbers.size() +
               added_numbers.size() + cut;
    }
};

struct Rewriting {
    std::vector<RewrittenPart> parts;   ///< in the order of the document
    bool stopped = false;               ///< then the last parts are missing
    uint64_t calls = 0, kept_calls = 0; ///< kept: found in the store, not made again
    uint64_t prompt_tokens = 0, written_tokens = 0;

    size_t insideSentences() const; ///< parts that begin or end inside a sentence
    /// Headings as Markdown, parts with an empty line between them.
    std::string text() const;
};

/// `on_part` gets each part when it is done. A part with problems is tried once more, and the
/// better one kept. Throws Error(usage): neither instruction nor language, a window too small; and
/// what the model throws.
Rewriting rewriteDocument(TextModel &model, const document::Document &document,
                          const RewriteOptions &options, document::ResultStore &store,
                          const std::function<void(const RewrittenPart &)> &on_part,
                          const ProgressSink &progress, std::stop_token stop);

} // namespace longscope::reading
