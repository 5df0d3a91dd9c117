// What `perplexity` prints.
#pragma once

#include "app/likelihoods.h"
#include "app/options.h"
#include "compute/engine/attention.h"

#include <optional>
#include <string>
#include <vector>

namespace longscope::app {

struct PerplexityResult {
    std::string setting;
    Likelihoods second_half;
    Likelihoods against_full;    ///< KL from full attention, nats
    std::vector<Likelihoods> at; ///< by position of the logits, only with --by-position
    engine::AttentionWork work;
    double density = 0, computed = 0; ///< pairs seen, and gone through, of those of full attention
    std::optional<double> recall;     ///< share of full attention's probability that is kept
    double seconds = 0;
    uint64_t cache_bytes = 0;
};

struct PerplexityProtocol {
    uint64_t context = 0, windows = 0;
};

void printPerplexity(const Options &options, const PerplexityProtocol &protocol,
                     const std::vector<PerplexityResult> &results);

} // namespace longscope::app
