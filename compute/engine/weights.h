// The weights of a model on the device, by role. Which tensors there are, and what multiplies what,
// is read from the architecture's row; `forward` sees only roles.
#pragma once

#include "compute/core/progress.h"
#include "compute/engine/blocks.h"
#include "compute/engine/linear.h"
#include "compute/model/config.h"

#include <stop_token>
#include <vector>

namespace longscope::engine {

struct LayerWeights {
    Norm attn_norm;
    LinearGroup qkv; ///< model_dim -> q | k | v
    LinearGroup attn_output;
    Norm ffn_norm;
    LinearGroup gate_up; ///< model_dim -> gate | up
    LinearGroup ffn_down;
};

/// Columns of the joined results of one layer, each part padded to a multiple of 32.
struct LayerWidths {
    uint32_t head_dim = 0; ///< of q and k, padded, as q and the cache store it
    uint32_t k_offset = 0, v_offset = 0; ///< in a row of q | k | v (| gate)
    uint32_t gate_offset = 0;            ///< gated attention
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
    LinearGroup own_head;  ///< empty when tied
    Norm output_norm;
    std::vector<LayerWeights> layers;

    const LinearGroup &head() const { return own_head.empty() ? embedding : own_head; }
};

WidthPlan planWidths(const model::Config &config);
/// Bytes that uploadWeights will book under "weights".
uint64_t planWeights(const model::Gguf &file, const model::Config &config, const Tiling &tiling);
/// Packs and uploads; the file's pages are given back as they are done. Throws Error(stopped).
Weights uploadWeights(gpu::Device &device, const model::Gguf &file, const model::Config &config,
                      const Tiling &tiling, const ProgressSink &progress, std::stop_token stop);

} // namespace longscope::engine
