// What the user asks of a summary.
#pragma once

#include "compute/engine/sampler.h"
#include "compute/reading/prompts.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace longscope::reading {

/// Below this many parameters a model's own sentences are seldom true to the text, however they are
/// asked for: the program quotes, and lets it write one sentence of a short passage at most.
constexpr uint64_t kBelievedParameters = 1'000'000'000;

enum class Strategy { automatic, whole, map_reduce, refine, tree, extract };

/// As on the command line: "auto", "map-reduce".
std::string_view strategyName(Strategy strategy);
std::optional<Strategy> findStrategy(std::string_view name);

/// How a summary is written unless the user says otherwise, the same each time: see the .cpp.
engine::SamplingOptions summarySampling();

struct SummaryOptions {
    Strategy strategy = Strategy::automatic;
    Wording wording;
    unsigned key_sentences = 8; ///< that extract quotes
    engine::SamplingOptions sampling = summarySampling();
};

} // namespace longscope::reading
