// One command of the engine's worker from beginning to end, with its errors thrown here.
#pragma once

#include "compute/engine/worker.h"

#include <stop_token>

namespace longscope::reading {

/// The ended task, done or stopped. Throws its Error when it failed.
engine::Task runTask(engine::Worker &worker, engine::Command command,
                     const ProgressSink &progress = {}, std::stop_token stop = {});

} // namespace longscope::reading
