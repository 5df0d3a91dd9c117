// How weights lie on the device: from a file's blocks to the planes that `struct Matrix` of
// shaders/params.h describes. Exact: only the order of bits changes. One layout serves both kernel
// families; `interleave` is 1 (rows contiguous) or the lanes of a subgroup.
#pragma once

#include "compute/model/gguf.h"
#include "compute/model/quant.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace longscope::engine {

/// What a kernel must know to read a matrix; kernels are specialised by it.
struct WeightFormat {
    uint32_t code_bits = 32;
    uint32_t scale_kind = 0; ///< SCALE_*
    uint32_t group = 32;
    uint32_t offset = 0;
    auto operator<=>(const WeightFormat &) const = default;
};

WeightFormat formatOf(model::QuantType type);

constexpr uint32_t kBlock = 32; ///< rows and columns are padded to multiples of it

constexpr uint32_t padded(uint64_t count) {
    return static_cast<uint32_t>((count + kBlock - 1) / kBlock * kBlock);
}

/// Byte offsets of the planes of one matrix [rows, columns] (both padded).
struct PackedLayout {
    WeightFormat format;
    uint32_t rows = 0, columns = 0, interleave = 1;
    uint64_t codes = 0, high = 0, scales = 0, supers = 0; ///< offsets, 256-byte aligned
    uint64_t bytes = 0;
};

PackedLayout layoutOf(const WeightFormat &format, uint64_t rows, uint64_t columns,
                      uint32_t interleave);

/// Writes the rows of `tensor` as rows first_row.. of the matrix; `planes` has layout.bytes bytes
/// and starts as zeros (a zero block is 32 zero weights). Rows may be packed from several threads
/// when their ranges begin at multiples of the interleave.
void packRows(const PackedLayout &layout, const model::Tensor &tensor, uint32_t first_row,
              std::span<std::byte> planes);

/// Some rows of a tensor, over the same bytes: of a tensor [in, out, experts] the rows expert * out
/// .. are those of one expert.
model::Tensor rowsOfTensor(const model::Tensor &tensor, uint64_t first_row, uint64_t rows);

/// The whole of one matrix (tests and small models).
std::vector<std::byte> packMatrix(const PackedLayout &layout, const model::Tensor &tensor);

} // namespace longscope::engine
