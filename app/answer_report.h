// How answers are shown: as text, several documents as a table, or as JSON.
#pragma once

#include "compute/reading/ask.h"

#include <nlohmann/json.hpp>

#include <span>
#include <vector>

namespace longscope::app {

/// The answer with the places of its sentences, then the places that were looked at.
void printAnswer(const document::Document &document, const reading::Answer &answer);

/// One row a document: answer, place, score. `answers[i]` is of `documents[i]`.
void printAnswerTable(std::span<const document::Document> documents,
                      std::span<const reading::Answer> answers);

/// {"question", "text", "found", "confidence", "sentences", "sources", "coverage", "strategy",
/// "reason", "calls", "prompt_tokens", "generated_tokens"}; of several documents those of the best
/// answer, and "table" with {"file", "found", "text", "score", "source"} for each.
nlohmann::json answerJson(std::span<const document::Document> documents,
                          std::span<const reading::Answer> answers);

} // namespace longscope::app
