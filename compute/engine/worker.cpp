#include "compute/engine/worker.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/core/text.h"
#include "compute/engine/growing_session.h"
#include "compute/engine/session_file.h"

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <deque>
#include <format>
#include <map>
#include <mutex>
#include <thread>

namespace longscope::engine {
namespace {

using SnapshotPointer = std::shared_ptr<const Snapshot>;

constexpr std::chrono::milliseconds kLookForStop{50};
constexpr size_t kEndedKept = 256; ///< last snapshots of ended tasks that waitForEnd can give

} // namespace

struct Worker::Impl {
    explicit Impl(std::shared_ptr<Keeper> given)
        : keeper(std::move(given)), thread([this](std::stop_token stop) { loop(stop); }) {}
    ~Impl() {
        stopTasks();
        thread.request_stop();
        thread.join();
    }

    struct Waiting {
        uint64_t id;
        Command command;
    };

    // --- shared between threads, under the mutex ---
    mutable std::mutex mutex;
    mutable std::condition_variable_any changed; ///< a snapshot, or the queue
    std::deque<Waiting> queue;
    SnapshotPointer published = std::make_shared<const Snapshot>();
    std::map<uint64_t, SnapshotPointer> ended;
    uint64_t last_id = 0;
    uint64_t running_id = 0; ///< 0 = none
    uint64_t version = 0;
    std::stop_source running; ///< of the task that runs

    // --- the worker thread's own ---
    Snapshot draft;
    std::shared_ptr<Keeper> keeper; ///< may be null
    std::unique_ptr<Engine> engine;
    GrowingSession session;
    std::jthread thread; ///< last: it uses all of the above

    void publish() {
        std::scoped_lock lock(mutex);
        draft.version = ++version;
        published = std::make_shared<const Snapshot>(draft);
        changed.notify_all();
    }

    /// Publishes, and keeps the snapshot for those who wait for this task.
    void publishEnd() {
        std::scoped_lock lock(mutex);
        draft.version = ++version;
        published = std::make_shared<const Snapshot>(draft);
        keepEnded(draft.task.id, published);
        running_id = 0;
        changed.notify_all();
    }

    void keepEnded(uint64_t id, SnapshotPointer snapshot) {
        ended[id] = std::move(snapshot);
        if (ended.size() > kEndedKept)
            ended.erase(ended.begin());
    }

    bool hasEnded(uint64_t id) const {
        return id != running_id &&
               std::ranges::none_of(queue, [&](const Waiting &task) { return task.id == id; });
    }

    void stopTasks() {
        std::scoped_lock lock(mutex);
        running.request_stop();
        for (const Waiting &waiting : queue) {
            Snapshot dropped = *published;
            dropped.version = ++version;
            dropped.task = {};
            dropped.task.id = waiting.id;
            dropped.task.state = TaskState::stopped;
            keepEnded(waiting.id, std::make_shared<const Snapshot>(std::move(dropped)));
        }
        queue.clear();
        changed.notify_all();
    }

    void loop(const std::stop_token &end) {
        while (true) {
            Waiting next;
            std::stop_token stop;
            {
                std::unique_lock lock(mutex);
                if (!changed.wait(lock, end, [this] { return !queue.empty(); }))
                    break;
                next = std::move(queue.front());
                queue.pop_front();
                running_id = next.id;
                running = std::stop_source();
                stop = running.get_token();
            }
            runTask(next, stop);
        }
        session.drop(); // device objects die on the thread that used them
        engine.reset();
    }

    void runTask(const Waiting &task, const std::stop_token &stop) {
        draft.task = {};
        draft.task.id = task.id;
        draft.task.state = TaskState::running;
        publish();
        try {
            std::visit([&](const auto &command) { run(command, stop); }, task.command);
            if (draft.task.state == TaskState::running)
                draft.task.state = TaskState::done;
        } catch (const Error &error) {
            endWithError(error.what(), error.kind());
            if (error.kind() == ErrorKind::device)
                session.drop(); // what its cache holds is not known
        } catch (const std::bad_alloc &) {
            endWithError("the computer's memory is full", ErrorKind::memory);
        } catch (const std::exception &error) {
            endWithError(error.what(), ErrorKind::device);
        }
        showMemory();
        publishEnd();
    }

    void endWithError(const char *what, ErrorKind kind) {
        bool stopped = kind == ErrorKind::stopped;
        draft.task.state = stopped ? TaskState::stopped : TaskState::failed;
        draft.task.error = stopped ? "" : what;
        draft.task.error_kind = kind;
    }

