// Several replies at once: where branches are possible, prompts share what they have in common,
// equal prompts are read once, and every step writes a token of each reply. Much faster than one
// after another, because the weights are read once a step.
#pragma once

#include "compute/engine/generate.h"

#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace longscope::engine {

struct TogetherRequest {
    std::vector<Token> prompt;
    GenerateOptions options;
};

/// The window in which all of them can be written at once.
uint64_t tokensTogether(std::span<const TogetherRequest> requests);

/// `on_text` gets all finished text of a reply so far and answers whether it shall go on; false
/// ends that reply alone, with Finish::stopped. What does not fit the window at once is written in
/// turns; where the session can hold no branches, one after another. The seconds of shared work are
/// divided among the replies; the first of equal prompts is the one that read it. Throws
/// Error(usage) as generate does, before anything is read; a stop keeps what was written.
using OnTextOf = std::function<bool(size_t request, std::string_view so_far)>;
std::vector<Generated> generateTogether(Session &session, std::span<const TogetherRequest> requests,
                                        const OnTextOf &on_text, const ProgressSink &progress = {},
                                        std::stop_token stop = {});

} // namespace longscope::engine
