#include "app/follow.h"

#include "app/output.h"
#include "compute/core/error.h"

#include <format>

namespace longscope::app {
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
    auto show = [&](const std::shared_ptr<const engine::Snapshot> &snapshot) {
        const engine::Task &task = snapshot->task;
        if (task.state != engine::TaskState::running)
            return; // the rest is told below
        showText(task);
        bool streaming = on_text && task.progress.label == "writing";
        if (!task.progress.label.empty() && !streaming)
            line.show(task.progress);
    };
    auto last = worker.follow(worker.push(std::move(command)), show, std::move(stop));
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
    engine::ModelFacts facts = *worker.snapshot()->model;
    if (std::string streaming = engine::describeStreaming(facts); !streaming.empty())
        printWarning(streaming);
    return facts;
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
