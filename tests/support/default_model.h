// Finds the default model on this machine; the tests that need it fail with a sentence without it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace longscope::testing {

/// Path of the default model, "" when app/setup.sh has not fetched it yet.
inline std::string findDefaultModel() {
    const char *data = std::getenv("XDG_DATA_HOME");
    const char *home = std::getenv("HOME");
    std::filesystem::path folder = data && *data ? std::filesystem::path(data)
                                   : home        ? std::filesystem::path(home) / ".local/share"
                                                 : std::filesystem::path();
    auto path = folder / "longscope/models/SmolLM2-135M-Instruct.Q4_1.gguf";
    return std::filesystem::exists(path) ? path.string() : "";
}

inline constexpr const char *kNoDefaultModel =
    "the default model is missing: run app/setup.sh once, it fetches it";

} // namespace longscope::testing
