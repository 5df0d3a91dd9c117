// The options of the command `library`, and those of what is kept of a reading.
#pragma once

#include "app/options.h"

namespace CLI {
class App;
}

namespace longscope::app {

void addLibrary(CLI::App &app, Options &options);
/// --no-keep, --keep-most.
void addKeeping(CLI::App *command, Options &options);
/// Throws CLI::ValidationError where an action has too few or too many words.
void checkLibrary(const Options &options);

} // namespace longscope::app
