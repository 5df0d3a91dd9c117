// Random choices that are the same everywhere and forever: BigBird's random blocks. Inside
// compute/attention only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace longscope::attention {

/// SplitMix64 (Steele 2014): the state is a counter, so any point can be reached at once.
inline uint64_t scramble(uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

/// min(wanted, count) different numbers of first .. first + count - 1, sorted; every set is equally
/// likely (Floyd's sampling, Bentley 1987).
inline std::vector<uint64_t> randomSubset(uint64_t first, uint64_t count, uint64_t wanted,
                                          uint64_t seed, uint64_t row) {
    wanted = std::min(wanted, count);
    std::vector<uint64_t> chosen;
    chosen.reserve(wanted);
    const uint64_t state = scramble(scramble(seed) ^ row);
    for (uint64_t top = count - wanted; top < count; top++) {
        uint64_t candidate = first + scramble(state + top) % (top + 1);
        auto at = std::ranges::lower_bound(chosen, candidate);
        if (at != chosen.end() && *at == candidate)
            chosen.push_back(first + top); // larger than all before
        else
            chosen.insert(at, candidate);
    }
    return chosen;
}

} // namespace longscope::attention
