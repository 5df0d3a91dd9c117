// Where a sentence comes from: the spans of the documents whose words, numbers and names it has.
// Says what can be shown, and plainly that there is nothing.
#pragma once

#include "compute/document/document.h"
#include "compute/reading/support.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

struct Source {
    size_t document = 0;       ///< index among those given
    size_t start = 0, end = 0; ///< bytes of its text, whole sentences
    double score = 0;          ///< confidence, 0 to 1
};

/// A sentence of a summary or an answer.
struct SourcedSentence {
    std::string text;
    bool quoted = false;         ///< word for word from its only source
    bool supported = false;      ///< the support check (support.h)
    std::vector<Source> sources; ///< best first; empty: no source found
};

} // namespace longscope::reading
