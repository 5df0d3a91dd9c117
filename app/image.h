// Matrices of numbers as files: NumPy's .npy, .csv with ranges as headings, and .png pictures in
// colours that grey and colour-blind eyes can order. Knows nothing of what the numbers mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::app {

enum class ImageFormat { npy, csv, png };
/// By the ending of the path. Throws Error(usage) that names the three.
ImageFormat imageFormat(std::string_view path);

/// [rows, columns], not negative.
struct Matrix {
    std::span<const float> values;
    uint32_t rows = 0, columns = 0;
};

/// Version 1.0, little-endian float32 in C order.
std::vector<std::byte> encodeNpy(const Matrix &matrix);

/// One line a row; `row_names` and `column_names` stand before and above the numbers.
std::string encodeCsv(const Matrix &matrix, std::string_view corner,
                      std::span<const std::string> row_names,
                      std::span<const std::string> column_names);

/// The colours go from the largest value down to this part of it; smaller ones look like 0.
constexpr double kLeastShown = 1e-4;

/// A picture with a palette of 256 colours, in which the logarithm of a value counts. Each cell is
/// a square of the same whole number of pixels, more than one where the matrix is small. Throws
/// Error(file) when it cannot be made.
std::vector<std::byte> encodePng(const Matrix &matrix);

} // namespace longscope::app
