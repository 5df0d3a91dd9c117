// The kernels that store, move and sum up rows of a cache, against their twins.
#pragma once

#include "app/read_cache.h"
#include "compute/engine/kernels.h"

namespace longscope::app {

struct CacheCollectors {
    Collector move{engine::kCacheMove}, bounds{engine::kPageBounds}, pages{engine::kPageScores};
};

/// Of a cache in which all tokens were read. The rows are moved afterwards. `rope`: what stored
/// them.
void checkRows(ReadCache &read, Collector &rope, CacheCollectors &to);

} // namespace longscope::app
