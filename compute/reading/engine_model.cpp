#include "compute/reading/engine_model.h"

#include "compute/core/error.h"
#include "compute/engine/session_facts.h"

#include <memory>
#include <utility>

namespace longscope::reading {
namespace {

/// Work on the worker's thread; its errors are thrown here.
void inquire(engine::Worker &worker, const std::function<void(engine::Engine &)> &work) {
    auto body = [&work](engine::Engine &engine, engine::Session *, const ProgressSink &,
                        const std::stop_token &) { work(engine); };
    auto last = worker.waitForEnd(worker.push(engine::Inquire{.label = "", .work = body}));
    if (last->task.state == engine::TaskState::failed)
        throw Error(last->task.error_kind, last->task.error);
}

} // namespace

EngineModel::EngineModel(engine::Worker &worker, std::string_view settings) : worker_(worker) {
    inquire(worker_, [&](engine::Engine &engine) {
        const model::Config &config = engine.config();
        tokenizer_ = engine.sharedTokenizer();
        if (!tokenizer_)
            engine.tokenizer(); // throws why there is none
        facts_ = {.name =
                      config.name.empty() ? std::string(config.architecture->name) : config.name,
                  .fingerprint = engine::modelFingerprint(engine.file(), config.name) +
                                 std::string(settings.empty() ? "" : "\n") + std::string(settings),
                  .device = engine.device().facts().name,
                  .parameters = config.parameters,
                  .window_tokens = config.context_tokens};
    });
}

uint64_t EngineModel::countTokens(std::string_view text) {
    return tokenizer_->encode(text, {.parse_special = false, .add_bos = false}).size();
}

uint64_t EngineModel::countPrompt(const std::vector<model::Message> &messages) {
    uint64_t tokens = 0;
    inquire(worker_, [&](engine::Engine &engine) {
        model::RenderedChat chat = engine.chatTemplate().render(messages, true);
        tokens = model::encodeChat(engine.tokenizer(), chat).size();
    });
    return tokens;
}

TextReply EngineModel::write(const TextRequest &request, const OnText &on_text,
                             const ProgressSink &progress, std::stop_token stop) {
    bool enough = false;
    auto look = [&](const std::shared_ptr<const engine::Snapshot> &snapshot) {
        if (progress && !snapshot->task.progress.label.empty())
            progress(snapshot->task.progress);
        if (on_text && !enough && !on_text(snapshot->task.text)) {
            enough = true;
            worker_.stop();
        }
    };
    uint64_t id = worker_.push(engine::Chat{request.messages, request.options});
    auto last = worker_.follow(id, look, std::move(stop));
    const engine::Task &task = last->task;
    if (task.state == engine::TaskState::failed)
        throw Error(task.error_kind, task.error);
    return {.text = task.text,
            .finish = task.finish.value_or(engine::Finish::stopped),
            .prompt_tokens = task.prompt_tokens,
            .reused_tokens = task.reused_tokens,
            .written_tokens = task.written_tokens,
            .prompt_seconds = task.restore_seconds + task.prompt_seconds,
            .write_seconds = task.write_seconds};
}

} // namespace longscope::reading