    void showMemory() {
        draft.memory = engine ? engine->device().booked() : std::vector<gpu::BookedPart>();
        draft.window_tokens = session ? session->contextTokens() : 0;
        draft.used_tokens = session ? session->tokens().size() : 0;
        draft.forgotten = session ? session->forgotten() : attention::Interval();
        draft.warning = session ? outOfReach(engine->config(), session->options()) : "";
    }

    void unload() {
        session.drop();
        engine.reset();
        draft.model.reset();
        showMemory();
        publish();
    }

    void run(const Unload &, const std::stop_token &) { unload(); }

    void run(const LoadModel &command, const std::stop_token &stop) {
        unload(); // first, because two models may not fit
        session.configure(command.session.value_or(session.options()));
        engine = std::make_unique<Engine>(command.engine, progressSink(), stop);
        const model::Config &config = engine->config();
        draft.model = ModelFacts{.path = command.engine.model_path,
                                 .name = config.name,
                                 .architecture = std::string(config.architecture->name),
                                 .device = engine->device().facts().name,
                                 .kernel_family = engine->kernelFamily(),
                                 .parameters = config.parameters,
                                 .weight_bytes = engine->weightBytes(),
                                 .context_tokens = config.context_tokens,
                                 .vocab = config.vocab,
                                 .host_weight_bytes = engine->hostWeightBytes(),
                                 .layers = config.layers,
                                 .streamed_layers = engine->streamedLayers(),
                                 .load_seconds = engine->loadSeconds()};
    }

    void run(const Chat &command, const std::stop_token &stop) {
        model::RenderedChat rendered = loaded().chatTemplate().render(command.messages, true);
        draft.task.template_used = rendered.used;
        write(model::encodeChat(engine->tokenizer(), rendered), command.options, stop);
    }

    void run(const Complete &command, const std::stop_token &stop) {
        write(loaded().tokenizer().encode(command.text), command.options, stop);
    }

    void run(const Configure &command, const std::stop_token &) {
        if (engine)
            checkOptions(engine->config(), command.session);
        session.configure(command.session);
    }

    void run(const Read &command, const std::stop_token &stop) {
        std::vector<Token> tokens = command.tokens;
        if (tokens.empty())
            tokens = loaded().tokenizer().encode(command.text,
                                                 {.parse_special = false, .add_bos = true});
        draft.task.prompt_tokens = tokens.size();
        bool again = session.ensure(*engine, tokens.size(), 0);
        again = !bringBack(tokens, stop) && again;
        ReadResult read = session->read(tokens, writingSink(tokens.size(), again), stop);
        if (keeper)
            keeper->end(*session);
        draft.task.reused_tokens = read.reused;
        draft.task.prompt_seconds = read.seconds;
        if (read.stopped)
            draft.task.state = TaskState::stopped;
    }

    void run(const Reserve &command, const std::stop_token &) {
        session.reserve(loaded(), command.tokens);
    }

    void run(const Inquire &command, const std::stop_token &stop) {
        command.work(loaded(), session.get(), progressSink(command.label), stop);
    }

    void run(const SaveSession &command, const std::stop_token &) {
        if (!session)
            fail(ErrorKind::usage, "there is nothing to save in {}: no token was read",
                 command.path);
        saveSession(*session, command.path, command.note);
    }

    void run(const RestoreSession &command, const std::stop_token &) {
        draft.task.text = session.restore(loaded(), command.path);
        draft.task.reused_tokens = session->tokens().size();
    }

    Engine &loaded() const {
        if (!engine)
            fail(ErrorKind::usage, "no model is loaded");
        return *engine;
    }

    ProgressSink progressSink(std::string label = "") {
        return [this, label = std::move(label)](const Progress &progress) {
            draft.task.progress = progress;
            if (!label.empty())
                draft.task.progress.label = label;
            publish();
        };
    }

