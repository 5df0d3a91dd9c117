// Where things lie: the user's data folder (XDG) and the files beside the program.
#pragma once

#include <string>

namespace longscope::app {

/// `$XDG_DATA_HOME/longscope`, or `~/.local/share/longscope`. Throws Error(file) without a home.
std::string dataFolder();
/// `longscope-data` beside the program, for `run --portable` and whenever that folder is there.
std::string portableFolder();
std::string defaultModelPath();
/// assets/sample.md beside the program or in the project. Throws Error(file) when there is none.
std::string sampleDocumentPath();

} // namespace longscope::app
