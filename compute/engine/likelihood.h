// Logits as probabilities: what a token costs the model that expected others.
#pragma once

#include "compute/model/tokenizer.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace longscope::engine {

/// ln sum exp(logits), in double.
inline double logSumExp(std::span<const float> logits) {
    float largest = *std::ranges::max_element(logits);
    double sum = 0;
    for (float logit : logits)
        sum += static_cast<double>(std::exp(logit - largest));
    return std::log(sum) + static_cast<double>(largest);
}

/// ln softmax(logits)[token], at most 0.
inline double logProbability(std::span<const float> logits, model::Token token) {
    return static_cast<double>(logits[static_cast<size_t>(token)]) - logSumExp(logits);
}

} // namespace longscope::engine
