#include "compute/reading/worker_task.h"

#include "compute/core/error.h"

#include <memory>
#include <utility>

namespace longscope::reading {

engine::Task runTask(engine::Worker &worker, engine::Command command, const ProgressSink &progress,
                     std::stop_token stop) {
    auto look = [&](const std::shared_ptr<const engine::Snapshot> &snapshot) {
        if (progress && !snapshot->task.progress.label.empty())
            progress(snapshot->task.progress);
    };
    uint64_t id = worker.push(std::move(command));
    engine::Task task = worker.follow(id, look, std::move(stop))->task;
    if (task.state == engine::TaskState::failed)
        throw Error(task.error_kind, task.error);
    return task;
}

} // namespace longscope::reading
