// Where a model looked while it wrote a sentence, by the parts of what it had read. It shows where
// the attention was, not why the sentence was written, and not that it is true.
#pragma once

#include "compute/attention/pattern.h"
#include "compute/document/sentences.h"

#include <stop_token>
#include <string>
#include <vector>

namespace longscope::engine {
class Session;
}

namespace longscope::reading {

/// About the last prompt and its reply.
struct AttendedRequest {
    std::string text;                   ///< as it stands in the prompt
    std::vector<document::Span> parts;  ///< bytes of it, in order
    std::vector<std::string> sentences; ///< of the reply, in order
};

/// [sentences, parts]: share of the attention of all layers and heads that the sentence's tokens
/// gave to the part, beyond what the tokens between text and reply gave to it. What these look at,
/// too, says nothing about the sentence: the first sentence of a document draws attention from
/// everywhere. Negative where a part got less than that. A sentence that is not found in the reply
/// as it was written has no row.
using AttendedShares = std::vector<std::vector<double>>;

/// The queries of the tokens between a text that ends at token `text_end` and a reply that begins
/// at `reply_first`, at most 64, from `first_shown` on. Of 20 facts of two short texts
/// (SmolLM2-135M, answers given) the true sentence came first 8 times by share, 20 times by what it
/// has beyond these queries.
attention::Interval controlQueries(uint64_t text_end, uint64_t reply_first,
                                   uint64_t first_shown = 0);

/// Of a session that holds prompt and reply; `prompt_tokens` of them are the prompt. On the
/// engine's thread; the session stays as it is. Empty when the session cannot show it: it has
/// forgotten tokens (windows, eviction), or does not hold the text. Throws Error(stopped).
AttendedShares attendedParts(engine::Session &session, uint64_t prompt_tokens,
                             const AttendedRequest &request, std::stop_token stop);

} // namespace longscope::reading
