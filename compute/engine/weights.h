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

/// Columns of the joined results, each part padded to a multiple of 32.
struct WidthPlan {
    uint32_t model = 0, k_offset = 0, v_offset = 0, qkv = 0, attended = 0;
    uint32_t up_offset = 0, gate_up = 0, hidden = 0, vocab = 0;
    uint32_t head_dim = 0; ///< padded, as q and the cache store it
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