    void write(const std::vector<Token> &prompt, const GenerateOptions &options,
               const std::stop_token &stop) {
        Task &task = draft.task;
        task.prompt_tokens = prompt.size();
        bool again = session.ensure(loaded(), prompt.size(), options.max_tokens);
        again = !bringBack(prompt, stop) && again;
        auto on_text = [&task](std::string_view piece) { task.text += piece; };
        Generated written =
            generate(*session, prompt, options, on_text, writingSink(prompt.size(), again), stop);
        task.text = std::move(written.text);
        task.finish = written.finish;
        task.reused_tokens = written.prompt.reused;
        task.prompt_seconds = written.prompt.seconds;
        task.written_tokens = written.tokens.size();
        task.write_seconds = written.decode_seconds;
        if (written.finish == Finish::stopped)
            task.state = TaskState::stopped;
        if (keeper && written.tokens.empty()) // `keep` saw no writing
            keeper->end(*session);
    }

    /// What was kept of the prompt comes back into the session; false when nothing did.
    bool bringBack(const std::vector<Token> &prompt, const std::stop_token &stop) {
        session.forgetFile();
        auto start = Clock::now();
        if (keeper)
            draft.task.restored_tokens = keeper->begin(*session, prompt, progressSink(), stop);
        draft.task.restore_seconds = secondsSince(start);
        showMemory();
        return draft.task.restored_tokens > 0;
    }

    /// Tells the keeper, which may look at the session when its last submit is done: at the end of
    /// a prompt that is so when writing begins.
    void keep(const Progress &progress, bool writing, uint64_t prompt_tokens) {
        if (!keeper)
            return;
        if (writing && progress.done == 1)
            keeper->end(*session);
        else if (writing || progress.done < prompt_tokens)
            keeper->grown(*session);
    }

    /// Reading, then writing; the first sign of writing ends the reading.
    ProgressSink writingSink(uint64_t prompt_tokens, bool again) {
        return [this, prompt_tokens, again](const Progress &progress) {
            Task &task = draft.task;
            bool writing = progress.label == "writing";
            task.progress = progress;
            if (!writing && again)
                task.progress.label = "reading again, for a larger window";
            (writing ? task.write_seconds : task.prompt_seconds) = progress.seconds;
            task.written_tokens = writing ? progress.done : 0;
            draft.used_tokens = writing ? prompt_tokens + progress.done : progress.done;
            draft.forgotten = session->forgotten();
            publish();
            keep(progress, writing, prompt_tokens);
        };
    }
};

Worker::Worker(std::shared_ptr<Keeper> keeper) : impl_(std::make_unique<Impl>(std::move(keeper))) {}
Worker::~Worker() = default;

uint64_t Worker::push(Command command) {
    std::scoped_lock lock(impl_->mutex);
    uint64_t id = ++impl_->last_id;
    impl_->queue.push_back({id, std::move(command)});
    impl_->changed.notify_all();
    return id;
}

void Worker::stop() {
    impl_->stopTasks();
}

SnapshotPointer Worker::snapshot() const {
    std::scoped_lock lock(impl_->mutex);
    return impl_->published;
}

SnapshotPointer Worker::waitForChange(uint64_t version, std::chrono::milliseconds most) const {
    std::unique_lock lock(impl_->mutex);
    impl_->changed.wait_for(lock, most, [&] { return impl_->published->version > version; });
    return impl_->published;
}

std::string describeStreaming(const ModelFacts &facts) {
    if (facts.streamed_layers == 0)
        return "";
    return std::format(
        "{} of {} layers ({}) do not fit {} and stay in host memory: they are copied "
        "there for each chunk that is read and each token that is written",
        facts.streamed_layers, facts.layers, formatBytes(facts.host_weight_bytes), facts.device);
}

SnapshotPointer Worker::waitForEnd(uint64_t id) const {
    std::unique_lock lock(impl_->mutex);
    assert(id >= 1 && id <= impl_->last_id);
    impl_->changed.wait(lock, [&] { return impl_->hasEnded(id); });
    auto found = impl_->ended.find(id);
    return found != impl_->ended.end() ? found->second : impl_->published;
}

SnapshotPointer Worker::follow(uint64_t id, const OnSnapshot &on_snapshot, std::stop_token stop) {
    std::stop_callback pass_on(stop, [this] { this->stop(); });
    SnapshotPointer current = snapshot();
    while (current->task.id < id ||
           (current->task.id == id && current->task.state == TaskState::running)) {
        if (current->task.id == id)
            on_snapshot(current);
        current = waitForChange(current->version, kLookForStop);
        if (stop.stop_requested() && current->task.id < id)
            break; // dropped before it began: it never becomes the current task
    }
    SnapshotPointer last = waitForEnd(id);
    on_snapshot(last);
    return last;
}

} // namespace longscope::engine
