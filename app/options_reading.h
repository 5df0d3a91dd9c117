// What the commands that read documents may be told; part of options.cpp.
#pragma once

#include "app/options.h"

#include <CLI/App.hpp>

namespace longscope::app {

CLI::Option *addFiles(CLI::App *command, Options &o, const char *what);
void addSession(CLI::App *command, Options &o);
/// summarize, ask, classify, rewrite, compose, chat and what measures them.
void addReading(CLI::App &app, Options &o);
/// Throws CLI::ValidationError for what does not go together.
void checkTasks(const Options &o);

} // namespace longscope::app
