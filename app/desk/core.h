// What the parts of the desk share: the draft of the snapshot with the thread that alone changes
// it, tasks in two lanes, notices, and the engine's worker.
//
//     panels -> Command -> desk thread: part.handle(command) -> changes `draft`, starts tasks
//     task (thread of its lane): does the work, run.change([...]{ draft... }) -> desk thread
#pragma once

#include "compute/engine/plan.h"
#include "compute/engine/worker.h"
#include "ui/snapshot.h"

#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace longscope::app {

/// The loaded model for those who work beside the engine's thread. Does not outlive a reload of the
/// engine in meaning, but does in memory.
struct LoadedModel {
    engine::ModelFacts facts;
    std::shared_ptr<const model::Tokenizer> tokenizer; ///< null when the file has none
    engine::ModelPlan plan;
    gpu::DeviceFacts device;
};

/// `engine`: everything that needs the engine's worker, one after another. `aside`: work that
/// should not wait behind that (imports, counting, forecasts); two at a time, in no sure order.
enum class Lane { engine, aside };

class Core;

/// A task while it runs, on the thread of its lane.
class TaskRun {
  public:
    TaskRun(Core &core, uint64_t id, std::stop_token stop)
        : core_(core), id_(id), stop_(std::move(stop)) {}

    std::stop_token stop() const { return stop_; }
    /// Changes the draft on the desk's thread and publishes; returns at once. What it captures must
    /// be its own. Changes of one task happen in order.
    void change(std::function<void()> change);
    void progress(const Progress &progress);
    ProgressSink progressSink() {
        return [this](const Progress &p) { progress(p); };
    }
    /// Runs a command of the worker to its end, with progress; `on_task` sees each change. Throws
    /// the task's Error when it failed, Error(stopped) when it was stopped and `stop_is_error`.
    engine::Task follow(engine::Command command,
                        const std::function<void(const engine::Task &)> &on_task = {},
                        bool stop_is_error = false);
    using Work = std::function<void(engine::Engine &, engine::Session *, const ProgressSink &,
                                    std::stop_token)>;
    /// Work on the engine's thread; returns when it is done. Throws as `follow`, stopped too.
    void inquire(std::string label, Work work);

  private:
    Core &core_;
    uint64_t id_;
    std::stop_token stop_;
    Progress first_, shown_; ///< of this label: the rate counts from there
    std::chrono::steady_clock::time_point shown_at_;
};

class Core {
  public:
    /// `keeper`: of the worker; may be null.
    explicit Core(std::function<void()> on_change, std::shared_ptr<engine::Keeper> keeper = {});
    ~Core(); ///< shutDown
    /// Starts the threads; before that everything may be called on the thread that made it.
    void begin();
    /// Gets each new snapshot of the worker while a task follows it, on the desk's thread.
    std::function<void(const engine::Snapshot &)> on_worker;

    // ---- on the desk's thread only -------------------------------------------------------------
    ui::Snapshot draft;
    std::shared_ptr<const LoadedModel> model; ///< null: none
    engine::SessionOptions session;           ///< how the next text is read; window 0 = as needed
    engine::EngineOptions engine;             ///< of the loaded model, or what is loaded first

    /// Starts a task; its errors become notices ("could not ...": `title` and the error), a stop
    /// none. The task is in draft.tasks until it ends. `at_end` runs on the desk's thread after it,
    /// however it ended.
    uint64_t start(Lane lane, std::string title, std::function<void(TaskRun &)> body,
                   std::function<void()> at_end = {});
    /// The same, but takes the place of a task with the same key that still waits, and stops one
    /// that runs: for forecasts and counts of which only the newest matters.
    uint64_t startNewest(const std::string &key, Lane lane, std::string title,
                         std::function<void(TaskRun &)> body);
    void stopAll(); ///< of the engine's lane
    void stopTask(uint64_t id);
    bool isBusy(Lane lane) const;

    void notice(ui::NoticeKind kind, std::string text, std::string details = {});
    /// With a button that takes something back.
    void undoable(std::string text, std::function<void()> take_back);
    void dismiss(uint64_t notice);
    void undo(uint64_t notice);
    void copy(std::string text); ///< to the clipboard

    // ---- on any thread -------------------------------------------------------------------------
    engine::Worker &worker();
    /// Runs on the desk's thread, then publishes.
    void post(std::function<void()> change);
    std::shared_ptr<const ui::Snapshot> snapshot() const;
    std::shared_ptr<const ui::Snapshot>
    waitFor(const std::function<bool(const ui::Snapshot &)> &condition,
            std::chrono::milliseconds most) const;
    /// Ends the threads: stops tasks, runs what they posted. Call it before the parts die.
    void shutDown();

  private:
    void guarded(const std::function<void()> &change);
    void publish();
    void runBody(uint64_t id, const std::string &title, const std::function<void(TaskRun &)> &body,
                 std::stop_token stop);
    void markRunning(uint64_t id);
    void ended(uint64_t id);
    void addNotice(ui::Notice notice, std::function<void()> take_back);

    std::map<std::string, uint64_t> newest_; ///< the last task of each key
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// From a task's thread: what `ask` gives on the desk's thread.
template <class Ask> auto askDesk(TaskRun &run, Ask ask) {
    auto answer = std::make_shared<std::promise<decltype(ask())>>();
    auto future = answer->get_future();
    run.change([answer, ask = std::move(ask)] {
        try {
            answer->set_value(ask());
        } catch (...) {
            answer->set_exception(std::current_exception());
        }
    });
    return future.get();
}

} // namespace longscope::app
