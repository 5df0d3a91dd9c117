#include "app/desk/core.h"

#include "app/desk/task_lane.h"
#include "compute/core/clock.h"
#include "compute/core/error.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <format>
#include <mutex>
#include <thread>
#include <utility>

namespace longscope::app {
namespace {

using SnapshotPointer = std::shared_ptr<const ui::Snapshot>;

constexpr size_t kNoticesKept = 20;
constexpr std::chrono::milliseconds kBetweenUpdates{30}; ///< of a task's progress

struct NoticeFacts {
    Clock::time_point made;
    std::function<void()> take_back;
};

} // namespace

struct Core::Impl {
    Impl(std::function<void()> change, std::shared_ptr<engine::Keeper> keeper)
        : on_change(std::move(change)), worker(std::move(keeper)) {}

    // --- shared, under the mutex ---
    mutable std::mutex mutex;
    mutable std::condition_variable changed;
    std::deque<std::function<void()>> inbox;
    SnapshotPointer published = std::make_shared<const ui::Snapshot>();
    bool closing = false;

    // --- the desk's thread ---
    std::function<void()> on_change;
    uint64_t last_task = 0, last_notice = 0, version = 0;
    std::map<uint64_t, NoticeFacts> notices;
    std::map<uint64_t, std::function<void()>> at_end;

    engine::Worker worker;
    TaskLane lanes[2]{TaskLane(1), TaskLane(2)}; ///< by Lane
    std::thread thread;

    TaskLane &lane(Lane which) { return lanes[static_cast<int>(which)]; }
};

// ---- tasks -------------------------------------------------------------------------------------

void TaskRun::change(std::function<void()> change) {
    core_.post(std::move(change));
}

void TaskRun::progress(const Progress &progress) {
    bool is_last = progress.total > 0 && progress.done >= progress.total;
    bool same = progress.label == shown_.label;
    if (same && !is_last && Clock::now() - shown_at_ < kBetweenUpdates)
        return;
    if (!same)
        first_ = progress;
    shown_ = progress;
    shown_at_ = Clock::now();
    double rate = 0;
    if (progress.seconds > first_.seconds && progress.done > first_.done)
        rate =
            static_cast<double>(progress.done - first_.done) / (progress.seconds - first_.seconds);
    core_.post([&core = core_, id = id_, progress, rate] {
        for (ui::TaskView &task : core.draft.tasks)
            if (task.id == id) {
                task.progress = progress;
                task.rate = rate;
            }
    });
}

engine::Task TaskRun::follow(engine::Command command,
                             const std::function<void(const engine::Task &)> &on_task,
                             bool stop_is_error) {
    if (stop_.stop_requested())
        fail(ErrorKind::stopped, "stopped");
    auto show = [&](const std::shared_ptr<const engine::Snapshot> &snapshot) {
        if (!snapshot->task.progress.label.empty())
            progress(snapshot->task.progress);
        if (on_task)
            on_task(snapshot->task);
        core_.post([&core = core_, snapshot] {
            if (core.on_worker)
                core.on_worker(*snapshot);
        });
    };
    engine::Worker &worker = core_.worker();
    auto last = worker.follow(worker.push(std::move(command)), show, stop_);
    const engine::Task &task = last->task;
    if (task.state == engine::TaskState::failed)
        throw Error(task.error_kind, task.error);
    if (task.restored_tokens > 0)
        change([&core = core_, text = std::format("{} tokens came back in {:.1f} s instead of "
                                                  "being read again",
                                                  task.restored_tokens, task.restore_seconds)] {
            core.notice(ui::NoticeKind::info, text);
        });
    if (task.state == engine::TaskState::stopped && stop_is_error)
        fail(ErrorKind::stopped, "stopped");
    return task;
}

void TaskRun::inquire(std::string label, Work work) {
    follow(engine::Inquire{.label = std::move(label), .work = std::move(work)}, {}, true);
}

// ---- the desk's thread -------------------------------------------------------------------------

Core::Core(std::function<void()> on_change, std::shared_ptr<engine::Keeper> keeper)
    : impl_(std::make_unique<Impl>(std::move(on_change), std::move(keeper))) {}

Core::~Core() {
    shutDown();
}

void Core::begin() {
    impl_->thread = std::thread([this] {
        std::unique_lock lock(impl_->mutex);
        while (true) {
            impl_->changed.wait(lock, [this] { return impl_->closing || !impl_->inbox.empty(); });
            if (impl_->inbox.empty())
                return; // closing
            auto changes = std::exchange(impl_->inbox, {});
            lock.unlock();
            for (const auto &change : changes)
                guarded(change);
            publish();
            lock.lock();
        }
    });
    for (TaskLane &lane : impl_->lanes)
        lane.begin();
}

void Core::guarded(const std::function<void()> &change) {
    try {
        change();
    } catch (const std::bad_alloc &) {
        notice(ui::NoticeKind::error, "The computer's memory is full");
    } catch (const std::exception &error) {
        notice(ui::NoticeKind::error, error.what());
    }
}

void Core::publish() {
    draft.version = ++impl_->version;
    for (ui::Notice &notice : draft.notices)
        notice.age_seconds = secondsSince(impl_->notices[notice.id].made);
    auto picture = std::make_shared<const ui::Snapshot>(draft);
    {
        std::scoped_lock lock(impl_->mutex);
        impl_->published = std::move(picture);
    }
    impl_->changed.notify_all();
    if (impl_->on_change)
        impl_->on_change();
}

void Core::shutDown() {
    for (TaskLane &lane : impl_->lanes)
        lane.end(); // their last posts are in the inbox then
    {
        std::scoped_lock lock(impl_->mutex);
        impl_->closing = true;
    }
    impl_->changed.notify_all();
    if (impl_->thread.joinable())
        impl_->thread.join();
}

void Core::post(std::function<void()> change) {
    {
        std::scoped_lock lock(impl_->mutex);
        if (impl_->closing)
            return;
        impl_->inbox.push_back(std::move(change));
    }
    impl_->changed.notify_all();
}

SnapshotPointer Core::snapshot() const {
    std::scoped_lock lock(impl_->mutex);
    return impl_->published;
}

SnapshotPointer Core::waitFor(const std::function<bool(const ui::Snapshot &)> &condition,
                              std::chrono::milliseconds most) const {
    auto end = Clock::now() + most;
    std::unique_lock lock(impl_->mutex);
    while (true) {
        SnapshotPointer current = impl_->published;
        lock.unlock(); // conditions may take a while
        if (condition(*current))
            return current;
        lock.lock();
        if (!impl_->changed.wait_until(lock, end, [&] { return impl_->published != current; }))
            return nullptr;
    }
}

engine::Worker &Core::worker() {
    return impl_->worker;
}

// ---- starting and stopping ---------------------------------------------------------------------

uint64_t Core::start(Lane lane, std::string title, std::function<void(TaskRun &)> body,
                     std::function<void()> at_end) {
    uint64_t id = ++impl_->last_task;
    ui::TaskView view{.id = id, .title = title, .progress = {}, .aside = lane == Lane::aside};
    auto place =
        view.aside ? draft.tasks.end() : std::ranges::find_if(draft.tasks, &ui::TaskView::aside);
    draft.tasks.insert(place, std::move(view));
    if (at_end)
        impl_->at_end[id] = std::move(at_end);
    impl_->lane(lane).push(
        {.id = id,
         .work =
             [this, id, title = std::move(title), body = std::move(body)](std::stop_token stop) {
                 post([this, id] { markRunning(id); });
                 runBody(id, title, body, std::move(stop));
             },
         .ended = [this, id] { post([this, id] { ended(id); }); }});
    return id;
}

void Core::runBody(uint64_t id, const std::string &title,
                   const std::function<void(TaskRun &)> &body, std::stop_token stop) {
    auto tell = [&](std::string what) {
        post([this, title, what = std::move(what)] {
            notice(ui::NoticeKind::error, title + ": " + what);
        });
    };
    try {
        TaskRun run(*this, id, std::move(stop));
        body(run);
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::stopped)
            tell(error.what());
    } catch (const std::bad_alloc &) {
        tell("the computer's memory is full");
    } catch (const std::exception &error) {
        tell(error.what());
    }
}

