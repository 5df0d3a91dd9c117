#include "compute/attention/plan.h"

#include <algorithm>
#include <cmath>

namespace longscope::attention {
namespace {

/// What one row of a prefill pass needs, in floats: the residual stream and its norm, [q | k | v],
/// q padded, the attention's output, and gate, up and their product.
uint64_t scratchFloatsPerRow(const PlanInput &in) {
    uint64_t q = uint64_t{in.heads} * in.head_dim;
    uint64_t kv = uint64_t{in.kv_heads} * in.head_dim;
    uint64_t q_padded = uint64_t{in.heads} * std::max(in.head_dim, in.head_dim_padded);
    return 2 * uint64_t{in.model_dim} + (q + 2 * kv) + q_padded + q + 3 * uint64_t{in.ffn_dim};
}

uint64_t cacheBytesPerToken(const PlanInput &in) {
    double elements =
        static_cast<double>(in.layers) * in.kv_heads * std::max(in.head_dim, in.head_dim_padded);
    return static_cast<uint64_t>(
        std::llround(elements * (in.k_bytes_per_element + in.v_bytes_per_element)));
}

} // namespace

uint64_t Plan::longestContext(uint64_t available_bytes) const {
    if (available_bytes < fixed_bytes || bytes_per_token == 0)
        return 0;
    return (available_bytes - fixed_bytes) / bytes_per_token;
}

// A multiply-add is 2 FLOPs; a query over c keys costs 4 * heads * head_dim * c a layer (scores and
// weighted values), and the queries of a prefill see n(n+1)/2 keys in all.
Plan planMemory(const PlanInput &in) {
    Plan plan;
    plan.bytes_per_token = cacheBytesPerToken(in);
    uint64_t cache = plan.bytes_per_token * in.context_tokens;
    uint64_t scratch = 4 * (in.chunk_tokens * scratchFloatsPerRow(in) + in.vocab);
    plan.fixed_bytes = in.weight_bytes + scratch;
    plan.total_bytes = plan.fixed_bytes + cache;
    plan.parts = {{"weights", in.weight_bytes}, {"kv cache", cache}, {"scratch", scratch}};

    auto tokens = static_cast<double>(in.context_tokens);
    double linear = 2 * static_cast<double>(in.matmul_parameters);
    double head = 2 * static_cast<double>(in.model_dim) * static_cast<double>(in.vocab);
    double pair = 4.0 * in.layers * in.heads * in.head_dim;
    plan.flops_prefill = tokens * linear + pair * tokens * (tokens + 1) / 2 + head;
    plan.flops_per_token = linear + head + pair * tokens;
    return plan;
}

} // namespace longscope::attention
