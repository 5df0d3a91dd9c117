// What one document says to a survey: its answer to the question, or how well each label fits it.
// For the thread of the engine's lane.
#pragma once

#include "app/desk/sent_model.h"
#include "compute/reading/classify.h"
#include "compute/reading/embedder.h"
#include "compute/reading/engine_scorer.h"
#include "ui/state/survey.h"

#include <optional>
#include <stop_token>
#include <string>

namespace longscope::app {

class SurveyReader {
  public:
    /// Throws Error(usage) for labels without a model, or when the window has no room for them.
    SurveyReader(Core &core, Library &library, const ReadingFacts &facts, const ui::Survey &survey);

    /// Throws Error(stopped) after a stop: half an answer is none.
    ui::SurveyRow read(const document::Document &document, uint64_t id,
                       const ProgressSink &progress, std::stop_token stop);

    std::string note() const; ///< what is to be known of all results, a sentence or two
    /// The model's session holds something else than before.
    bool hasRead() const { return has_read_ || (model_ && !model_->sent.empty()); }
    /// What it was sent last; empty of a reading that was broken off.
    const AttentionPart::Sent &sent() const { return sent_; }

  private:
    void answer(const document::Document &document, ui::SurveyRow &row,
                const ProgressSink &progress, const std::stop_token &stop);
    void classify(const document::Document &document, ui::SurveyRow &row,
                  const ProgressSink &progress, const std::stop_token &stop);

    Library &library_;
    ReadingFacts facts_;
    std::string question_;
    bool has_labels_, by_vectors_;
    std::optional<SentModel> model_;                  ///< none: none is loaded
    std::optional<reading::EngineEmbedder> embedder_; ///< none: words alone are looked for
    std::optional<reading::EngineScorer> scorer_;
    std::optional<reading::Classifier> classifier_;
    AttentionPart::Sent sent_;
    bool has_read_ = false;
};

} // namespace longscope::app
