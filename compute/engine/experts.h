// The verbs of an expert layer (mixture of experts): which experts each row uses, their products,
// and the sum of their results. Between gate_up and down stands the activation of the model's
// feed-forward block, over rows = assignments. An assignment is one choice of a row: number row *
// used + j. The router's own product is Operations::multiply.
#pragma once

#include "compute/engine/activations.h"
#include "compute/engine/expert_linear.h"
#include "compute/gpu/recorder.h"
#include "compute/model/config.h"

namespace longscope::engine {

/// How a router's results z become experts and weights.
struct RoutingRule {
    enum class Chance { softmax, sigmoid, logits };
    enum class Weight { chance, softmax_of_chosen, sigmoid_of_z };

    uint32_t experts = 0;
    uint32_t used = 0;               ///< of each row
    Chance chance = Chance::softmax; ///< what is compared, after the selection bias is added
    Weight weight = Weight::chance;
    bool normalize = false; ///< weights /= max(their sum, 2^-14)
    float factor = 1;       ///< of the weights
    uint32_t groups = 1;    ///< of neighbouring experts; only the groups_used best take part
    uint32_t groups_used = 1;
    bool weighs_input = false; ///< gate and up were made so: the sum of results is plain
};

/// How the experts of a model are chosen.
RoutingRule routingRule(const model::Config &config);

/// Columns of the activations, as the plain feed-forward block has them.
struct ExpertWidths {
    uint32_t model = 0, gate_up = 0, hidden = 0;
};

/// What the verbs need for one chunk, reused by every layer.
struct ExpertScratch {
    Activations logits;  ///< [chunk, experts padded] of the router
    Activations gate_up; ///< [assignments, gate | up]
    Activations hidden;  ///< [assignments, hidden]
    Activations results; ///< [assignments, model_dim]
    gpu::Buffer ids;     ///< [assignments]
    gpu::Buffer weights; ///< [assignments]
    gpu::Buffer order;   ///< [assignments] sorted by expert
    gpu::Buffer tiles;   ///< [tiles, GROUP_TILE_WORDS]
};

/// Bytes that makeExpertScratch will book under "scratch".
uint64_t planExpertScratch(const RoutingRule &rule, const ExpertWidths &widths,
                           const Tiling &tiling);
ExpertScratch makeExpertScratch(gpu::Device &device, const RoutingRule &rule,
                                const ExpertWidths &widths, const Tiling &tiling);

class Experts {
  public:
    /// Throws Error(model) for a rule that the kernels cannot follow, with its numbers.
    Experts(gpu::Device &device, const Tiling &tiling, const RoutingRule &rule);

    /// ids and weights from scratch.logits; sorted into tiles where `multiply` of as many rows will
    /// need them.
    /// `selection_bias` [experts] counts for the choice only; null: none.
    void route(gpu::Recorder &recorder, const gpu::Buffer *selection_bias,
               const ExpertScratch &scratch, uint32_t rows) const;
    enum class Input { of_row, of_assignment }; ///< what the rows of x are
    /// y[a] = W x of the expert of assignment a
    void multiply(gpu::Recorder &recorder, const ExpertGroup &group, const Activations &x,
                  Input input, const Activations &y, const ExpertScratch &scratch,
                  uint32_t rows) const;
    enum class Into { added, replaced };
    /// x[row] (+)= the weighted sum of the results of its experts
    void combine(gpu::Recorder &recorder, const ExpertScratch &scratch, const Activations &x,
                 Into into, uint32_t rows) const;

  private:
    /// Whether each assignment is multiplied alone: few assignments seldom share an expert.
    bool takesMatvec(uint32_t rows) const;
    uint32_t tilesFor(uint32_t rows) const;
    void group(gpu::Recorder &recorder, const ExpertScratch &scratch, uint32_t rows) const;

    const Tiling tiling_;
    const RoutingRule rule_;
    const gpu::Pipeline *route_, *route_biased_, *group_, *combine_, *combine_added_;
};

} // namespace longscope::engine
