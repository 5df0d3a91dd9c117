// The local engine as a `Scorer`: the prompt goes into the worker's session, where what was read
// before of the same document is kept.
#pragma once

#include "compute/reading/engine_model.h"
#include "compute/reading/scorer.h"

namespace longscope::reading {

class EngineScorer final : public Scorer {
  public:
    /// The model must live longer. One call at a time.
    explicit EngineScorer(EngineModel &model) : model_(model) {}

    TextModelFacts facts() const override { return model_.facts(); }
    uint64_t countTokens(std::string_view text) override { return model_.countTokens(text); }
    uint64_t countPrompt(const std::vector<model::Message> &messages) override {
        return model_.countPrompt(messages);
    }
    ScoreReply score(const ScoreRequest &request, const ProgressSink &progress,
                     std::stop_token stop) override;

  private:
    EngineModel &model_;
};

/// Log-probabilities of the continuations [continuation] after `prompt`, which is read once; a
/// continuation may be empty (0). The session's timeline ends as the prompt with the last of them.
/// Throws as Session::read does, and Error(stopped).
std::vector<double> scoreContinuations(engine::Session &session,
                                       std::span<const model::Token> prompt,
                                       std::span<const std::vector<model::Token>> continuations,
                                       const ProgressSink &progress, std::stop_token stop);

} // namespace longscope::reading
