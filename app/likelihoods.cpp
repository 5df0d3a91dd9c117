#include "app/likelihoods.h"

#include <algorithm>
#include <cmath>

namespace longscope::app {

void Likelihoods::add(double nll) {
    sum += nll;
    squares += nll * nll;
    ++count;
}

double Likelihoods::mean() const {
    return count ? sum / static_cast<double>(count) : 0;
}

double Likelihoods::perplexity() const {
    return std::exp(mean());
}

double Likelihoods::error() const {
    if (count < 2)
        return 0;
    double variance = squares / static_cast<double>(count) - mean() * mean();
    return perplexity() * std::sqrt(std::max(0.0, variance) / static_cast<double>(count - 1));
}

double negativeLogLikelihood(std::span<const float> logits, model::Token target) {
    return -engine::logProbability(logits, target);
}

double divergence(std::span<const float> p, std::span<const float> q) {
    double p_norm = engine::logSumExp(p), q_norm = engine::logSumExp(q), sum = 0;
    for (size_t i = 0; i < p.size(); ++i) {
        double log_p = static_cast<double>(p[i]) - p_norm;
        if (log_p > -40) // below, the term is smaller than rounding
            sum += std::exp(log_p) * (log_p - (static_cast<double>(q[i]) - q_norm));
    }
    return std::max(0.0, sum);
}

} // namespace longscope::app
