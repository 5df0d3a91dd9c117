// The command line's side of the worker: sends a command, shows its progress, hands out its text as
// it comes, and passes Ctrl-C on.
#pragma once

#include "app/options.h"
#include "app/progress.h"
#include "compute/engine/worker.h"

#include <functional>
#include <string_view>

namespace longscope::app {

/// Waits for the end of the command; its last task, done or stopped. Throws the task's Error, with
/// "usage" turned into "model": the command line was right, the model could not do it.
engine::Task follow(engine::Worker &worker, engine::Command command, ProgressLine &line,
                    const std::function<void(std::string_view)> &on_text, std::stop_token stop);

/// Loads the model of the options into the worker. Throws Error(stopped) after Ctrl-C.
engine::ModelFacts loadModel(engine::Worker &worker, const Options &options, ProgressLine &line,
                             std::stop_token stop);

/// "end", "stop string", "length", "window full", "stopped".
std::string_view finishName(engine::Finish finish);

/// Tells on standard error why a text ends early; nothing when it ended by itself.
void noteFinish(const engine::Task &task);

/// The exit status of a task that was followed to its end: 0, or 130 when it was stopped.
int statusOf(const engine::Task &task);

} // namespace longscope::app
