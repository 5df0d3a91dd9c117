// Ctrl-C: the first asks the running work to stop and keeps what was written, the second ends the
// program at once.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

namespace longscope::app {

/// To be called before any thread is started: a thread of its own waits for SIGINT from then on.
/// A closed standard output becomes an error of the write instead of a signal.
void watchInterrupts();
/// Stop is requested by Ctrl-C.
std::stop_token interruptToken();

/// One line of standard input without its end; nullopt at the end of the input. Throws
/// Error(stopped) when Ctrl-C comes while waiting.
std::optional<std::string> readLine();

} // namespace longscope::app
