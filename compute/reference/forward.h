// A whole forward pass on the CPU, as plain as it can be written: the specification of the
// engine's. Slow (every weight is dequantised, every sum is in double, one thread); for tests.
#pragma once

#include "compute/attention/cache_type.h"
#include "compute/attention/pattern.h"
#include "compute/attention/rope.h"
#include "compute/model/config.h"
#include "compute/model/gguf.h"

#include <cstdint>
#include <span>
#include <vector>

namespace longscope::reference {

struct ForwardOptions {
    attention::CacheType k = attention::CacheType::f32, v = attention::CacheType::f32;
    attention::LayerPatterns patterns{}; ///< static ones
    attention::RopeScheme rope{};
    /// What schemes that follow the length are told (makeRope); 0 = as many as are read.
    uint64_t rope_tokens = 0;
    /// Gets, when given, [layers][rates]: the logarithm of the decay of each head of a recurrent
    /// layer (mamba-1, rwkv6: of each channel, mean over its numbers), mean over the tokens; empty
    /// where nothing decays.
    std::vector<std::vector<double>> *mean_log_decays = nullptr;
};

/// Logits [tokens, vocab] of a model of any known architecture, all tokens read at once from
/// position 0. Ids must be below config.vocab. A layer sees what both its own window and its
/// pattern show; patterns, schemes and cache types say nothing to recurrent layers. Absorbed latent
/// attention caches one row [c | rotated part] as a key of that many dimensions (type `k`), and its
/// values are the first part of it. Throws Error(usage) for more tokens than a model has position
/// embeddings, and for schemes with a far zone where keys are normed after their rotation. Source:
/// the rules in compute/model/architecture.h and architecture_rows.cpp.
std::vector<float> forward(const model::Gguf &file, const model::Config &config,
                           std::span<const int32_t> tokens, const ForwardOptions &options = {});

} // namespace longscope::reference
