// A queue of tasks and the threads that work on it, in order. Knows nothing of what they do.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace longscope::app {

class TaskLane {
  public:
    struct Task {
        uint64_t id = 0;
        std::function<void(std::stop_token)> work; ///< throws nothing
        std::function<void()> ended;               ///< after the work, or when it was dropped
    };

    explicit TaskLane(unsigned threads) : count_(threads) {}
    ~TaskLane() { end(); }
    void begin();
    void push(Task task);
    void stop(uint64_t id); ///< drops it when it waits, asks it to stop when it runs
    void stopAll();
    void end(); ///< stops everything and waits for the threads

  private:
    void loop();
    void drop(const std::function<bool(uint64_t)> &which); ///< of those that wait

    unsigned count_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> waiting_;
    std::map<uint64_t, std::stop_source> running_;
    bool ending_ = false;
    std::vector<std::thread> threads_;
};

} // namespace longscope::app
