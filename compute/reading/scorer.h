// What classification asks of a language model: how likely each of several continuations is after
// one prompt. The local engine is one (engine_scorer.h); tests have one that computes.
#pragma once

#include "compute/core/progress.h"
#include "compute/model/chat_template.h"
#include "compute/reading/text_model.h"

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

struct ScoreRequest {
    std::vector<model::Message> messages;
    std::string begun; ///< how the reply begins, before the continuations: "Category:"
    std::vector<std::string> continuations;
};

struct Likelihood {
    double log_probability = 0; ///< sum over the continuation's tokens, natural logarithm
    uint64_t tokens = 0;        ///< of the continuation
};

struct ScoreReply {
    std::vector<Likelihood> likelihoods; ///< one a continuation
    uint64_t prompt_tokens = 0, reused_tokens = 0;
    double seconds = 0;
};

class Scorer {
  public:
    virtual ~Scorer() = default;
    virtual TextModelFacts facts() const = 0;
    virtual uint64_t countTokens(std::string_view text) = 0;
    virtual uint64_t countPrompt(const std::vector<model::Message> &messages) = 0;
    /// Reads the prompt once, whatever the number of continuations. Throws Error(usage) with both
    /// numbers when prompt and longest continuation do not fit the window, Error(stopped) after a
    /// stop, and what the engine throws.
    virtual ScoreReply score(const ScoreRequest &request, const ProgressSink &progress,
                             std::stop_token stop) = 0;
};

} // namespace longscope::reading
