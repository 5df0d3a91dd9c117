// Device and host memory: what is booked, what was, and what is forecast.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace longscope::ui {

struct MemoryPart {
    std::string name; ///< as the device books it: "weights", "kv", ...
    uint64_t bytes = 0;
};

/// Everything at one context length (its parts always in the same order).
struct MemoryPoint {
    uint64_t tokens = 0; ///< forecast: of the window; measured: of the window that was booked
    std::vector<MemoryPart> parts;
    uint64_t total() const {
        uint64_t sum = 0;
        for (const MemoryPart &part : parts)
            sum += part.bytes;
        return sum;
    }
};

struct MemoryForecast {
    std::string setting;                             ///< "window:1024, cache q8_0"
    std::vector<MemoryPoint> points;                 ///< rising tokens
    std::vector<uint64_t> layer_bytes, layer_tokens; ///< of the cache at the current window
    std::vector<uint64_t> layer_state_bytes; ///< of recurrent layers, whatever the window; else 0
    uint64_t reach = 0;                      ///< tokens that the positions reach; UINT64_MAX: any
    struct Longest {
        std::string pattern;
        std::vector<uint64_t> tokens; ///< by type of the cache: f32 f16 bf16 q8_0 q4_0
    };
    std::vector<Longest> longest; ///< windows that fit, whatever the positions reach
};

struct Memory {
    std::vector<MemoryPart> now;
    uint64_t used_tokens = 0, window_tokens = 0;
    uint64_t forgotten_tokens = 0; ///< of the used ones, that no layer sees any more
    std::shared_ptr<const std::vector<MemoryPoint>> measured; ///< one a window that was booked
    /// Used tokens and bytes over time while something runs: the newest 2000 samples.
    struct Sample {
        double seconds = 0;
        uint64_t tokens = 0, device_bytes = 0, host_bytes = 0;
    };
    std::shared_ptr<const std::vector<Sample>> samples;
    std::shared_ptr<const MemoryForecast> forecast;
    uint64_t device_bytes = 0;                     ///< all of the device
    uint64_t budget_bytes = 0;                     ///< free for us plus what we have
    uint64_t host_bytes = 0, host_total_bytes = 0; ///< of this process; of the computer
    std::string warning; ///< before it is too late: a sentence, "" when all is well
};

} // namespace longscope::ui
