// The tokens of a session as text, told apart by what was sent: what axes, strips and traces are
// made of. Pure; knows neither engine nor threads.
#pragma once

#include "app/desk/parts.h"
#include "compute/attention/pattern.h"
#include "compute/model/tokenizer.h"

#include <memory>
#include <span>
#include <string_view>

namespace longscope::app {

/// Pieces are looked for in order; what lies between them is of kind special. A piece that was cut
/// (a reading that was stopped) ends with the tokens. `document_text`: of sent.document.
std::shared_ptr<ui::Timeline> makeTimeline(const model::Tokenizer &tokenizer,
                                           std::span<const model::Token> tokens,
                                           const AttentionPart::Sent &sent,
                                           std::string_view document_text);

/// Tokens that have some of the bytes start .. end - 1 of the timeline's text.
attention::Interval tokensOfBytes(const ui::Timeline &timeline, size_t start, size_t end);
/// Tokens that have some of the bytes start .. end - 1 of the document; empty where they were not
/// read.
attention::Interval tokensOfDocument(const ui::Timeline &timeline, size_t start, size_t end);
const ui::Timeline::Part *documentPart(const ui::Timeline &timeline);
/// Null when the message is not among the tokens.
const ui::Timeline::Part *messagePart(const ui::Timeline &timeline, uint64_t message);
std::string_view textOf(const ui::Timeline &timeline, const ui::Timeline::Part &part);

/// Tokens of a message that are the bytes start .. end - 1 of its text as it is shown; the place
/// nearest to where they stand there, because shown texts are cleaned. Empty when the words are not
/// among the tokens.
attention::Interval tokensOfMessage(const ui::Timeline &timeline, const ui::Timeline::Part &part,
                                    std::string_view message_text, size_t start, size_t end);

} // namespace longscope::app
