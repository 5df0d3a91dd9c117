// The numbers of one model, read from its metadata and checked against its tensors.
#pragma once

#include "compute/model/architecture.h"
#include "compute/model/gguf.h"

#include <cstdint>
#include <string>
#include <vector>

namespace longscope::model {

struct RopeScaling {
    std::string type = "none"; ///< none, linear, yarn, longrope as the file says (default linear)
    double factor = 1;         ///< s >= 1 stretches; 0 or absent in the file = 1
    uint64_t original_context = 0; ///< the trained window where the file does not say
    double attn_factor = 1;
    double yarn_beta_fast = 32, yarn_beta_slow = 1;
};

struct Config {
    const Architecture *architecture = nullptr;
    std::string name; ///< general.name
    uint32_t layers = 0;
    uint32_t model_dim = 0;
    uint32_t ffn_dim = 0;
    uint32_t heads = 0;
    uint32_t kv_heads = 0;
    uint32_t head_dim = 0;       ///< key_length; value_length must be the same here
    uint32_t vocab = 0;          ///< rows of token_embd.weight = length of the token list
    uint64_t context_tokens = 0; ///< trained window
    float norm_eps = 0;
    uint32_t rope_dims = 0;
    double rope_base = 10000;
    RopeScaling rope_scaling;
    std::vector<float> rope_factors; ///< [rope_dims / 2], empty = all 1
    /// [rope_dims / 2], both or neither: divisors of longrope, for windows longer than the original
    /// context and for the others.
    std::vector<float> rope_long_factors, rope_short_factors;
    uint64_t parameters = 0; ///< elements of all tensors
    bool tied_head = false;  ///< no output.weight
};

/// Throws Error(model): unknown architecture (with the nearest known one), missing or zero keys,
/// a tensor that is missing or has another shape than the keys say (tensor, both shapes).
/// A key whose value is 0 where 0 has no meaning counts as absent.
Config readConfig(const Gguf &file);

} // namespace longscope::model
