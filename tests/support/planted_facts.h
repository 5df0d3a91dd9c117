// Twenty facts at known places of a long, varied text, and questions for them in three wordings.
// Chapters are about the same things, so that single words do not give the facts away.
#pragma once

#include "compute/document/document.h"

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace longscope::testing {

/// How much of the fact's wording its question has.
enum class Wording {
    close,   ///< as asks who knows what the text is about: two or three of its words
    loose,   ///< a name, or one ordinary word
    distant, ///< hardly a word
};

struct PlantedFact {
    std::string fact;
    std::array<std::string, 3> questions; ///< by Wording
    size_t start = 0, end = 0;            ///< bytes of the document's text
    const std::string &question(Wording wording) const {
        return questions[static_cast<size_t>(wording)];
    }
};

struct PlantedDocument {
    document::Document document;
    std::vector<PlantedFact> facts; ///< in document order, evenly spread
};

/// Made-up chapters with the texts of `folder` (text.txt, harbour.md, bees.txt) between them, about
/// 50 000 tokens; the same each time. `seed` chooses the made-up sentences and the facts' order.
PlantedDocument makePlantedDocument(const std::string &folder, unsigned seed = 1);

/// Questions about the same things that the document does not answer.
std::vector<std::string> unanswerableQuestions();

} // namespace longscope::testing
