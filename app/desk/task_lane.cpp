#include "app/desk/task_lane.h"

#include <algorithm>
#include <utility>

namespace longscope::app {

void TaskLane::begin() {
    for (unsigned i = 0; i < count_; ++i)
        threads_.emplace_back([this] { loop(); });
}

void TaskLane::push(Task task) {
    {
        std::scoped_lock lock(mutex_);
        waiting_.push_back(std::move(task));
    }
    changed_.notify_all();
}

void TaskLane::loop() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        if (ending_)
            return;
        Task task = std::move(waiting_.front());
        waiting_.pop_front();
        std::stop_token stop = running_[task.id].get_token();
        lock.unlock();
        task.work(stop);
        task.ended();
        lock.lock();
        running_.erase(task.id);
    }
}

void TaskLane::drop(const std::function<bool(uint64_t)> &which) {
    std::vector<Task> dropped;
    {
        std::scoped_lock lock(mutex_);
        auto kept = std::ranges::stable_partition(
            waiting_, [&](const Task &task) { return !which(task.id); });
        std::ranges::move(kept, std::back_inserter(dropped));
        waiting_.erase(kept.begin(), kept.end());
        for (auto &[id, source] : running_)
            if (which(id))
                source.request_stop();
    }
    for (const Task &task : dropped)
        task.ended();
}

void TaskLane::stop(uint64_t id) {
    drop([id](uint64_t other) { return other == id; });
}

void TaskLane::stopAll() {
    drop([](uint64_t) { return true; });
}

void TaskLane::end() {
    stopAll();
    {
        std::scoped_lock lock(mutex_);
        ending_ = true;
    }
    changed_.notify_all();
    for (std::thread &thread : threads_)
        thread.join();
    threads_.clear();
}

} // namespace longscope::app
