#include "app/window/picture.h"

#include "compute/core/error.h"

#include <png.h>

#include <algorithm>

namespace longscope::window {

Picture crop(const Picture &picture, uint32_t x, uint32_t y, uint32_t width, uint32_t height) {
    Picture part;
    x = std::min(x, picture.width);
    y = std::min(y, picture.height);
    part.width = std::min(width, picture.width - x);
    part.height = std::min(height, picture.height - y);
    part.rgba.reserve(size_t{part.width} * part.height * 4);
    for (uint32_t row = 0; row < part.height; ++row) {
        const size_t from = (size_t{y + row} * picture.width + x) * 4;
        const auto line = picture.rgba.begin() + static_cast<ptrdiff_t>(from);
        part.rgba.insert(part.rgba.end(), line, line + part.width * 4);
    }
    return part;
}

void writePng(const std::string &path, const Picture &picture) {
    std::vector<uint8_t> rgb;
    rgb.reserve(picture.rgba.size() / 4 * 3);
    for (size_t i = 0; i + 3 < picture.rgba.size(); i += 4)
        rgb.insert(rgb.end(), {picture.rgba[i], picture.rgba[i + 1], picture.rgba[i + 2]});
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = picture.width;
    image.height = picture.height;
    image.format = PNG_FORMAT_RGB;
    image.flags = PNG_IMAGE_FLAG_FAST; // without filters, which make flat surfaces larger
    if (!png_image_write_to_file(&image, path.c_str(), 0, rgb.data(), 0, nullptr))
        fail(ErrorKind::file, "the picture {} of {} x {} pixels could not be written: {}", path,
             picture.width, picture.height, image.message);
}

} // namespace longscope::window
