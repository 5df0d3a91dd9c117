// The activations of one pass, reused by every chunk. All f32, rows contiguous, columns padded to a
// multiple of 32 with zeros.
#pragma once

#include "compute/engine/tiling.h"
#include "compute/engine/weights.h"

namespace longscope::engine {

/// Rows of numbers on the device: [rows, stride].
struct Activations {
    gpu::Buffer buffer;
    uint32_t stride = 0;
    uint64_t address(uint64_t row = 0, uint32_t column = 0) const {
        return buffer.address() + (row * stride + column) * sizeof(float);
    }
};

struct Scratch {
    gpu::Buffer tokens;   ///< [chunk] ids, written by the host
    gpu::Buffer rotation; ///< [chunk, rope_dims / 2, 2] cos and sin, written by the host
    Activations x;        ///< residual stream
    Activations normed;
    Activations qkv;
    Activations q; ///< [chunk, heads, head_dim padded]
    Activations attended;
    Activations gate_up;
    Activations hidden;
    gpu::Buffer partial; ///< decode: [splits, heads, head_dim padded + 2]
    Activations logits;  ///< read back by the host; rows grow to what is asked
};

uint64_t planScratch(const model::Config &config, const WidthPlan &widths, const Tiling &tiling);
Scratch makeScratch(gpu::Device &device, const model::Config &config, const WidthPlan &widths,
                    const Tiling &tiling);

} // namespace longscope::engine
