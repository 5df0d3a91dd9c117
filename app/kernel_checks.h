// Every kernel of a family, run through the engine's own operations on random data, against its
// scalar twin: for drivers that nobody here has seen.
#pragma once

#include "compute/engine/tiling.h"
#include "compute/gpu/device.h"

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace longscope::app {

struct KernelCheck {
    std::string kernel;
    unsigned cases = 0;
    double worst = 0;    ///< largest error as a share of what is allowed; above 1 = failed
    std::string failure; ///< "" or the first one: case, index, both values
};

/// "auto": every family that runs on the device, the one that it uses first; else the one asked
/// for.
std::vector<engine::KernelFamily> familiesToCheck(const gpu::DeviceFacts &facts,
                                                  const std::string &wanted);

/// Hands out one result a kernel as it is known. Throws Error(stopped).
void checkKernels(gpu::Device &device, engine::KernelFamily family,
                  const std::function<void(const KernelCheck &)> &on_kernel, std::stop_token stop);

} // namespace longscope::app
