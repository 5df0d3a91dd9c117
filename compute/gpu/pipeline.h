// Compute pipelines from embedded SPIR-V. A pipeline is a kernel and its specialization constants;
// it is made once and kept by the device. Vulkan's pipeline cache is kept on disk
// (XDG_CACHE_HOME/longscope/pipelines-<device uuid>), a damaged one is ignored.
#pragma once

#include "compute/gpu/device.h"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace longscope::gpu {

struct Kernel {
    const char *name = "";
    std::span<const uint32_t> spirv;
    uint32_t params_bytes = 0;
};

/// (constant id, value) pairs, every value 32 bits wide.
using Specialization = std::vector<std::pair<uint32_t, uint32_t>>;

struct PipelineOptions {
    uint32_t local_size = 0;    ///< invocations, checked against the device
    uint32_t subgroup_size = 0; ///< required size, 0 = the driver's choice
};

class Pipeline; // owned by the device

/// Looks up or makes it (no driver JIT yet on a software device: that happens at the first
/// dispatch). Throws Error(device) when the kernel needs more than the device has. Not for hot
/// paths: keep the reference.
const Pipeline &findPipeline(Device &device, const Kernel &kernel, const Specialization &constants,
                             const PipelineOptions &options = {});

const Kernel &kernelOf(const Pipeline &pipeline);

/// Writes the disk cache now (also done when the device is destroyed).
void savePipelineCache(Device &device);

} // namespace longscope::gpu
