// A place of a document, as commands show it.
#pragma once

#include "compute/document/document.h"
#include "compute/reading/sources.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>

namespace longscope::app {

/// {"file", "start", "end", "text", "page", "heading", "paragraph", "score"}: bytes of the imported
/// text; page and heading are null where there is none.
nlohmann::json sourceJson(const document::Document &document, size_t start, size_t end,
                          double score);

/// {"kind", "file", "text", "supported", "sources", "attended"}: a sentence of a summary or an
/// answer; the last are places as above, with the share of attention as their score.
nlohmann::json sentenceJson(const document::Document &document,
                            const reading::SourcedSentence &sentence);

} // namespace longscope::app
