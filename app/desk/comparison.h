// Two ways of attending over the same prompt, one after the other: what they write, what that
// takes, and how far the second one's predictions are from the first one's.
#pragma once

#include "compute/engine/session.h"
#include "ui/state/settings.h"

#include <functional>
#include <string>

namespace longscope::app {

struct CompareWanted {
    ui::Comparison shown;        ///< settings and prompt of both sides
    engine::SessionOptions a, b; ///< window 0 = what the text needs
    std::string document_text;   ///< "" = the prompt alone
    uint64_t reply_tokens = 64;
};

/// Hands out the comparison as it grows. A side that is refused has its error and leaves the other
/// alone. Logits are kept for evenly spaced positions of the prompt's second half only, so that
/// memory stays bounded. Throws Error(stopped), Error(device).
void compare(engine::Engine &engine, const CompareWanted &wanted,
             const std::function<void(const ui::Comparison &)> &on_change,
             const ProgressSink &progress, std::stop_token stop);

} // namespace longscope::app
