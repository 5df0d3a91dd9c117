// The activations of one pass, reused by every chunk. All f32, rows contiguous, columns padded to a
// multiple of 32 with zeros.
#pragma once

#include "compute/engine/session_options.h"
#include "compute/engine/tiling.h"
#include "compute/engine/weights.h"

namespace longscope::engine {

/// Rows of numbers on the device: [rows, stride].
struct Activations {
    gpu::Buffer buffer;
    uint32_t stride = 0;
    uint64_t address(uint64_t row = 0, uint32_t column = 0) const {
        return (buffer ? buffer.address() : 0) + (row * stride + column) * sizeof(float);
    }
};

struct Scratch {
    gpu::Buffer tokens;       ///< [chunk] ids, written by the host
    gpu::Buffer rotation;     ///< see RotationPlan; written by the host
    gpu::Buffer rotation_far; ///< [regions, chunk, rope_dims / 2, 2]: q towards far keys
    Activations x;            ///< residual stream
    Activations normed;
    Activations qkv;
    Activations q;     ///< [chunk, heads, head_dim padded]
    Activations q_far; ///< the same, rotated towards far keys; absent without them
    Activations attended;
    gpu::Buffer state; ///< [chunk, heads, 2]: largest score and sum of weights of every row
    Activations gate_up;
    Activations hidden;
    gpu::Buffer partial; ///< decode: [splits, heads, head_dim padded + 2]
    Activations logits;  ///< read back by the host; rows grow to what is asked
};

/// Where rotations lie: a table of each rope [rows, rope_dims / 2, 2] of cos and sin, begun at
/// chunk * (what comes before it a row). Behind each, and once more behind all for layers that are
/// not rotated, what q is multiplied by [rows], in models that have such factors.
struct RotationPlan {
    std::vector<uint32_t> before; ///< [ropes + 1] floats a row
    uint32_t row_floats = 0;
    uint32_t most_dims = 0; ///< of a rope
};
RotationPlan planRotations(const model::Config &config);

/// How many layers with sinks of their own kind rotate q in their own way (at least 1 when keys may
/// be far at all).
uint32_t farRegions(const model::Config &config, const SessionOptions &options);
/// Which of them a layer uses.
uint32_t farRegion(const model::Config &config, const SessionOptions &options, uint32_t layer);

uint64_t planScratch(const model::Config &config, const WidthPlan &widths, const Tiling &tiling,
                     const SessionOptions &options);
Scratch makeScratch(gpu::Device &device, const model::Config &config, const WidthPlan &widths,
                    const Tiling &tiling, const SessionOptions &options);

} // namespace longscope::engine
