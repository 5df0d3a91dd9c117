#include "app/paths.h"

#include "compute/core/error.h"

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace longscope::app {

namespace fs = std::filesystem;

std::string dataFolder() {
    const char *data = std::getenv("XDG_DATA_HOME");
    if (data && fs::path(data).is_absolute()) // the XDG specification ignores relative paths
        return (fs::path(data) / "longscope").string();
    const char *home = std::getenv("HOME");
    if (!home || !*home)
        fail(ErrorKind::file, "there is no data folder: neither XDG_DATA_HOME nor HOME is set");
    return (fs::path(home) / ".local/share/longscope").string();
}

std::string portableFolder() {
    std::error_code code;
    fs::path program = fs::read_symlink("/proc/self/exe", code);
    if (code)
        fail(ErrorKind::file, "the program does not know where it is: {}", code.message());
    return (program.parent_path() / "longscope-data").string();
}

std::string defaultModelPath() {
    return (fs::path(dataFolder()) / "models/SmolLM2-135M-Instruct.Q4_1.gguf").string();
}

std::string sampleDocumentPath() {
    std::vector<fs::path> folders;
    std::error_code code;
    fs::path program = fs::read_symlink("/proc/self/exe", code);
    if (!code) { // beside it, in build/PRESET of the project, or installed in bin
        fs::path folder = program.parent_path();
        folders = {folder / "assets", folder / "../../assets", folder / "../../../assets",
                   folder / "../share/longscope"};
    }
    folders.emplace_back(fs::path(LONGSCOPE_SOURCE_DIR) / "assets");
    for (const fs::path &folder : folders)
        if (fs::exists(folder / "sample.md", code))
            return (folder / "sample.md").lexically_normal().string();
    fail(ErrorKind::file, "the sample document sample.md is not beside the program ({})",
         program.parent_path().string());
}

} // namespace longscope::app
