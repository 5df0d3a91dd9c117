// How commands that write a whole text part by part end.
#pragma once

#include "app/json_output.h"
#include "app/reading_window.h"
#include "compute/core/clock.h"

#include <optional>

namespace longscope::app {

/// The text to its place, and with --json its parts under `name` beside the figures of the calls.
/// The exit status. `Result`: reading::Rewriting, reading::Composition.
template <class Result>
int giveResult(const Options &options, std::optional<OutputFile> &file, const Result &result,
               const char *name, const nlohmann::json &parts, Clock::time_point start) {
    if (file || !options.json)
        writeResult(file, result.text());
    if (options.json)
        printJson({{"text", result.text()},
                   {name, parts},
                   {"calls", result.calls},
                   {"kept_calls", result.kept_calls},
                   {"prompt_tokens", result.prompt_tokens},
                   {"generated_tokens", result.written_tokens},
                   {"seconds", secondsSince(start)}});
    return result.stopped ? 130 : 0;
}

} // namespace longscope::app
