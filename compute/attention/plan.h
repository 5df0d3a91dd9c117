// What a model and a context cost, in named bytes and FLOPs, before anything is allocated. The part
// names are those under which the engine books its buffers, so that forecast and reality are one
// table. Pure arithmetic (methods.md, section 8).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace longscope::attention {

struct PlanInput {
    uint32_t layers = 0, model_dim = 0, ffn_dim = 0, heads = 0, kv_heads = 0, head_dim = 0;
    uint32_t head_dim_padded = 0; ///< as the cache stores it
    uint64_t vocab = 0;
    uint64_t weight_bytes = 0; ///< packed, as uploaded
    uint64_t context_tokens = 0;
    uint32_t chunk_tokens = 0;
    double k_bytes_per_element = 2, v_bytes_per_element = 2;
    uint64_t matmul_parameters = 0; ///< of all matrices but the head
};

struct PlanPart {
    std::string name; ///< "weights", "kv cache", "scratch"
    uint64_t bytes = 0;
};

struct Plan {
    std::vector<PlanPart> parts;
    uint64_t total_bytes = 0;
    double flops_prefill = 0;   ///< of context_tokens tokens, causal, head for the last row only
    double flops_per_token = 0; ///< of one decoded token at the end of the context
    /// Largest context whose total is at most `available`, 0 when not even one token fits.
    uint64_t longestContext(uint64_t available_bytes) const;

    uint64_t fixed_bytes = 0, bytes_per_token = 0;
};

Plan planMemory(const PlanInput &input);

} // namespace longscope::attention
