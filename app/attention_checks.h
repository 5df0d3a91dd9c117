// The kernels of attention and of the KV cache against their twins, over caches of every type.
#pragma once

#include "app/workbench.h"

namespace longscope::app {

/// One result a kernel: rotation, attention of a chunk and of one query, its merge, maps, scores,
/// and what moves and sums up rows of the cache.
std::vector<KernelCheck> checkAttention(Workbench &bench);

} // namespace longscope::app
