// The places of a document that a model looked at while it wrote a sentence.
#pragma once

#include "compute/reading/sources.h"
#include "compute/reading/text_model.h"

#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace longscope::reading {

/// Sentences, and paragraphs that have none (headings, tables, code), in order.
std::vector<document::Span> partsOf(const document::Document &document);

/// Text of a document as it stands in a prompt.
struct ReadText {
    std::string text;
    std::vector<document::Span> parts; ///< bytes of `text`
    std::vector<Source> places;        ///< of each part in the document

    /// Appends a span of the document; `parts`: of the document, as partsOf gives them.
    void append(const document::Document &document, std::span<const document::Span> parts,
                document::Span span);
};

/// All of a document.
ReadText wholeText(const document::Document &document);

/// Fills in `attended` of sentences that the model has just written, as far as it shows its
/// attention; the work of a second reading of these sentences. A stop leaves them as they are.
void addAttended(TextModel &model, const ReadText &read, std::span<SourcedSentence> sentences,
                 std::stop_token stop);

} // namespace longscope::reading
