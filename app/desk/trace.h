// "Where did that come from": how the attention that wrote some words is spread over the document.
#pragma once

#include "compute/document/document.h"
#include "compute/engine/session.h"
#include "ui/state/attention.h"
#include "ui/state/document.h"

#include <memory>
#include <string>
#include <vector>

namespace longscope::app {

struct TraceWanted {
    uint64_t message = 0;
    std::string message_text;
    size_t start = 0, end = 0; ///< bytes of it
    std::shared_ptr<const ui::Timeline> timeline;
    std::shared_ptr<const document::Document> document;
};

/// The spans are those that got more attention than the text before the answer gave them; the one
/// that gained most comes first (its share may be smaller than that of another).
/// On the engine's thread. Throws Error(usage) when the words or the document are not among the
/// tokens that the session holds.
std::shared_ptr<const ui::Trace> traceWords(engine::Session &session, const TraceWanted &wanted,
                                            std::stop_token stop);

/// Its spans, for the document view.
std::vector<ui::Mark> marksOf(const ui::Trace &trace);

} // namespace longscope::app
