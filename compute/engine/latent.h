// Multi-head latent attention (DeepSeek-AI 2024, arXiv 2405.04434, section 2.1), absorbed: what is
// cached of a token is one head [c | rotated], c the compressed key and value, and its c is the
// value too. A row of scratch.qkv is
//     q of each head [W_k q_still | rotated] | k [c | rotated]
// so that attention sees `heads` queries over one head of kv_rank + rotated dimensions. What it
// gives of c, W_v of each head turns into values. Files that keep W_k and W_v joined (attn_kv_b)
// are run in the same way.
#pragma once

#include "compute/engine/forward.h"

namespace longscope::engine {

/// Columns of the activations that only latent attention has, padded.
struct LatentWidths {
    uint32_t low = 0;    ///< q before attn_q_b; 0 = none
    uint32_t q = 0;      ///< [heads, still | rotated]
    uint32_t values = 0; ///< [heads, value_dim]
};
/// All 0 in models without latent attention.
LatentWidths latentWidths(const model::Config &config);
/// Columns of scratch.attended: [heads, kv_rank + rotated].
uint32_t attendedWidth(const model::Config &config);

/// Throws Error(model) for sizes that the kernels cannot address, with the numbers.
void checkLatent(const model::Config &config);

/// scratch.qkv from in, before rotation.
void recordLatentQkv(const Step &step, const Activations &in);
/// scratch.latent_values from scratch.attended.
void recordLatentValues(const Step &step);

} // namespace longscope::engine
