#include "compute/reading/engine_model.h"

#include "compute/core/error.h"
#include "compute/engine/branches.h"
#include "compute/engine/generate_together.h"
#include "compute/engine/session_facts.h"
#include "compute/reading/worker_task.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace longscope::reading {
namespace {

/// Work on the worker's thread.
void inquire(engine::Worker &worker, const std::function<void(engine::Engine &)> &work) {
    auto body = [&work](engine::Engine &engine, engine::Session *, const ProgressSink &,
                        const std::stop_token &) { work(engine); };
    runTask(worker, engine::Inquire{.label = "", .work = body});
}

std::vector<model::Token> promptTokens(engine::Engine &engine,
                                       const std::vector<model::Message> &messages) {
    return model::encodeChat(engine.tokenizer(), engine.chatTemplate().render(messages, true));
}

} // namespace

EngineModel::EngineModel(engine::Worker &worker, std::string_view settings, uint64_t window_tokens)
    : worker_(worker) {
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
                  .window_tokens = window_tokens > 0 ? window_tokens : config.context_tokens};
    });
}

bool EngineModel::writesTogether() const {
    if (writes_together_)
        return *writes_together_;
    runTask(worker_, engine::Reserve{1});
    auto look = [&](engine::Engine &, engine::Session *session, const ProgressSink &,
                    const std::stop_token &) {
        writes_together_ = session && engine::whyNoBranches(*session).empty();
    };
    runTask(worker_, engine::Inquire{.label = "", .work = look});
    return writes_together_.value_or(false);
}

/// A window for all of them, or, where there is no room, for each alone: then they take turns.
void EngineModel::reserve(std::span<const engine::TogetherRequest> requests) {
    uint64_t longest = 0;
    for (const engine::TogetherRequest &request : requests)
        longest = std::max<uint64_t>(longest, request.prompt.size() + request.options.max_tokens);
    longest = std::min(longest, facts_.window_tokens);
    uint64_t all = std::min(engine::tokensTogether(requests), facts_.window_tokens);
    try {
        runTask(worker_, engine::Reserve{all});
    } catch (const Error &error) {
        if (error.kind() != ErrorKind::usage && error.kind() != ErrorKind::memory)
            throw;
        runTask(worker_, engine::Reserve{longest});
    }
}

uint64_t EngineModel::countTokens(std::string_view text) {
    return tokenizer_->encode(text, {.parse_special = false, .add_bos = false}).size();
}

uint64_t EngineModel::countPrompt(const std::vector<model::Message> &messages) {
    uint64_t tokens = 0;
    inquire(worker_,
            [&](engine::Engine &engine) { tokens = promptTokens(engine, messages).size(); });
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
    prompt_tokens_ = task.prompt_tokens;
    return {.text = task.text,
            .finish = task.finish.value_or(engine::Finish::stopped),
            .prompt_tokens = task.prompt_tokens,
            .reused_tokens = task.reused_tokens,
            .written_tokens = task.written_tokens,
            .prompt_seconds = task.restore_seconds + task.prompt_seconds,
            .write_seconds = task.write_seconds};
}

std::vector<TextReply> EngineModel::writeTogether(std::span<const TextRequest> requests,
                                                  const OnTextOf &on_text,
                                                  const ProgressSink &progress,
                                                  std::stop_token stop) {
    std::vector<engine::TogetherRequest> wanted;
    inquire(worker_, [&](engine::Engine &engine) {
        for (const TextRequest &request : requests)
            wanted.push_back({promptTokens(engine, request.messages), request.options});
    });
    reserve(wanted);
    std::vector<engine::Generated> written;
    auto work = [&](engine::Engine &, engine::Session *session, const ProgressSink &sink,
                    const std::stop_token &task_stop) {
        written = engine::generateTogether(*session, wanted, on_text, sink, task_stop);
    };
    runTask(worker_, engine::Inquire{.label = "", .work = work}, progress, std::move(stop));
    std::vector<TextReply> replies(requests.size());
    for (size_t i = 0; i < written.size(); ++i)
        replies[i] = {.text = std::move(written[i].text),
                      .finish = written[i].finish,
                      .prompt_tokens = wanted[i].prompt.size(),
                      .reused_tokens = written[i].prompt.reused,
                      .written_tokens = written[i].tokens.size(),
                      .prompt_seconds = written[i].prompt.seconds,
                      .write_seconds = written[i].decode_seconds};
    for (size_t i = written.size(); i < replies.size(); ++i)
        replies[i].finish = engine::Finish::stopped;
    return replies;
}

AttendedShares EngineModel::attended(const AttendedRequest &request, std::stop_token stop) {
    AttendedShares shares;
    auto look = [&](engine::Engine &, engine::Session *session, const ProgressSink &,
                    const std::stop_token &task_stop) {
        if (session)
            shares = attendedParts(*session, prompt_tokens_, request, task_stop);
    };
    runTask(worker_, engine::Inquire{.label = "", .work = look}, {}, std::move(stop));
    return shares;
}

} // namespace longscope::reading
