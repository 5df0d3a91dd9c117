// The text side of writing; for compute/engine alone.
#pragma once

#include "compute/engine/generate.h"
#include "compute/engine/stop_strings.h"

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

} // namespace longscope::engine
