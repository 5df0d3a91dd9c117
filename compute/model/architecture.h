// Model families as data: what differs between architectures, one row each. `forward` asks the
// row, never the name. Fields are added with the families that need them.
#pragma once

#include <string_view>

namespace longscope::model {

enum class RopeLayout { norm /* pairs (2i, 2i+1) */, neox /* pairs (i, i + n/2) */ };
enum class FfnKind { swiglu };

struct Architecture {
    std::string_view name; ///< general.architecture
    RopeLayout rope_layout = RopeLayout::norm;
    bool rope_factors = false;         ///< rope_freqs.weight divides the frequencies
    bool rope_needs_full_head = false; ///< rope.dimension_count must equal head_dim
    FfnKind ffn = FfnKind::swiglu;
    bool ffn_scale = false;    ///< ffn_*.scale tensors multiply (after the bias)
    bool attn_out_bias = true; ///< attn_output.bias is used when present
};

/// nullptr when unknown.
const Architecture *findArchitecture(std::string_view name);
/// The known name with the smallest edit distance, for the refusal.
std::string_view nearestArchitecture(std::string_view name);

} // namespace longscope::model
