// A place of a document, as commands show it.
#pragma once

#include "compute/document/document.h"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>

namespace longscope::app {

/// {"file", "start", "end", "text", "page", "heading", "paragraph", "score"}: bytes of the imported
/// text; page and heading are null where there is none.
nlohmann::json sourceJson(const document::Document &document, size_t start, size_t end,
                          double score);

} // namespace longscope::app
