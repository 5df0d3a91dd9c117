// Time that passes while the program works.
#pragma once

#include <chrono>

namespace longscope {

using Clock = std::chrono::steady_clock;

inline double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

} // namespace longscope
