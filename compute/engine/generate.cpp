#include "compute/engine/generate.h"

#include "compute/core/clock.h"
#include "compute/core/error.h"
#include "compute/engine/stop_strings.h"

#include <chrono>

namespace longscope::engine {
namespace {

/// The text side of writing: whole characters, without stop strings, handed out piece by piece.
class Writer {
  public:
    Writer(const model::Tokenizer &tokenizer, const GenerateOptions &options, Generated &result,
           const std::function<void(std::string_view)> &on_text)
        : decoder_(tokenizer, options.show_special), stops_(options.stop_strings), result_(result),
          on_text_(on_text) {}

    /// False when the text is complete.
    bool push(Token token) {
        emit(stops_.push(decoder_.push(token)));
        return !stops_.found();
    }
    /// True when the held-back bytes completed a stop string.
    bool finish() {
        emit(stops_.push(decoder_.finish()));
        emit(stops_.finish());
        return stops_.found();
    }

  private:
    void emit(const std::string &piece) {
        if (piece.empty())
            return;
        result_.text += piece;
        if (on_text_)
            on_text_(piece);
    }

    model::StreamDecoder decoder_;
    StopStrings stops_;
    Generated &result_;
    const std::function<void(std::string_view)> &on_text_;
};

/// Samples and decodes until something ends it; `timeline` begins as the prompt.
Finish write(Session &session, std::vector<Token> timeline, const GenerateOptions &options,
             Writer &writer, Generated &result, const ProgressSink &progress,
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
    Writer writer(session.engine().tokenizer(), options, result, on_text);
    result.finish =
        write(session, {prompt.begin(), prompt.end()}, options, writer, result, progress, stop);
    if (writer.finish())
        result.finish = Finish::stop_string;
    result.decode_seconds = secondsSince(start);
    return result;
}

} // namespace longscope::engine
