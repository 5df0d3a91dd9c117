#include "app/library_access.h"

#include "app/output.h"
#include "compute/core/error.h"

#include <filesystem>

namespace longscope::app {

using document::Library;

std::unique_ptr<Library> openLibrary(const Options &options) {
    std::filesystem::path folder(libraryFolder(options));
    auto library = std::make_unique<Library>((folder / "library.sqlite").string());
    if (!library->warning().empty())
        printWarning(library->warning());
    return library;
}

std::unique_ptr<Library> tryLibrary(const Options &options) {
    try {
        return openLibrary(options);
    } catch (const Error &error) {
        printWarning(std::string(error.what()) + "; nothing of this run will be kept");
        return nullptr;
    }
}

} // namespace longscope::app
