// Questions about a document. The answer is the document's own best sentence with its neighbours
// where the model is too small to be believed, else the model's words with every sentence checked;
// either with its places, and said plainly when nothing was found.
#pragma once

#include "compute/document/document.h"
#include "compute/document/result_store.h"
#include "compute/reading/best_sentence.h"
#include "compute/reading/embedder.h"
#include "compute/reading/retrieval.h"
#include "compute/reading/sources.h"
#include "compute/reading/text_model.h"

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace longscope::reading {

enum class AskStrategy { automatic, whole, retrieve };
const char *nameOf(AskStrategy strategy); ///< "auto", "whole", "retrieve"

struct AskOptions {
    AskStrategy strategy = AskStrategy::automatic;
    std::optional<bool> write; ///< the model answers in its words; unset: from a billion parameters
    size_t places = 5;         ///< passages looked at, and shown as sources
    uint64_t most_tokens = 160;                          ///< of a written answer
    engine::SamplingOptions sampling = greedySampling(); ///< looked up, not invented
    std::string without_model = "no model is used";      ///< why there is none, for the reason
};

struct Answer {
    std::string question;
    std::string text; ///< "Not found in …" when nothing was
    bool found = false;
    bool written = false;  ///< by the model
    double confidence = 0; ///< 0 to 1: share of the words; measures wording, not truth
    std::vector<SourcedSentence> sentences; ///< of the answer; none when nothing was found
    /// The places looked at, whole paragraphs, best first; when nothing was found, the closest
    /// ones.
    std::vector<Source> sources;
    AskStrategy strategy = AskStrategy::retrieve; ///< never automatic
    std::string reason;                           ///< why this strategy, a sentence
    bool stopped = false;
    uint64_t calls = 0, prompt_tokens = 0, generated_tokens = 0;
};

/// Where the answer comes from: its best supported or quoted sentence; null: nowhere. Lives as long
/// as the answer.
const Source *bestSource(const Answer &answer);

/// The chat that asks about a text.
std::vector<model::Message> questionPrompt(std::string_view text, std::string_view question);

class Asker {
  public:
    /// The document must stay. `model` may be null: then answers are quoted. Throws Error(usage)
    /// when the model shall write and there is none.
    Asker(const document::Document &document, const AskOptions &options, TextModel *model);
    ~Asker();

    /// Retrieval also by vectors: see Retriever::useVectors.
    void useVectors(Embedder &embedder, document::ResultStore &store, const ProgressSink &progress,
                    std::stop_token stop);

    /// A stop keeps what was written. Throws Error(usage) with both numbers when `whole` was wanted
    /// of a model that shall write and does not fit the window.
    using OnSentence = std::function<void(const SourcedSentence &)>;
    Answer ask(std::string_view question, const OnSentence &on_sentence = {},
               const ProgressSink &progress = {}, std::stop_token stop = {});

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace longscope::reading
