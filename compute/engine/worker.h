// The one thread that owns the engine and its session. Commands run in order; a snapshot is
// published after each chunk, each token and each change of state. Errors end the task, not the
// thread, and stand in the snapshot.
#pragma once

#include "compute/engine/keeper.h"
#include "compute/engine/snapshot.h"

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>

namespace longscope::engine {

class Worker {
  public:
    /// `keeper`: keeps what is read, and is asked for it before it is read again; may be null.
    explicit Worker(std::shared_ptr<Keeper> keeper = nullptr);
    ~Worker(); ///< stops what runs and joins

    /// Returns the id under which the task appears in snapshots.
    uint64_t push(Command command);
    /// Stops the running task within 200 ms and drops those that wait.
    void stop();
    std::shared_ptr<const Snapshot> snapshot() const;
    /// Waits until the version is greater than `version` (or the time is over).
    std::shared_ptr<const Snapshot> waitForChange(uint64_t version,
                                                  std::chrono::milliseconds most) const;
    /// Blocks until task `id` has ended; its last snapshot.
    std::shared_ptr<const Snapshot> waitForEnd(uint64_t id) const;
    /// The same, and hands out the snapshots of the task on the way, the last one included. A stop
    /// stops the worker; a task that was dropped before it began has a last snapshot alone.
    using OnSnapshot = std::function<void(const std::shared_ptr<const Snapshot> &)>;
    std::shared_ptr<const Snapshot> follow(uint64_t id, const OnSnapshot &on_snapshot,
                                           std::stop_token stop);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace longscope::engine
