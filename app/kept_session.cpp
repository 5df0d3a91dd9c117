#include "app/kept_session.h"

#include "app/output.h"
#include "compute/core/error.h"

#include <filesystem>
#include <format>

namespace longscope::app {

std::optional<std::string> restoreKept(engine::Worker &worker, const Options &options,
                                       ProgressLine &line, std::stop_token stop) {
    std::error_code unknown; // what cannot be looked at is told when it is opened
    if (options.session.empty() || (!std::filesystem::exists(options.session, unknown) && !unknown))
        return std::nullopt;
    engine::Task task = follow(worker, engine::RestoreSession{options.session}, line, {}, stop);
    if (task.state == engine::TaskState::stopped) // or less would be saved at the end
        fail(ErrorKind::stopped, "stopped before the session was there");
    if (!options.quiet)
        printNote(
            std::format("longscope: {} tokens come from {}", task.reused_tokens, options.session));
    return task.text;
}

void keepSession(engine::Worker &worker, const Options &options, ProgressLine &line,
                 std::string note) {
    if (options.session.empty() || worker.snapshot()->used_tokens == 0)
        return;
    // A fresh stop token: Ctrl-C ended the reading, and what was read is worth keeping.
    follow(worker, engine::SaveSession{options.session, std::move(note)}, line, {}, {});
}

} // namespace longscope::app
