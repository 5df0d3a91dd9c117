#include "compute/engine/generate.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/engine/text_writer.h"

#include <chrono>

namespace longscope::engine {
namespace {

/// Samples and decodes until something ends it.
Finish write(Session &session, ReplyWriter &reply, const GenerateOptions &options,
             const Generated &result, const ProgressSink &progress, const std::stop_token &stop) {
    auto start = Clock::now();
    Progress told{.label = "writing", .unit = "tokens", .done = 0, .total = options.max_tokens};
    while (true) {
        std::optional<Finish> finish = reply.next(session.logits());
        if (progress && result.tokens.size() > told.done) {
            told.done = result.tokens.size();
            told.seconds = secondsSince(start);
            progress(told);
        }
        if (finish)
            return *finish;
        if (reply.timeline().size() > session.contextTokens())
            return Finish::window_full;
        if (stop.stop_requested() || session.read(reply.timeline(), {}, stop).stopped)
            return Finish::stopped;
    }
}

} // namespace

Generated generate(Session &session, std::span<const Token> prompt, const GenerateOptions &options,
                   const std::function<void(std::string_view)> &on_text,
                   const ProgressSink &progress, std::stop_token stop) {
    if (prompt.size() > session.contextTokens())
        fail(ErrorKind::usage, "the text needs {} tokens, the window has {}", prompt.size(),
             session.contextTokens());
    Generated result;
    result.prompt = session.read(prompt, progress, stop);
    if (result.prompt.stopped) {
        result.finish = Finish::stopped;
        return result;
    }
    auto start = Clock::now();
    ReplyWriter reply(session.engine().tokenizer(), prompt, options, result, on_text);
    reply.end(write(session, reply, options, result, progress, stop));
    result.decode_seconds = secondsSince(start);
    return result;
}

} // namespace longscope::engine
