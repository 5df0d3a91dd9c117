// What the tests of recurrent kernels need: inputs as columns of wider rows whose other columns are
// NaN, dispatches in pieces of rows, and the tiles of the scans.
#pragma once

#include "compute/engine/recurrent.h"
#include "tests/support/kernel_check.h"

#include <algorithm>
#include <span>

namespace longscope::test {

/// Rows on the device, of which some columns are of interest.
struct Wide {
    gpu::Buffer buffer;
    uint32_t stride = 0, column = 0;
    uint64_t at(uint32_t row) const {
        return buffer.address() + (uint64_t{row} * stride + column) * sizeof(float);
    }
};

/// Dense [rows, columns] as columns of rows of `stride` floats, `column` the first.
inline Wide widen(const std::vector<float> &dense, uint32_t columns, uint32_t stride,
                  uint32_t column = 0) {
    size_t rows = dense.size() / columns;
    std::vector<float> values(rows * stride, std::nanf(""));
    for (size_t row = 0; row < rows; ++row)
        std::copy_n(&dense[row * columns], columns, &values[row * stride + column]);
    return {upload(values), stride, column};
}

/// Several parts side by side in one row, each beginning at a multiple of `step`.
struct Part {
    const std::vector<float> *dense;
    uint32_t columns;
};
struct Joined {
    gpu::Buffer buffer;
    uint32_t stride = 0;
    std::vector<uint32_t> columns;
    uint64_t at(size_t part, uint32_t row) const {
        return buffer.address() + (uint64_t{row} * stride + columns[part]) * sizeof(float);
    }
};
inline Joined join(std::initializer_list<Part> parts, uint32_t rows, uint32_t step) {
    Joined joined;
    for (const Part &part : parts) {
        joined.columns.push_back(joined.stride);
        joined.stride += (part.columns + step - 1) / step * step;
    }
    std::vector<float> values(rows * joined.stride, std::nanf(""));
    size_t index = 0;
    for (const Part &part : parts) {
        for (size_t row = 0; row < rows; ++row)
            std::copy_n(&(*part.dense)[row * part.columns], part.columns,
                        &values[row * joined.stride + joined.columns[index]]);
        ++index;
    }
    joined.buffer = upload(values);
    return joined;
}

/// One dispatch, waited for, with subgroups of the tile's lanes.
template <class Params>
void runScan(const gpu::Kernel &kernel, uint32_t flags, uint32_t keys, const engine::ScanTile &tile,
             const Params &params, gpu::Groups groups) {
    gpu::Device &device = gpu::testDevice();
    const gpu::Pipeline *pipeline =
        &gpu::findPipeline(device, kernel,
                           {{SPEC_FLAGS, flags},
                            {SPEC_SCAN_KEYS, keys},
                            {SPEC_SCAN_SPLIT, tile.split},
                            {SPEC_SCAN_LANES, tile.lanes},
                            {SPEC_SCAN_WIDE, tile.wide}},
                           {.local_size = tile.local, .subgroup_size = tile.lanes});
    gpu::Recorder recorder(device);
    recorder.dispatch(*pipeline, params, {}, {}, groups);
    recorder.run();
}

/// Rows in pieces: calls run(first, count) for each.
template <class Run> void inPieces(uint32_t rows, std::vector<uint32_t> pieces, Run run) {
    uint32_t first = 0;
    for (size_t i = 0; first < rows; ++i) {
        uint32_t count = std::min(pieces[i % pieces.size()], rows - first);
        run(first, count);
        first += count;
    }
}

/// Tiles that the device can run: those of every family, and odd ones.
inline std::vector<engine::ScanTile> scanTiles() {
    std::vector<engine::ScanTile> tiles = {{64, 1, 0, 1}, {64, 8, 0, 1}, {8, 2, 0, 3}};
    if (gpu::testDevice().facts().subgroup_size == 8)
        tiles.insert(tiles.end(), {{8, 1, 8, 2}, {64, 1, 8, 1}});
    return tiles;
}

inline double largest(std::span<const float> values) {
    double most = 0;
    for (float value : values)
        most = std::max(most, std::abs(static_cast<double>(value)));
    return most;
}

/// [rows, stride] as [rows, columns], after a look at the columns behind: zeros up to `padded`,
/// poison from there.
inline std::vector<float> withoutPadding(const std::vector<float> &wide, uint32_t stride,
                                         uint32_t columns, uint32_t padded,
                                         const std::string &parameters) {
    std::vector<float> dense;
    for (size_t row = 0; row < wide.size() / stride; ++row) {
        const float *from = &wide[row * stride];
        dense.insert(dense.end(), from, from + columns);
        for (uint32_t c = columns; c < padded; ++c)
            EXPECT_EQ(from[c], 0.0f) << parameters << ": padding, row " << row << " column " << c;
        for (uint32_t c = padded; c < stride; ++c)
            EXPECT_TRUE(isPoison(from[c])) << parameters << ": wrote beyond, row " << row;
    }
    return dense;
}

} // namespace longscope::test
