// The weights of a model on the device, by role. Which tensors there are, and what multiplies what,
// is read from the architecture's row; `forward` sees only roles. A role that a model does not have
// is empty.
#pragma once

#include "compute/core/progress.h"
#include "compute/engine/blocks.h"
#include "compute/engine/expert_linear.h"
#include "compute/engine/linear.h"
#include "compute/engine/mixer_weights.h"
#include "compute/model/config.h"
#include "compute/model/lora.h"

#include <memory>
#include <stop_token>
#include <vector>

namespace longscope::engine {

/// Multi-head latent attention: see latent.h.
struct LatentWeights {
    LinearGroup q_low; ///< model_dim -> q_rank; empty: none
    Norm q_low_norm;
    LinearGroup q;  ///< of that, or of model_dim -> [heads, still | rotated]
    LinearGroup kv; ///< model_dim -> [c | rotated], where k lies
    Norm kv_norm;
    ExpertLinear keys;   ///< of each head: still part of q -> kv_rank
    ExpertLinear values; ///< of each head: kv_rank -> value_dim

    explicit operator bool() const { return !kv.empty(); }
};

struct AttentionWeights {
    LatentWeights latent;         ///< instead of qkv
    LinearGroup qkv;              ///< model_dim -> q | k | v, gated: k | v | (q | gate)
    Norm q_norm, k_norm, v_norm;  ///< of heads, before rotation
    gpu::Buffer after_q, after_k; ///< [head_dim]: multiply after rotation
    LinearGroup output;
};

/// A feed-forward block: down(act(gate) * up) or down(act(up)).
struct DenseWeights {
    LinearGroup gate_up; ///< model_dim -> gate | up
    LinearGroup down;
    Activation activation; ///< columns: as wide as the block
    bool gated = true;
    uint32_t up_offset = 0; ///< in a row of gate | up
    gpu::Buffer divisor;    ///< ffn.act.scales

    explicit operator bool() const { return !down.empty(); }
};

struct ExpertWeights {
    LinearGroup router;
    Norm router_norm; ///< gemma4: what the router sees is normalised for it alone
    gpu::Buffer selection_bias;
    ExpertGroup gate_up, down;
    Activation activation;
    DenseWeights shared;
    LinearGroup shared_gate; ///< model_dim -> 1, through sigmoid
};

/// gemma4: what only its layers have.
struct PerLayerWeights {
    Norm dense_after, experts_before, experts_after; ///< layers with experts beside the dense block
    LinearGroup gate, projection;                    ///< of the layer's own embedding
    Norm after;
    float output_scale = 1;
};

struct LayerWeights {
    Norm attn_norm, attn_after; ///< before the mixers; behind them, on the branch
    AttentionWeights attention;
    MixerWeights mixer;
    Norm ffn_norm, ffn_after;
    DenseWeights dense;
    ExpertWeights experts;
    PerLayerWeights per_layer;
};

/// Columns of the joined results of one layer, each part padded to a multiple of 32.
struct LayerWidths {
    uint32_t head_dim = 0;               ///< of q and k, padded, as q and the cache store it
    uint32_t k_offset = 0, v_offset = 0; ///< in a row of q | k | v (| gate)
    /// Gated attention: [q | gate] of each head, as the file has them; q is copied to column 0.
    uint32_t gate_offset = 0;
    uint32_t qkv = 0, attended = 0;
    uint32_t up_offset = 0, gate_up = 0, hidden = 0; ///< of the dense feed-forward block
};
/// The same of all layers, and the largest of each for the rows that they share.
struct WidthPlan {
    uint32_t model = 0, vocab = 0;
    uint32_t qkv = 0, attended = 0, gate_up = 0, hidden = 0;
    uint32_t q = 0;        ///< heads * padded head_dim
    uint32_t head_dim = 0; ///< padded
    std::vector<LayerWidths> layer;
};

struct Weights {
    WidthPlan widths;
    LinearGroup embedding; ///< one matrix [vocab, model_dim]; also the head when tied
    Norm embedding_norm;
    LinearGroup positions; ///< one matrix [context, model_dim]
    LinearGroup own_head;  ///< empty when tied
    Norm output_norm;
    LinearGroup per_layer_embedding, per_layer_projection; ///< gemma4
    Norm per_layer_norm;
    std::vector<LayerWeights> layers;
    std::unique_ptr<WeightStream> stream; ///< of the last layers; null: all are on the device

    const LinearGroup &head() const { return own_head.empty() ? embedding : own_head; }
};

/// Put on in this order; empty for most models.
using Adapters = std::vector<model::Lora>;

WidthPlan planWidths(const model::Config &config);

/// Where the weights of a model will lie.
struct WeightPlan {
    uint64_t device_bytes = 0;    ///< booked under "weights", the stream's slot included
    uint64_t host_bytes = 0;      ///< copied through the slot for each chunk and each written token
    uint64_t slot_bytes = 0;      ///< 0: nothing is streamed
    uint32_t streamed_layers = 0; ///< the last ones
};
/// As many layers on the device as `most_bytes` of it hold. When not even a slot and the rest fit,
/// all layers are streamed and device_bytes is more than that.
WeightPlan planWeights(const model::Gguf &file, const model::Config &config, const Tiling &tiling,
                       const Adapters &adapters = {}, uint64_t most_bytes = UINT64_MAX);
/// Packs and uploads; the file's pages are given back as they are done. Throws Error(stopped), and
/// Error(model) for an adapter that cannot be put on.
Weights uploadWeights(gpu::Device &device, const model::Gguf &file, const model::Config &config,
                      const Tiling &tiling, const Adapters &adapters, const WeightPlan &plan,
                      const ProgressSink &progress, std::stop_token stop);

} // namespace longscope::engine
