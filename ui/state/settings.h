// How the model attends, what that costs, and comparisons of two ways.
#pragma once

#include "compute/attention/plan.h"
#include "compute/attention/rope.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace longscope::ui {

/// Specs as on the command line. Several patterns by layers: separated by spaces.
struct AttentionSettings {
    std::string attention = "full", rope = "model", evict = "none";
    std::string k = "f16", v = "f16";
    uint64_t window_tokens = 0; ///< 0 = what the text needs
    bool operator==(const AttentionSettings &) const = default;
};

/// What a change would cost.
struct Price {
    AttentionSettings settings;
    std::string problem;        ///< why it cannot be; "" = it can
    std::string warning;        ///< beyond the positions' reach, a coarse cache: a sentence
    uint64_t window_tokens = 0; ///< that the bytes are of
    uint64_t cache_bytes = 0, total_bytes = 0;
    uint64_t read_again_tokens = 0;
    double read_again_seconds = 0;    ///< forecast from this device's speed; 0 = not known yet
    double flops = 0;                 ///< of reading the window
    double pairs = 0, full_pairs = 0; ///< of a query and a key, one head of all layers
};

struct ComparedSide {
    AttentionSettings settings;
    std::string text;
    uint64_t prompt_tokens = 0, written_tokens = 0;
    double prompt_seconds = 0, write_seconds = 0;
    uint64_t cache_bytes = 0;
    double pairs = 0;         ///< that were computed, all layers and heads
    std::optional<double> kl; ///< of the next-token distributions against the first side, nats
    std::string error;
};
struct Comparison {
    std::string prompt;
    uint64_t document = 0;
    ComparedSide a, b;
    bool running = false;
};

struct Patterns {
    AttentionSettings applied;
    std::shared_ptr<const Price> price; ///< of the settings that were asked about last
    std::shared_ptr<const Comparison> comparison;
    attention::RopeSettings rope; ///< of the model's file; dims 0 = no model
    uint64_t trained_tokens = 0;
    std::optional<attention::RopeProposal> proposal; ///< when the document needs more than that
};

/// A measured reading.
struct CostDot {
    std::string attention;
    uint64_t tokens = 0;
    double seconds = 0, pairs = 0; ///< pairs: computed, of one head of one layer
    uint64_t cache_bytes = 0;
};
/// Layers that cost the same.
struct CostLayers {
    uint32_t count = 0;
    attention::ModelShape shape; ///< of one of them; heads 0 = they do not attend
    std::string own_pattern;     ///< of the model's own, which stays whatever is asked; "" = none
    uint64_t cache_token_bytes = 0; ///< of one of them, in 16 bits; 0: others keep it for them
    uint64_t state_bytes = 0;       ///< of one of them: recurrence; 0 = none
    bool operator==(const CostLayers &) const = default;
};
/// Facts from which the cost panel draws its curves (compute/attention/plan.h).
struct Cost {
    std::vector<CostLayers> kinds; ///< empty = no model
    double token_flops = 0;        ///< of one token in all layers: matrices and recurrences
    double head_flops = 0;         ///< of one row of logits
    uint32_t chunk_tokens = 0;
    uint32_t layers() const {
        uint32_t sum = 0;
        for (const CostLayers &kind : kinds)
            sum += kind.count;
        return sum;
    }
    /// Query heads of all layers together.
    uint64_t heads() const {
        uint64_t sum = 0;
        for (const CostLayers &kind : kinds)
            sum += uint64_t{kind.count} * kind.shape.heads;
        return sum;
    }
    /// Of all recurrent layers, without copies.
    uint64_t stateBytes() const {
        uint64_t sum = 0;
        for (const CostLayers &kind : kinds)
            sum += kind.count * kind.state_bytes;
        return sum;
    }
    /// Of all heads, for one pair of a query and a key in each.
    double pairFlops() const {
        double sum = 0;
        for (const CostLayers &kind : kinds)
            sum += kind.count * attention::attentionFlops(kind.shape, 1);
        return sum;
    }
    double flops_per_second = 0, bytes_per_second = 0; ///< probed peaks; 0 = not probed yet
    /// Speeds that readings reached so far (fitted to the dots): linear work, pairs. 0 = unknown.
    double linear_flops_per_second = 0, pair_seconds = 0;
    std::vector<CostDot> dots;
};

} // namespace longscope::ui
