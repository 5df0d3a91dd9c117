// Which tensors a model of a config has, with their shapes: what a file is checked against, and
// what a test makes a model from.
#pragma once

#include "compute/model/config.h"

#include <string>
#include <string_view>
#include <vector>

namespace longscope::model {

/// "blk.LAYER.NAME"
std::string tensorOfLayer(uint32_t layer, std::string_view name);

struct TensorSpec {
    enum class Need {
        required,
        optional, ///< used when present
        ignored,  ///< may be there and counts for nothing
    };
    std::string name;
    std::vector<uint64_t> shape; ///< ggml order
    Need need = Need::required;
};

/// Alternatives (attn_qkv or attn_q, attn_k, attn_v; merged experts) as `has` says. Names that no
/// family reads (`.input_scale`) are not in the list.
std::vector<TensorSpec> tensorsOf(const Config &config, const HasTensor &has);

/// The part of tensorsOf that is a layer of RWKV-6.
std::vector<TensorSpec> rwkv6Tensors(const Config &config, uint32_t layer);

} // namespace longscope::model
