// Chooses the next token from logits: repeat penalty, temperature, top-k, top-p, min-p, seed.
#pragma once

#include "compute/model/tokenizer.h"

#include <cstdint>
#include <random>
#include <span>

namespace longscope::engine {

struct SamplingOptions {
    float temperature = 0.7f; ///< 0 = greedy, deterministic (the lowest id wins a tie)
    uint32_t top_k = 40;      ///< 0 = off
    float top_p = 0.95f;      ///< 1 = off
    float min_p = 0.05f;      ///< 0 = off
    float repeat_penalty = 1; ///< 1 = off; divides positive, multiplies negative logits
    uint32_t repeat_window = 64;
    uint64_t seed = 0; ///< 0 = a random one
};

class Sampler {
  public:
    explicit Sampler(const SamplingOptions &options);
    /// `logits` [vocab]; `recent` are the tokens so far, newest last.
    model::Token sample(std::span<const float> logits, std::span<const model::Token> recent);
    uint64_t seed() const { return seed_; }

  private:
    SamplingOptions options_;
    uint64_t seed_;
    std::mt19937_64 random_;
};

} // namespace longscope::engine
