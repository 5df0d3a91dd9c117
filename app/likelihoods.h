// How well a model predicts: negative log-likelihoods of the tokens that came, and how far one
// prediction is from another.
#pragma once

#include "compute/engine/likelihood.h"

#include <cstdint>
#include <span>
#include <vector>

namespace longscope::app {

/// Mean and spread of negative log-likelihoods.
struct Likelihoods {
    double sum = 0, squares = 0;
    uint64_t count = 0;

    void add(double nll);
    double mean() const;
    double perplexity() const;
    /// Standard error of the mean, carried through exp.
    double error() const;
};

/// -ln softmax(logits)[target].
double negativeLogLikelihood(std::span<const float> logits, model::Token target);
/// KL(p || q) in nats of the distributions that the logits stand for.
double divergence(std::span<const float> p, std::span<const float> q);

} // namespace longscope::app
