// The matrices of all experts of a layer on the device. Each expert is packed like a matrix of its
// own and found through a table, so that no index on the device grows with their number, and the
// planes can lie in several buffers: those of a whole layer may be more than one allocation holds.
#pragma once

#include "compute/engine/linear.h"

namespace longscope::engine {

/// Some rows of every expert of one tensor [in, out, experts], with what the file adds to it.
struct ExpertPart {
    const model::Tensor *weight = nullptr;
    const model::Tensor *bias = nullptr;  ///< f32 [out, experts] or null
    const model::Tensor *scale = nullptr; ///< [experts], multiplies W x, not the bias; or null
    uint32_t first_row = 0;               ///< of the `out` rows: gate and up may share a tensor
    uint32_t rows = 0;                    ///< 0: all that follow first_row
    uint32_t out_offset = 0;              ///< column of the result, a multiple of 32
};

/// y[a, out_offset ..] = scale of the expert * W x + bias
struct ExpertLinear {
    PackedLayout layout; ///< of one expert
    uint32_t experts = 0;
    uint32_t out_offset = 0;
    uint64_t in_buffer = 0;          ///< experts of one buffer; the last may have fewer
    std::vector<gpu::Buffer> planes; ///< [in_buffer, layout.bytes] each; empty: of a stream
    gpu::Buffer bias;                ///< [experts, layout.rows]; empty = none
    gpu::Buffer table;               ///< params::Expert [experts]
    const gpu::Pipeline *matmul = nullptr;
    const gpu::Pipeline *matvec = nullptr;
};

/// Parts that share their input; one ExpertLinear where formats and scales agree and the parts
/// follow one another, else one each.
using ExpertGroup = std::vector<ExpertLinear>;

/// Most bytes of one buffer of planes, unless one expert has more: where memory is not mapped the
/// host holds a copy of a buffer while it is packed.
constexpr uint64_t kExpertBufferBytes = uint64_t{256} << 20;

/// Bytes of what makeExperts would make.
WeightBytes planExperts(const std::vector<ExpertPart> &parts, const Tiling &tiling);
/// `weighs_input`, for gate and up of llama4: results are multiplied by the weight of their
/// assignment before the bias, as if the input had been; the sum of the experts is then not
/// weighted (RoutingRule::weighs_input). Planes lie in buffers of at most `buffer_bytes`.
ExpertGroup makeExperts(const WeightPlace &place, const Tiling &tiling,
                        const std::vector<ExpertPart> &parts, bool weighs_input,
                        uint64_t buffer_bytes = kExpertBufferBytes);

/// The matrices of all heads [in, out, heads], each for its own part of a row (latent.h); neither
/// bias nor scale.
ExpertLinear makeHeads(const WeightPlace &place, const Tiling &tiling, const ExpertPart &part);

/// Rows of a tile of the experts' matmul: fewer than of the plain one, for experts have few rows.
uint32_t expertTileRows(const Tiling &tiling);

} // namespace longscope::engine
