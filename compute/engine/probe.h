// What the device can do at best, measured in this run: machines differ, so speeds are told as
// shares of these peaks.
#pragma once

#include "compute/gpu/device.h"

namespace longscope::engine {

struct Peaks {
    double flops_per_second = 0; ///< fp32 multiply-adds from registers, 2 operations each
    double bytes_per_second = 0; ///< reading a buffer much larger than the caches
};

/// Takes about half a second. Throws Error(device, memory).
Peaks probePeaks(gpu::Device &device);

} // namespace longscope::engine
