#include "compute/reading/engine_scorer.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/engine/likelihood.h"
#include "compute/reading/worker_task.h"

#include <algorithm>

namespace longscope::reading {
namespace {

using model::Token;
using Tokens = std::vector<Token>;

struct Encoded {
    Tokens prompt;
    std::vector<Tokens> continuations;

    uint64_t longest() const {
        size_t most = 0;
        for (const Tokens &continuation : continuations)
            most = std::max(most, continuation.size());
        return prompt.size() + most;
    }
};

/// Prompt and continuation are encoded together and cut where all of them are still the same: how
/// a word begins depends on what stands before it, and the last token of a prompt may join with it.
Encoded encode(engine::Engine &engine, const ScoreRequest &request) {
    model::RenderedChat chat = engine.chatTemplate().render(request.messages, true);
    auto with = [&](const std::string &reply) {
        model::RenderedChat whole = chat;
        size_t start = whole.text.size();
        whole.text += request.begun + reply;
        whole.content.push_back({start, whole.text.size()}); // no special tokens in a label
        return model::encodeChat(engine.tokenizer(), whole);
    };
    Encoded encoded{.prompt = with(""), .continuations = {}};
    size_t common = encoded.prompt.size();
    for (const std::string &continuation : request.continuations) {
        encoded.continuations.push_back(with(continuation));
        auto differs = std::ranges::mismatch(encoded.prompt, encoded.continuations.back());
        common = std::min(common, static_cast<size_t>(differs.in1 - encoded.prompt.begin()));
    }
    encoded.prompt.resize(common);
    for (Tokens &tokens : encoded.continuations)
        tokens.erase(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(common));
    return encoded;
}

engine::Task run(engine::Worker &worker, engine::Command command, const ProgressSink &progress,
                 const std::stop_token &stop) {
    engine::Task task = runTask(worker, std::move(command), progress, stop);
    if (task.state == engine::TaskState::stopped)
        fail(ErrorKind::stopped, "stopped while reading");
    return task;
}

} // namespace

std::vector<double> scoreContinuations(engine::Session &session, std::span<const Token> prompt,
                                       std::span<const Tokens> continuations,
                                       const ProgressSink &progress, std::stop_token stop) {
    if (session.read(prompt, progress, stop).stopped)
        fail(ErrorKind::stopped, "stopped while reading");
    // A copy, because the logits live until the next call.
    std::vector<float> after_prompt(session.logits().begin(), session.logits().end());
    std::vector<double> scores;
    Tokens timeline(prompt.begin(), prompt.end());
    for (const Tokens &continuation : continuations) {
        double sum =
            continuation.empty() ? 0 : engine::logProbability(after_prompt, continuation.front());
        if (continuation.size() > 1) {
            timeline.resize(prompt.size());
            timeline.insert(timeline.end(), continuation.begin(), continuation.end() - 1);
            session.truncate(prompt.size());
            auto add = [&](uint64_t position, std::span<const float> logits) {
                sum += engine::logProbability(logits, continuation[position - prompt.size() + 1]);
            };
            session.readAllLogits(timeline, prompt.size(), add, stop);
        }
        scores.push_back(sum);
    }
    return scores;
}

ScoreReply EngineScorer::score(const ScoreRequest &request, const ProgressSink &progress,
                               std::stop_token stop) {
    auto start = Clock::now();
    engine::Worker &worker = model_.worker();
    Encoded encoded;
    ScoreReply reply;
    run(worker,
        engine::Inquire{"", [&](engine::Engine &engine, engine::Session *, const ProgressSink &,
                                const std::stop_token &) { encoded = encode(engine, request); }},
        {}, stop);
    run(worker, engine::Reserve{encoded.longest()}, {}, stop);
    engine::Read prompt{.text = {}, .tokens = encoded.prompt};
    reply.reused_tokens = run(worker, std::move(prompt), progress, stop).reused_tokens;
    auto body = [&](engine::Engine &, engine::Session *session, const ProgressSink &sink,
                    const std::stop_token &stopped) {
        std::vector<double> scores =
            scoreContinuations(*session, encoded.prompt, encoded.continuations, sink, stopped);
        for (size_t i = 0; i < scores.size(); ++i)
            reply.likelihoods.push_back({scores[i], encoded.continuations[i].size()});
    };
    run(worker, engine::Inquire{"reading", body}, {}, stop);
    reply.prompt_tokens = encoded.prompt.size();
    reply.seconds = secondsSince(start);
    return reply;
}

} // namespace longscope::reading
