// A TextModel that answers as the test says: a word is a token, a message costs four more. Refuses
// what does not fit its window, as the engine does, and remembers what it was asked.
#pragma once

#include "compute/core/error.h"
#include "compute/reading/text_model.h"
#include "compute/reading/words.h"

#include <functional>
#include <string>
#include <vector>

namespace longscope::testing {

class ScriptedModel final : public reading::TextModel {
  public:
    explicit ScriptedModel(std::function<std::string(const std::string &prompt)> reply)
        : reply_(std::move(reply)) {}

    uint64_t parameters = 100'000'000, window_tokens = 1000;
    std::vector<std::string> prompts; ///< of the user
    std::function<void()> before_call;

    reading::TextModelFacts facts() const override {
        reading::TextModelFacts facts;
        facts.name = facts.fingerprint = "scripted";
        facts.parameters = parameters;
        facts.window_tokens = window_tokens;
        return facts;
    }
    uint64_t countTokens(std::string_view text) override {
        return reading::plainWords(text).size();
    }
    uint64_t countPrompt(const std::vector<model::Message> &messages) override {
        uint64_t tokens = 2;
        for (const model::Message &message : messages)
            tokens += countTokens(message.content) + 4;
        return tokens;
    }
    reading::TextReply write(const reading::TextRequest &request, const OnText &on_text,
                             const ProgressSink &, std::stop_token stop) override {
        reading::TextReply reply;
        reply.prompt_tokens = countPrompt(request.messages);
        if (reply.prompt_tokens + request.options.max_tokens > window_tokens)
            fail(ErrorKind::usage, "needs {} and {} tokens, window {}", reply.prompt_tokens,
                 request.options.max_tokens, window_tokens);
        prompts.push_back(request.messages.back().content);
        if (before_call)
            before_call();
        std::string all = reply_(prompts.back());
        reply.finish = engine::Finish::end_of_text;
        for (size_t end = 0; end < all.size() && reply.finish == engine::Finish::end_of_text;) {
            end = std::min(all.find(' ', end + 1), all.size());
            reply.text = all.substr(0, end);
            reply.written_tokens = countTokens(reply.text);
            if (stop.stop_requested() || (on_text && !on_text(reply.text)))
                reply.finish = engine::Finish::stopped;
            else if (reply.written_tokens >= request.options.max_tokens && end < all.size())
                reply.finish = engine::Finish::length;
        }
        return reply;
    }

  private:
    std::function<std::string(const std::string &)> reply_;
};

} // namespace longscope::testing
