// One sentence of a passage by a very small model. Of several tries the one whose words are most
// those of the passage is taken: measured with a model of 135 million parameters, it raised the
// share of supported sentences from 0.40 (the first one) to 0.67 (the best of six).
#pragma once

#include "compute/document/document.h"
#include "compute/engine/sampler.h"
#include "compute/reading/support.h"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace longscope::reading {

/// Greedy first, then warm, each with a seed of its own.
engine::SamplingOptions factSampling(unsigned attempt, uint64_t seed);

class FactChoice {
  public:
    explicit FactChoice(std::string_view passage);

    void offer(std::string sentence);
    /// Another try could hardly be better.
    bool isEnough() const;
    /// The best one that passes the support check; nothing when none does.
    std::optional<std::string> best() const;

  private:
    double bigramShare(std::string_view sentence) const;

    document::Document passage_;
    SupportCheck support_;
    std::set<std::pair<std::string, std::string>> bigrams_;
    std::string best_;
    double best_score_ = 0;
    bool enough_ = false;
};

} // namespace longscope::reading
