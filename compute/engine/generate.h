// Reads a prompt and writes: the loop of prefill, sample, decode, with stop strings and streaming
// text that never ends in half a character.
#pragma once

#include "compute/engine/sampler.h"
#include "compute/engine/session.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::engine {

struct GenerateOptions {
    SamplingOptions sampling;
    uint64_t max_tokens = 512;
    std::vector<std::string> stop_strings; ///< not part of the text
    bool show_special = false;
};

enum class Finish { end_of_text, stop_string, length, window_full, stopped };

struct Generated {
    std::string text;
    std::vector<Token> tokens; ///< written, without the prompt; the end token is not kept
    Finish finish = Finish::length;
    ReadResult prompt;
    double decode_seconds = 0;
};

/// `on_text` gets each new piece of finished text; text that may yet become a stop string is held
/// back. Throws Error(usage) "needs N tokens, window M" before reading when the prompt does not
/// fit. A stop keeps what was read and written.
Generated generate(Session &session, std::span<const Token> prompt, const GenerateOptions &options,
                   const std::function<void(std::string_view)> &on_text,
                   const ProgressSink &progress = {}, std::stop_token stop = {});

} // namespace longscope::engine
