// What a long task tells about itself while it runs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace longscope {

struct Progress {
    std::string label;       ///< "reading", "loading model.gguf"
    std::string unit;        ///< "tokens", "MiB"
    uint64_t done = 0;       ///< in units
    uint64_t total = 0;      ///< in units; 0 = not known
    double seconds = 0;      ///< since the task began
    double remaining_s = -1; ///< honest estimate; negative = not known
};

using ProgressSink = std::function<void(const Progress &)>;

} // namespace longscope
