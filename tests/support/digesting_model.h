// A TextModel without a model: it counts words and digests deterministically (the first sentences
// of what it is given, and its numbers), refuses prompts beyond its window as the engine does, and
// remembers what it was asked.
#pragma once

#include "compute/core/error.h"
#include "compute/document/characters.h"
#include "compute/document/sentences.h"
#include "compute/reading/text_model.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace longscope::testing {

class DigestingModel final : public reading::TextModel {
  public:
    uint64_t parameters = 3'000'000'000, window_tokens = 4096;
    std::vector<std::string> prompts; ///< the user's messages, in the order of the calls
    std::vector<uint64_t> prompt_tokens, reply_limits;
    bool together = false;
    bool shows_group = false;   ///< replies written together say how many they are, as the last
                                ///< bits of a real one's depend on who is written with it
    std::vector<size_t> groups; ///< calls of writeTogether: how many requests each
    uint64_t counted = 0;       ///< calls of countTokens
    std::function<void(std::string_view)> on_count; ///< each of them
    /// Called before each call with its number, from 0.
    std::function<void(size_t)> before_call;

    reading::TextModelFacts facts() const override {
        return {.name = "Digest",
                .fingerprint = "digest 1",
                .device = "none",
                .parameters = parameters,
                .window_tokens = window_tokens};
    }
    /// A word has one token for each six bytes, begun ones included.
    uint64_t countTokens(std::string_view text) override {
        ++counted;
        if (on_count)
            on_count(text);
        uint64_t tokens = 0, bytes = 0;
        for (char c : text) {
            bool blank = c == ' ' || c == '\n';
            tokens += !blank && bytes % 6 == 0;
            bytes = blank ? 0 : bytes + 1;
        }
        return tokens;
    }
    uint64_t countPrompt(const std::vector<model::Message> &messages) override {
        uint64_t tokens = 3;
        for (const model::Message &message : messages)
            tokens += 4 + countTokens(message.content);
        return tokens;
    }
    reading::TextReply write(const reading::TextRequest &request, const OnText &on_text,
                             const ProgressSink &progress, std::stop_token stop) override {
        uint64_t tokens = countPrompt(request.messages);
        if (tokens + request.options.max_tokens > window_tokens)
            fail(ErrorKind::usage, "needs {} tokens, window {}",
                 tokens + request.options.max_tokens, window_tokens);
        size_t call = prompts.size();
        prompts.push_back(request.messages.back().content);
        prompt_tokens.push_back(tokens);
        reply_limits.push_back(request.options.max_tokens);
        if (before_call)
            before_call(call);
        if (progress)
            progress({.label = "reading", .unit = "tokens", .done = tokens, .total = tokens});
        reading::TextReply reply{.text = "", .prompt_tokens = tokens};
        for (const std::string &word : wordsOf(digest(request))) {
            if (stop.stop_requested())
                return stopped(std::move(reply));
            if (reply.written_tokens + 1 >= request.options.max_tokens)
                break;
            reply.text += (reply.text.empty() ? "" : " ") + word;
            reply.written_tokens = countTokens(reply.text);
            if (on_text && !on_text(reply.text))
                return stopped(std::move(reply));
        }
        reply.finish = engine::Finish::end_of_text;
        reply.prompt_seconds = 0.001 * static_cast<double>(tokens);
        reply.write_seconds = 0.01 * static_cast<double>(reply.written_tokens);
        return reply;
    }

    bool writesTogether() const override { return together; }
    std::vector<reading::TextReply> writeTogether(std::span<const reading::TextRequest> requests,
                                                  const OnTextOf &on_text,
                                                  const ProgressSink &progress,
                                                  std::stop_token stop) override {
        groups.push_back(requests.size());
        together_with_ = requests.size();
        auto replies = TextModel::writeTogether(requests, on_text, progress, std::move(stop));
        together_with_ = 0;
        return replies;
    }

  private:
    static reading::TextReply stopped(reading::TextReply reply) {
        reply.finish = engine::Finish::stopped;
        return reply;
    }
    static std::vector<std::string> wordsOf(const std::string &text) {
        std::vector<std::string> words;
        for (size_t at = 0; at < text.size();) {
            size_t end = std::min(text.find(' ', at), text.size());
            if (end > at)
                words.push_back(text.substr(at, end - at));
            at = end + 1;
        }
        return words;
    }
    /// The text between the first line and the task.
    std::string digest(const reading::TextRequest &request) const {
        std::string text = request.messages.back().content;
        text.erase(0, text.find('\n') + 1);
        text.erase(std::min(text.rfind("\n\n"), text.size()));
        for (size_t at = text.find(":\n"); at != text.npos; at = text.find(":\n"))
            text.erase(text.rfind('\n', at) + 1, at + 1 - text.rfind('\n', at));
        std::string out, numbers;
        if (shows_group && together_with_ > 0)
            out = "Of " + std::to_string(together_with_) + " replies this is one.";
        size_t sentences = 0;
        for (size_t at = 0; at < text.size();) { // paragraph by paragraph
            size_t end = std::min(text.find("\n\n", at), text.size());
            // A line without a stop is a title.
            size_t line = std::min(text.find('\n', at), end);
            if (line < end && !document::hasFinalStop(std::string_view(text).substr(at, line - at)))
                at = line + 1;
            auto spans = document::sentenceSpans(std::string_view(text).substr(at, end - at));
            if (!spans.empty() && sentences < 3 &&
                document::hasFinalStop(
                    text.substr(at + spans[0].start, spans[0].end - spans[0].start))) {
                out += (out.empty() ? "" : " ") +
                       text.substr(at + spans[0].start, spans[0].end - spans[0].start);
                ++sentences;
            }
            at = end + 2;
        }
        for (size_t at = 0; at < text.size(); ++at)
            if (document::isDigit(static_cast<unsigned char>(text[at]))) {
                size_t end = std::min(text.find_first_not_of("0123456789", at), text.size());
                numbers += " " + text.substr(at, end - at);
                at = end;
            }
        for (char &c : out)
            c = c == '\n' ? ' ' : c;
        return numbers.empty() ? out : out + " Seen here:" + numbers + ".";
    }

    size_t together_with_ = 0;
};

} // namespace longscope::testing
