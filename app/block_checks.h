// Checks of the small kernels between the matrices: embedding, norms, activations, adjustments.
#pragma once

#include "app/workbench.h"

namespace longscope::app {

std::vector<KernelCheck> checkBlocks(Workbench &bench);

} // namespace longscope::app
