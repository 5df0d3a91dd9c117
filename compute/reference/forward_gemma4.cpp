// What only gemma4 has in the forward pass: inputs of each layer, two feed-forward blocks in one
// layer, and a factor at its end.
#include "compute/reference/forward_pass.h"

#include <cmath>
#include <numbers>

namespace longscope::reference {

Rows perLayerInputs(const Pass &pass, std::span<const float> x) {
    double dim = pass.config.model_dim, own = pass.config.per_layer_dim;
    Rows made = product(x, pass.values("per_layer_model_proj.weight"), pass.config.model_dim);
    for (float &value : made)
        value = static_cast<float>(static_cast<double>(value) / std::sqrt(dim));
    made = pass.normPieces(made, pass.values("per_layer_proj_norm.weight"), {}, 1);
    addTo(made, embed(pass.tensor("per_layer_token_embd.weight"), pass.tokens, 1), std::sqrt(own));
    for (float &value : made)
        value = static_cast<float>(static_cast<double>(value) / std::numbers::sqrt2);
    return made;
}

/// x is the residual: both blocks have norms of their own, and the router another.
Rows doubleFeedForward(const Pass &pass, uint32_t layer, std::span<const float> x) {
    auto named = [&](const char *stem) { return tensorOfLayer(layer, stem); };
    Rows dense = denseBlock(pass, layer, pass.norm(x, named("ffn_norm")));
    if (pass.layer(layer).experts_used == 0)
        return dense;
    uint64_t dim = pass.config.model_dim;
    Rows factors = pass.values(named("ffn_gate_inp.scale"));
    Rows routed = pass.plainNorm(x, dim);
    for (size_t i = 0; i < routed.size(); ++i)
        routed[i] = static_cast<float>(static_cast<double>(routed[i]) /
                                       std::sqrt(static_cast<double>(dim)) *
                                       static_cast<double>(factors[i % dim]));
    Rows sum = pass.norm(dense, named("post_ffw_norm_1"));
    Rows mixed = experts(pass, layer, pass.norm(x, named("pre_ffw_norm_2")), routed);
    addTo(sum, pass.norm(mixed, named("post_ffw_norm_2")));
    return sum;
}

void endLayer(const Pass &pass, uint32_t layer, std::span<const float> inputs, Rows &x) {
    auto named = [&](const char *stem) { return tensorOfLayer(layer, stem); };
    if (uint64_t size = pass.config.per_layer_dim) {
        Rows gate = pass.linear(x, named("inp_gate"), {.bias = false});
        Rows own = columns(inputs, size * pass.config.layers, layer * size, size);
        Rows branch = pass.linear(gatedBy(model::ActivationKind::gelu, gate, own), named("proj"),
                                  {.bias = false});
        addTo(x, pass.norm(branch, named("post_norm")));
    }
    Rows factor = pass.valuesIfAny(named("layer_output_scale.weight"));
    for (float &value : x)
        if (!factor.empty())
            value *= factor[0];
}

} // namespace longscope::reference
