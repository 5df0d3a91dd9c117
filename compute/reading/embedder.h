// Texts as vectors, so that likeness of meaning is an angle. A chat model's hidden states serve,
// and are weaker than an embedding model's: measured in tests/bench/results/retrieval.md.
#pragma once

#include "compute/core/progress.h"
#include "compute/document/sentences.h"
#include "compute/engine/worker.h"

#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace longscope::reading {

/// A text and the parts of it that each become a vector, read in the light of all that stands
/// before.
struct EmbedText {
    std::string text;
    std::vector<document::Span> parts; ///< bytes, in order; never empty
};

class Embedder {
  public:
    virtual ~Embedder() = default;
    /// Equal where the same text gets the same vectors.
    virtual std::string fingerprint() const = 0;
    /// "hidden states of SmolLM2, weaker than an embedding model"
    virtual std::string description() const = 0;
    /// Made for embedding: a text has one vector, of all of it. Else sentences have vectors of
    /// their own, and what all texts of a kind share has to be taken away.
    virtual bool isTrained() const = 0;
    /// Hands out [dim] for each part of each text, in order, on any thread. Throws Error(stopped)
    /// after a stop, Error(usage) when a text is longer than the window, and what the engine
    /// throws.
    using Vectors = std::vector<std::vector<float>>;
    using OnVectors = std::function<void(size_t text, Vectors vectors)>;
    virtual void embed(std::span<const EmbedText> texts, const OnVectors &on_vectors,
                       const ProgressSink &progress, std::stop_token stop) = 0;
};

/// How the states of a text's tokens become one vector.
struct Pooling {
    enum class Kind { mean, first, last };
    Kind kind = Kind::mean;
    uint32_t layer = 0;         ///< states after so many layers
    bool normed = false;        ///< behind the last norm; after all layers only
    bool alike = false;         ///< each token counts as much, whatever the length of its state
    bool without_first = false; ///< the first token takes attention that has nowhere to go: its
                                ///< state is huge and says nothing of the text
    bool trained = false;       ///< the file says how: it is an embedding model
};

/// As `{architecture}.pooling_type` of the file says. Without it what did best with a chat model,
/// of six layers and both centres: the mean of the states two layers before the last, which turn
/// into the prediction of the next word after that. Throws Error(model) for a kind that gives no
/// vector of a text (rank).
Pooling choosePooling(const model::Gguf &file, const model::Config &config);

/// The worker's model as an embedder. It reads in a session of its own, so that what the worker
/// has read is kept.
class EngineEmbedder final : public Embedder {
  public:
    /// The worker's model must be loaded, and stay.
    explicit EngineEmbedder(engine::Worker &worker);
    std::string fingerprint() const override { return fingerprint_; }
    std::string description() const override { return description_; }
    bool isTrained() const override { return pooling_.trained; }
    void embed(std::span<const EmbedText> texts, const OnVectors &on_vectors,
               const ProgressSink &progress, std::stop_token stop) override;

  private:
    engine::Worker &worker_;
    Pooling pooling_;
    std::string fingerprint_, description_;
};

} // namespace longscope::reading
