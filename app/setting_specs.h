// Ways of attending as short texts, and what an engine's session makes of them.
#pragma once

#include "compute/engine/session_options.h"

#include <string>

namespace longscope::app {

/// `attention`: patterns by layers, separated by spaces ("window:256@0-3 full@4-29"); reads the file
/// of a "blocks:FILE". What is "" stays as it is. Throws Error(usage) that names the part, and
/// Error(file).
void applySpecs(engine::SessionOptions &session, const std::string &attention,
                const std::string &rope, const std::string &evict);

} // namespace longscope::app
