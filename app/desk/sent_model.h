// The loaded model as strategies of reading call it (compute/reading), within a task of the desk:
// with the window of the settings, remembering what it was sent, showing the memory as it grows.
#pragma once

#include "app/desk/parts.h"
#include "compute/reading/engine_model.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace longscope::app {

/// What a task that reads must know of the desk; taken on the desk's thread.
struct ReadingFacts {
    std::shared_ptr<const LoadedModel> model; ///< null: none is loaded
    bool is_small = false;                    ///< too small to be believed
    uint64_t window_tokens = 0;               ///< UINT64_MAX: any number
    std::string settings;                     ///< what replies depend on beside the model's file

    /// "SmolLM2 135M Instruct"
    std::string modelName() const;
    /// Most tokens of a prompt, beside a reply. As in a conversation's memory a long reply does not
    /// take more than a quarter: it may end sooner.
    uint64_t promptRoom(uint64_t reply_tokens) const {
        return window_tokens - std::min(reply_tokens, window_tokens / 4);
    }
};
ReadingFacts readingFacts(const Core &core);

/// For the thread of the engine's lane.
class SentModel final : public reading::TextModel {
  public:
    /// Throws the worker's Error when no model is loaded.
    SentModel(Core &core, const ReadingFacts &facts);

    reading::TextModelFacts facts() const override { return model_.facts(); }
    uint64_t countTokens(std::string_view text) override { return model_.countTokens(text); }
    uint64_t countPrompt(const std::vector<model::Message> &messages) override {
        return model_.countPrompt(messages);
    }
    reading::TextReply write(const reading::TextRequest &request, const OnText &on_text,
                             const ProgressSink &progress, std::stop_token stop) override;
    bool writesTogether() const override { return model_.writesTogether(); }
    std::vector<reading::TextReply> writeTogether(std::span<const reading::TextRequest> requests,
                                                  const OnTextOf &on_text,
                                                  const ProgressSink &progress,
                                                  std::stop_token stop) override;
    reading::AttendedShares attended(const reading::AttendedRequest &request,
                                     std::stop_token stop) override {
        return model_.attended(request, std::move(stop));
    }

    /// For what the model can do beside writing.
    reading::EngineModel &engineModel() { return model_; }
    /// Shows the memory, too, as it grows.
    ProgressSink withMemory(const ProgressSink &progress);

    /// The messages of the last call; none: nothing was sent. The session holds them, or of replies
    /// written together what their prompts share.
    std::vector<model::Message> sent;
    engine::Task task; ///< of the last call

  private:
    void showMemory();

    Core &core_;
    reading::EngineModel model_;
    std::chrono::steady_clock::time_point shown_at_{};
};

/// How a prompt about a document and its reply are made up: the whole text apart when it has the
/// layout of compute/reading/prompts.h. `request` and `message` are those of the conversation.
AttentionPart::Sent sentPieces(const document::Document &document, uint64_t document_id,
                               const std::vector<model::Message> &prompt, uint64_t request,
                               uint64_t message, const std::string &text);

} // namespace longscope::app
