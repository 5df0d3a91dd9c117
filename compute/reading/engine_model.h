// The local engine as a `TextModel`: each call is a task of the worker, so that prefixes that were
// read before are kept.
#pragma once

#include "compute/engine/generate_together.h"
#include "compute/engine/worker.h"
#include "compute/reading/text_model.h"

#include <memory>
#include <optional>
#include <string_view>

namespace longscope::reading {

class EngineModel final : public TextModel {
  public:
    /// The worker's model must be loaded, and stay. One call at a time. `settings` says what
    /// replies depend on beside the model's file (adapters, attention, positions), in any words;
    /// `window_tokens` is the most that prompt and reply may have together, 0 = as trained.
    explicit EngineModel(engine::Worker &worker, std::string_view settings = {},
                         uint64_t window_tokens = 0);

    TextModelFacts facts() const override { return facts_; }
    uint64_t countTokens(std::string_view text) override;
    uint64_t countPrompt(const std::vector<model::Message> &messages) override;
    TextReply write(const TextRequest &request, const OnText &on_text, const ProgressSink &progress,
                    std::stop_token stop) override;
    bool writesTogether() const override;
    std::vector<TextReply> writeTogether(std::span<const TextRequest> requests,
                                         const OnTextOf &on_text, const ProgressSink &progress,
                                         std::stop_token stop) override;
    AttendedShares attended(const AttendedRequest &request, std::stop_token stop) override;
    engine::Worker &worker() { return worker_; }

  private:
    void reserve(std::span<const engine::TogetherRequest> requests);

    engine::Worker &worker_;
    std::shared_ptr<const model::Tokenizer> tokenizer_;
    TextModelFacts facts_;
    mutable std::optional<bool> writes_together_; ///< when first asked for: it needs a session
    uint64_t prompt_tokens_ = 0;                  ///< of the last call
};

} // namespace longscope::reading
