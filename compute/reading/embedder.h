// Texts as vectors, so that likeness of meaning is an angle. A chat model's hidden states serve,
// and are weaker than an embedding model's: measured in tests/bench/results/retrieval.md.
#pragma once

#include "compute/core/progress.h"
#include "compute/engine/worker.h"

#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace longscope::reading {

class Embedder {
  public:
    virtual ~Embedder() = default;
    /// Equal where the same text gets the same vector.
    virtual std::string fingerprint() const = 0;
    /// "hidden states of SmolLM2, weaker than an embedding model"
    virtual std::string description() const = 0;
    /// Hands out [dim] for each text in order, on any thread. Throws Error(stopped) after a stop,
    /// Error(usage) when a text is longer than the window, and what the engine throws.
    using OnVector = std::function<void(size_t text, std::vector<float> vector)>;
    virtual void embed(std::span<const std::string> texts, const OnVector &on_vector,
                       const ProgressSink &progress, std::stop_token stop) = 0;
};

/// How the states of a text's tokens become one vector.
struct Pooling {
    enum class Kind { mean, first, last };
    Kind kind = Kind::mean;
    uint32_t layer = 0;         ///< states after so many layers; all of them: see `normed`
    bool normed = true;         ///< behind the last norm; after all layers only
    bool without_first = false; ///< the first token takes attention that has nowhere to go: its
                                ///< state is huge and says nothing of the text
    bool own = false;           ///< the file says how: it is an embedding model
};

/// As `{architecture}.pooling_type` of the file says; without it, what did best with a chat model.
/// Throws Error(model) for a kind that gives no vector of a text (rank).
Pooling choosePooling(const model::Gguf &file, const model::Config &config);

/// The worker's model as an embedder. It reads in a session of its own, so that what the worker
/// has read is kept.
class EngineEmbedder final : public Embedder {
  public:
    /// The worker's model must be loaded, and stay.
    explicit EngineEmbedder(engine::Worker &worker);
    std::string fingerprint() const override { return fingerprint_; }
    std::string description() const override { return description_; }
    void embed(std::span<const std::string> texts, const OnVector &on_vector,
               const ProgressSink &progress, std::stop_token stop) override;

  private:
    engine::Worker &worker_;
    Pooling pooling_;
    std::string fingerprint_, description_;
};

} // namespace longscope::reading
