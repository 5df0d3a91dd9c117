// The options of the command `library`.
#pragma once

#include "app/options.h"

namespace CLI {
class App;
}

namespace longscope::app {

void addLibrary(CLI::App &app, Options &options);
/// Throws CLI::ValidationError where an action has too few or too many words.
void checkLibrary(const Options &options);

} // namespace longscope::app
