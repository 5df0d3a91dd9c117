// A matrix on the device, ready to multiply: packed planes, bias, scale, and its two pipelines.
// Several tensors with the same input (q, k and v; gate and up) share one matrix where their
// formats agree.
#pragma once

#include "compute/engine/packing.h"
#include "compute/engine/tiling.h"
#include "compute/engine/weight_stream.h"
#include "compute/gpu/buffer.h"
#include "compute/gpu/pipeline.h"
#include "shaders/params.h"

#include <string_view>
#include <vector>

namespace longscope::engine {

/// What a pipeline that reads a matrix of this format is specialised by.
gpu::Specialization weightConstants(const WeightFormat &format, const Tiling &tiling);

/// A low-rank addition to a matrix: scale * B (A x).
struct AdapterPart {
    const model::Tensor *a = nullptr; ///< [in, rank]
    const model::Tensor *b = nullptr; ///< [rank, out]
    float scale = 1;
};

/// One tensor of a matrix, with what the file adds to it.
struct LinearPart {
    const model::Tensor *weight = nullptr;
    const model::Tensor *bias = nullptr; ///< f32 [rows] or null
    float scale = 1;                     ///< multiplies W x
    float bias_scale = 1;                ///< multiplies the bias
    uint32_t out_offset = 0;             ///< column of the result, a multiple of 32
    std::vector<AdapterPart> adapters{}; ///< their sums are multiplied by `scale`, too
};

struct LinearAdapter;

/// y[:, out_offset ..] = scale * W x + bias (+ residual)
struct Linear {
    PackedLayout layout;
    gpu::Buffer planes; ///< empty: in a slot of the stream
    gpu::Buffer bias;   ///< empty = none
    params::Matrix matrix{};
    float scale = 1;
    uint32_t out_offset = 0;
    bool adds_residual = false;
    const gpu::Pipeline *matmul = nullptr;
    const gpu::Pipeline *matvec = nullptr;
    std::vector<LinearAdapter> adapters;

    uint32_t rows() const { return layout.rows; }
    uint32_t columns() const { return layout.columns; }
};

/// y += B (A x), A x being kept in between.
struct LinearAdapter {
    Linear a, b;
};

/// Parts that share their input; a single Linear where formats and scales agree and the parts
/// follow one another, else one each.
using LinearGroup = std::vector<Linear>;

/// Parts grouped as `makeLinears` will: each inner list becomes one matrix.
std::vector<std::vector<LinearPart>> joinParts(const std::vector<LinearPart> &parts);
/// Bytes of the matrices that makeLinears would make.
WeightBytes planLinears(const std::vector<LinearPart> &parts, const Tiling &tiling);
LinearGroup makeLinears(const WeightPlace &place, const Tiling &tiling,
                        const std::vector<LinearPart> &parts, bool adds_residual);

} // namespace longscope::engine
