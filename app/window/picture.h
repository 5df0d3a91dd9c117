// A picture in memory, and its file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace longscope::window {

struct Picture {
    uint32_t width = 0, height = 0;
    std::vector<uint8_t> rgba; ///< [height, width, 4], rows from the top
};

/// The part that starts at (x, y), cut where the picture ends.
Picture crop(const Picture &picture, uint32_t x, uint32_t y, uint32_t width, uint32_t height);

/// Without the alpha channel. Throws Error(file) when it cannot be written.
void writePng(const std::string &path, const Picture &picture);

} // namespace longscope::window
