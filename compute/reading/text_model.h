// What every strategy of reading asks of a language model: to count and to write. The local engine
// is one (engine_model.h), a remote one may be another, and tests have one that digests.
#pragma once

#include "compute/core/progress.h"
#include "compute/engine/generate.h"
#include "compute/model/chat_template.h"
#include "compute/reading/attended.h"

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

/// The likeliest token each time: the same text gives the same reply.
engine::SamplingOptions greedySampling();

struct TextModelFacts {
    std::string name;
    std::string fingerprint; ///< equal where the same prompt gets the same reply
    std::string device;      ///< where it runs; speeds differ by it
    uint64_t parameters = 0;
    uint64_t window_tokens = 0; ///< the most that prompt and reply may have together
};

struct TextRequest {
    std::vector<model::Message> messages;
    engine::GenerateOptions options;
};

struct TextReply {
    std::string text;
    engine::Finish finish = engine::Finish::length;
    uint64_t prompt_tokens = 0, reused_tokens = 0, written_tokens = 0;
    double prompt_seconds = 0, write_seconds = 0;
};

class TextModel {
  public:
    virtual ~TextModel() = default;
    virtual TextModelFacts facts() const = 0;
    /// Of a text alone, and of messages in the model's chat template.
    virtual uint64_t countTokens(std::string_view text) = 0;
    virtual uint64_t countPrompt(const std::vector<model::Message> &messages) = 0;
    /// `on_text` gets all that is written so far and answers whether to go on (empty: always). A
    /// stop gives what there is, with Finish::stopped; `on_text` saying no does too. Throws
    /// Error(usage) with both numbers when the prompt does not fit, and what the engine throws.
    using OnText = std::function<bool(std::string_view so_far)>;
    virtual TextReply write(const TextRequest &request, const OnText &on_text,
                            const ProgressSink &progress, std::stop_token stop) = 0;
    /// Whether several replies at once are faster than one after another.
    virtual bool writesTogether() const { return false; }
    /// The replies to all requests; `on_text` is told which one, and what it answers is for that
    /// one alone. It may be called on another thread while this waits. Throws as `write`.
    using OnTextOf = std::function<bool(size_t request, std::string_view so_far)>;
    virtual std::vector<TextReply> writeTogether(std::span<const TextRequest> requests,
                                                 const OnTextOf &on_text,
                                                 const ProgressSink &progress,
                                                 std::stop_token stop);
    /// Of the last reply, while no other has been written: see attended.h. Empty where a model does
    /// not show its attention.
    virtual AttendedShares attended(const AttendedRequest &, std::stop_token) { return {}; }
};

} // namespace longscope::reading
