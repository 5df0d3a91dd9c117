#include "app/follow.h"

#include "app/output.h"
#include "compute/core/error.h"

#include <chrono>
#include <format>

namespace longscope::app {
namespace {

constexpr std::chrono::milliseconds kLookForStop{50};

} // namespace

engine::Task follow(engine::Worker &worker, engine::Command command, ProgressLine &line,
                    const std::function<void(std::string_view)> &on_text, std::stop_token stop) {
    size_t shown = 0; // bytes of the text
    auto showText = [&](const engine::Task &task) {
        if (!on_text || task.text.size() <= shown)
            return;
        line.clear();
        on_text(std::string_view(task.text).substr(shown));
        shown = task.text.size();
    };
    const std::string known = worker.snapshot()->warning;
    uint64_t id = worker.push(std::move(command));
    std::stop_callback pass_on(stop, [&worker] { worker.stop(); });
    auto snapshot = worker.snapshot();
    while (snapshot->task.id < id || snapshot->task.state == engine::TaskState::running) {
        if (snapshot->task.id == id) {
            showText(snapshot->task);
            bool streaming = on_text && snapshot->task.progress.label == "writing";
            if (!snapshot->task.progress.label.empty() && !streaming)
                line.show(snapshot->task.progress);
        }
        snapshot = worker.waitForChange(snapshot->version, kLookForStop);
        if (stop.stop_requested() && snapshot->task.id < id)
            break; // dropped before it began: it never becomes the current task
    }
    auto last = worker.waitForEnd(id);
    engine::Task task = last->task;
    line.clear();
    if (last->warning != known && !last->warning.empty())
        printWarning(last->warning);
    showText(task);
    if (task.state == engine::TaskState::failed)
        throw Error(task.error_kind == ErrorKind::usage ? ErrorKind::model : task.error_kind,
                    task.error);
    return task;
}

engine::ModelFacts loadModel(engine::Worker &worker, const Options &options, ProgressLine &line,
                             std::stop_token stop) {
    engine::LoadModel command{.engine = engineOptions(options), .session = sessionOptions(options)};
    engine::Task task = follow(worker, std::move(command), line, {}, std::move(stop));
    if (task.state == engine::TaskState::stopped)
        fail(ErrorKind::stopped, "stopped while loading the model");
    return *worker.snapshot()->model;
}

std::string_view finishName(engine::Finish finish) {
    switch (finish) {
    case engine::Finish::end_of_text:
        return "end";
    case engine::Finish::stop_string:
        return "stop string";
    case engine::Finish::length:
        return "length";
    case engine::Finish::window_full:
        return "window full";
    case engine::Finish::stopped:
        return "stopped";
    }
    return "";
}

void noteFinish(const engine::Task &task) {
    if (task.finish == engine::Finish::length)
        printNote(std::format("longscope: the text was cut after {} tokens (-n gives more)",
                              task.written_tokens));
    if (task.finish == engine::Finish::window_full)
        printNote(std::format("longscope: the window is full: {} tokens read, {} written",
                              task.prompt_tokens, task.written_tokens));
}

int statusOf(const engine::Task &task) {
    return task.state == engine::TaskState::stopped ? 130 : 0;
}

} // namespace longscope::app
