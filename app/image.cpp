#include "app/image.h"

#include "compute/core/cividis.h"
#include "compute/core/error.h"

#include <png.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <format>

namespace longscope::app {
namespace {

static_assert(std::endian::native == std::endian::little, "the .npy file is little-endian");

constexpr uint32_t kColours = 256;
constexpr uint32_t kSidePixels = 512; ///< that a small picture is enlarged to, about

void append(std::vector<std::byte> &bytes, std::span<const std::byte> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

/// Number of a value's colour.
uint8_t colourOf(float value, float largest) {
    if (!(value > 0) || !(largest > 0))
        return 0;
    double level = 1 - std::log(double{value} / largest) / std::log(kLeastShown);
    return static_cast<uint8_t>(std::lround(std::clamp(level, 0.0, 1.0) * (kColours - 1)));
}

} // namespace

ImageFormat imageFormat(std::string_view path) {
    if (path.ends_with(".npy"))
        return ImageFormat::npy;
    if (path.ends_with(".csv"))
        return ImageFormat::csv;
    if (path.ends_with(".png"))
        return ImageFormat::png;
    fail(ErrorKind::usage, "{} must end in .npy, .csv or .png", path);
}

std::vector<std::byte> encodeNpy(const Matrix &matrix) {
    std::string header =
        std::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", matrix.rows,
                    matrix.columns);
    constexpr size_t kBefore = 10; // magic, version, length of the header
    header.resize((kBefore + header.size() + 1 + 63) / 64 * 64 - kBefore, ' ');
    header.back() = '\n';
    std::string start = "\x93NUMPY";
    for (size_t byte : {size_t{1}, size_t{0}, header.size() % 256, header.size() / 256})
        start.push_back(static_cast<char>(byte));
    std::vector<std::byte> bytes;
    append(bytes, std::as_bytes(std::span(start)));
    append(bytes, std::as_bytes(std::span(header)));
    append(bytes, std::as_bytes(matrix.values));
    return bytes;
}

std::string encodeCsv(const Matrix &matrix, std::string_view corner,
                      std::span<const std::string> row_names,
                      std::span<const std::string> column_names) {
    std::string text(corner);
    for (const std::string &name : column_names)
        text += ',' + name;
    text += '\n';
    for (uint32_t row = 0; row < matrix.rows; ++row) {
        text += row_names[row];
        for (float value : matrix.values.subspan(uint64_t{row} * matrix.columns, matrix.columns))
            text += std::format(",{}", value);
        text += '\n';
    }
    return text;
}

std::vector<std::byte> encodePng(const Matrix &matrix) {
    float largest = matrix.values.empty() ? 0 : std::ranges::max(matrix.values);
    uint32_t side = std::max({matrix.rows, matrix.columns, 1u});
    uint32_t scale = std::max(kSidePixels / side, 1u); // pixels of a cell
    uint32_t width = matrix.columns * scale;
    std::vector<uint8_t> pixels;
    pixels.reserve(uint64_t{matrix.rows} * scale * width);
    for (uint32_t row = 0; row < matrix.rows; ++row) {
        std::vector<uint8_t> line;
        for (float value : matrix.values.subspan(uint64_t{row} * matrix.columns, matrix.columns))
            line.insert(line.end(), scale, colourOf(value, largest));
        for (uint32_t copy = 0; copy < scale; ++copy)
            pixels.insert(pixels.end(), line.begin(), line.end());
    }
    std::vector<uint8_t> palette;
    for (uint32_t i = 0; i < kColours; ++i)
        for (uint8_t part : cividis(i / (kColours - 1.0)))
            palette.push_back(part);

    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = matrix.rows * scale;
    image.format = PNG_FORMAT_RGB_COLORMAP;
    image.colormap_entries = kColours;
    std::vector<std::byte> bytes(PNG_IMAGE_PNG_SIZE_MAX(image));
    png_alloc_size_t size = bytes.size();
    if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.data(), 0,
                                   palette.data()))
        fail(ErrorKind::file, "a picture of {} x {} pixels could not be made: {}", image.width,
             image.height, image.message);
    bytes.resize(size);
    return bytes;
}

} // namespace longscope::app
