// Rows of numbers on the device, as the steps of a forward pass hand them on.
#pragma once

#include "compute/gpu/buffer.h"

namespace longscope::engine {

/// [rows, stride], f32; columns are padded to a multiple of 32 with zeros.
struct Activations {
    gpu::Buffer buffer;
    uint32_t stride = 0;
    uint64_t address(uint64_t row = 0, uint32_t column = 0) const {
        return (buffer ? buffer.address() : 0) + (row * stride + column) * sizeof(float);
    }
};

} // namespace longscope::engine
