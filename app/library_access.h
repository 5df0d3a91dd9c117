// The user's library, for every command that reads documents.
#pragma once

#include "app/options.h"
#include "compute/document/library.h"

#include <memory>

namespace longscope::app {

/// Opens it, made when there is none; a damaged file that was kept aside is told as a warning.
/// Throws Error(file) when it cannot be used.
std::unique_ptr<document::Library> openLibrary(const Options &options);

/// The same for commands that can do without: null, after a warning, when it cannot be used.
std::unique_ptr<document::Library> tryLibrary(const Options &options);

} // namespace longscope::app
