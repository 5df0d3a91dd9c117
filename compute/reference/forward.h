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
    attention::LayerPatterns patterns; ///< static ones
    attention::RopeScheme rope;
    /// What schemes that follow the length are told (makeRope); 0 = as many as are read.
    uint64_t rope_tokens = 0;
};

/// Logits [tokens, vocab] of a model of the llama kind, all tokens read at once from position 0.
/// Ids must be below config.vocab. Source: design of the families in compute/model/architecture.h.
std::vector<float> forward(const model::Gguf &file, const model::Config &config,
                           std::span<const int32_t> tokens, const ForwardOptions &options = {});

} // namespace longscope::reference
