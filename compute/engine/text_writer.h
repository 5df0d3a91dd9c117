// Writing a reply, token by token; for compute/engine alone.
#pragma once

#include "compute/engine/generate.h"
#include "compute/engine/stop_strings.h"

#include <optional>

namespace longscope::engine {

/// The text side of writing: whole characters, without stop strings, handed out piece by piece.
class TextWriter {
  public:
    TextWriter(const model::Tokenizer &tokenizer, const GenerateOptions &options, Generated &result,
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

/// A reply while it is written: chooses tokens and knows when it has ended. It begins with the
/// prompt as its timeline.
class ReplyWriter {
  public:
    ReplyWriter(const model::Tokenizer &tokenizer, std::span<const Token> prompt,
                const GenerateOptions &options, Generated &result,
                const std::function<void(std::string_view)> &on_text)
        : tokenizer_(tokenizer), most_(options.max_tokens), result_(result),
          text_(tokenizer, options, result, on_text), sampler_(options.sampling),
          timeline_(prompt.begin(), prompt.end()) {}

    /// Chooses the token that follows the last one, whose logits these are; why the reply has ended
    /// with it or instead of it, or nothing when it goes on.
    std::optional<Finish> next(std::span<const float> logits) {
        if (result_.tokens.size() >= most_)
            return Finish::length;
        Token token = sampler_.sample(logits, timeline_);
        if (tokenizer_.isEndOfGeneration(token))
            return Finish::end_of_text;
        timeline_.push_back(token);
        result_.tokens.push_back(token);
        if (!text_.push(token))
            return Finish::stop_string;
        if (result_.tokens.size() >= most_)
            return Finish::length; // the logits after the last token are not needed
        return std::nullopt;
    }
    /// Hands out what was held back.
    void end(Finish finish) { result_.finish = text_.finish() ? Finish::stop_string : finish; }

    /// The prompt and what was written.
    const std::vector<Token> &timeline() const { return timeline_; }

  private:
    const model::Tokenizer &tokenizer_;
    uint64_t most_;
    Generated &result_;
    TextWriter text_;
    Sampler sampler_;
    std::vector<Token> timeline_;
};

} // namespace longscope::engine
