// `--session FILE`: what was read comes from the file at the beginning and goes there at the end.
#pragma once

#include "app/follow.h"

#include <optional>
#include <string>

namespace longscope::app {

/// The text that was saved with the session, after the model was loaded; nothing when there is no
/// such option or no such file yet. Throws Error(file) when the file does not fit: it stays as it
/// is, and the command ends.
std::optional<std::string> restoreKept(engine::Worker &worker, const Options &options,
                                       ProgressLine &line, std::stop_token stop);

/// Writes what was read, if something was, also after Ctrl-C.
void keepSession(engine::Worker &worker, const Options &options, ProgressLine &line,
                 std::string note = {});

} // namespace longscope::app
