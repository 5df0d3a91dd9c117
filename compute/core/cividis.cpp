#include "compute/core/cividis.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>

namespace longscope {
namespace {

/// Ten published colours at equal distances, dark to light.
constexpr uint8_t kCividis[][3] = {{0x00, 0x22, 0x4e}, {0x12, 0x35, 0x70}, {0x3b, 0x49, 0x6c},
                                   {0x57, 0x5d, 0x6d}, {0x70, 0x71, 0x73}, {0x8a, 0x86, 0x78},
                                   {0xa5, 0x9c, 0x74}, {0xc3, 0xb3, 0x69}, {0xe1, 0xcc, 0x55},
                                   {0xfe, 0xe8, 0x38}};

} // namespace

std::array<uint8_t, 3> cividis(double level) {
    constexpr size_t kLast = std::size(kCividis) - 1;
    double place = std::clamp(level, 0.0, 1.0) * kLast;
    size_t below = std::min(static_cast<size_t>(place), kLast - 1);
    double part = place - static_cast<double>(below);
    std::array<uint8_t, 3> colour{};
    for (size_t i = 0; i < colour.size(); ++i)
        colour[i] = static_cast<uint8_t>(
            std::lround(std::lerp(kCividis[below][i], kCividis[below + 1][i], part)));
    return colour;
}

} // namespace longscope