void Core::markRunning(uint64_t id) {
    for (ui::TaskView &task : draft.tasks)
        if (task.id == id)
            task.running = true;
}

void Core::ended(uint64_t id) {
    std::erase_if(draft.tasks, [id](const ui::TaskView &task) { return task.id == id; });
    if (auto found = impl_->at_end.find(id); found != impl_->at_end.end()) {
        auto at_end = std::move(found->second);
        impl_->at_end.erase(found);
        at_end();
    }
}

uint64_t Core::startNewest(const std::string &key, Lane lane, std::string title,
                           std::function<void(TaskRun &)> body) {
    if (uint64_t before = std::exchange(newest_[key], 0))
        stopTask(before);
    return newest_[key] = start(lane, std::move(title), std::move(body));
}

void Core::stopAll() {
    for (ui::TaskView &task : draft.tasks)
        task.stopping = task.stopping || !task.aside;
    impl_->lane(Lane::engine).stopAll();
}

void Core::stopTask(uint64_t id) {
    for (ui::TaskView &task : draft.tasks)
        if (task.id == id)
            task.stopping = true;
    for (TaskLane &lane : impl_->lanes)
        lane.stop(id);
}

bool Core::isBusy(Lane lane) const {
    return std::ranges::any_of(draft.tasks, [lane](const ui::TaskView &task) {
        return task.aside == (lane == Lane::aside);
    });
}

// ---- notices -----------------------------------------------------------------------------------

void Core::notice(ui::NoticeKind kind, std::string text, std::string details) {
    addNotice({.kind = kind, .text = std::move(text), .details = std::move(details), .undo = {}},
              {});
}

void Core::undoable(std::string text, std::function<void()> take_back) {
    addNotice({.text = std::move(text), .details = {}, .undo = "Undo"}, std::move(take_back));
}

void Core::addNotice(ui::Notice notice, std::function<void()> take_back) {
    if (!notice.text.empty() && notice.text[0] >= 'a' && notice.text[0] <= 'z')
        notice.text[0] = static_cast<char>(notice.text[0] - 'a' + 'A'); // errors begin small
    notice.id = ++impl_->last_notice;
    impl_->notices[notice.id] = {Clock::now(), std::move(take_back)};
    draft.notices.push_back(std::move(notice));
    if (draft.notices.size() > kNoticesKept)
        dismiss(draft.notices.front().id);
}

void Core::dismiss(uint64_t id) {
    std::erase_if(draft.notices, [id](const ui::Notice &notice) { return notice.id == id; });
    impl_->notices.erase(id);
}

void Core::undo(uint64_t id) {
    auto found = impl_->notices.find(id);
    if (found == impl_->notices.end() || !found->second.take_back)
        return;
    auto take_back = std::move(found->second.take_back);
    dismiss(id);
    take_back();
}

void Core::copy(std::string text) {
    draft.clipboard = std::make_shared<const std::string>(std::move(text));
    ++draft.clipboard_count;
}

} // namespace longscope::app
