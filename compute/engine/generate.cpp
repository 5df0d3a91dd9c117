#include "compute/engine/generate.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/engine/text_writer.h"

#include <chrono>

namespace longscope::engine {
namespace {

/// Samples and decodes until something ends it; `timeline` begins as the prompt.
Finish write(Session &session, std::vector<Token> timeline, const GenerateOptions &options,
             TextWriter &writer, Generated &result, const ProgressSink &progress,
             const std::stop_token &stop) {
    const model::Tokenizer &tokenizer = session.engine().tokenizer();
    Sampler sampler(options.sampling);
    auto start = Clock::now();
    Progress told{.label = "writing", .unit = "tokens", .done = 0, .total = options.max_tokens};
    while (result.tokens.size() < options.max_tokens) {
        Token token = sampler.sample(session.logits(), timeline);
        if (tokenizer.isEndOfGeneration(token))
            return Finish::end_of_text;
        timeline.push_back(token);
        result.tokens.push_back(token);
        bool more = writer.push(token);
        told.done = result.tokens.size();
        told.seconds = secondsSince(start);
        if (progress)
            progress(told);
        if (!more)
            return Finish::stop_string;
        if (result.tokens.size() == options.max_tokens)
            break; // the logits after the last token are not needed
        if (timeline.size() > session.contextTokens())
            return Finish::window_full;
        if (stop.stop_requested() || session.read(timeline, {}, stop).stopped)
            return Finish::stopped;
    }
    return Finish::length;
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
    TextWriter writer(session.engine().tokenizer(), options, result, on_text);
    result.finish =
        write(session, {prompt.begin(), prompt.end()}, options, writer, result, progress, stop);
    if (writer.finish())
        result.finish = Finish::stop_string;
    result.decode_seconds = secondsSince(start);
    return result;
}

} // namespace longscope::engine
