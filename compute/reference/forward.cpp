#include "compute/reference/forward.h"

#include "compute/core/error.h"
#include "compute/reference/forward_pass.h"

#include <cmath>

namespace longscope::reference {
namespace {

using model::NormRules;
using model::Residual;

Rows embedTokens(const Pass &pass) {
    Rows x = embed(pass.tensor("token_embd.weight"), pass.tokens,
                   static_cast<float>(pass.config.embedding_factor));
    if (pass.rules.ends.positions != model::EndRules::Positions::none &&
        pass.has("position_embd.weight")) {
        Rows positions = pass.values("position_embd.weight");
        if (positions.size() < x.size())
            fail(ErrorKind::usage, "{} tokens are more than the {} positions that {} knows",
                 pass.rows(), positions.size() / pass.config.model_dim, pass.file.path());
        addTo(x, std::span(positions).first(x.size()));
    }
    if (pass.rules.norm.embedding)
        x = pass.norm(x, "token_embd_norm");
    return x;
}

/// Attention, recurrence, or both, of what the norm before them gave.
Rows mix(Pass &pass, uint32_t layer, std::span<const float> x) {
    Rows sum(x.size());
    if (pass.layer(layer).attends())
        addTo(sum,
              pass.rules.attention.latent ? attendLatent(pass, layer, x) : attend(pass, layer, x));
    if (pass.layer(layer).recurrence != model::Recurrence::none)
        addTo(sum, recur(pass, layer, x));
    if (pass.rules.norm.after_attention)
        sum = pass.norm(sum, tensorOfLayer(layer, "post_attention_norm"));
    return sum;
}

/// What the feed-forward block reads when it has a norm of its own.
Rows beforeFfn(const Pass &pass, uint32_t layer, const Rows &x) {
    const NormRules &rules = pass.rules.norm;
    if (rules.before_ffn.empty())
        return x;
    std::string name = tensorOfLayer(layer, rules.before_ffn);
    if (rules.bare_ffn_name)
        return pass.normPieces(x, pass.values(name), {}, 1);
    return pass.norm(x, name);
}

void addFeedForward(const Pass &pass, uint32_t layer, std::span<const float> in, Rows &x) {
    Rows branch = pass.rules.per_layer_input ? doubleFeedForward(pass, layer, x)
                                             : feedForward(pass, layer, in);
    if (pass.rules.norm.after_ffn)
        branch = pass.norm(branch, tensorOfLayer(layer, "post_ffw_norm"));
    addTo(x, branch, pass.config.branch_factor);
}

void runLayer(Pass &pass, uint32_t layer, Rows &x) {
    const NormRules &norm = pass.rules.norm;
    Rows first = norm.before_attention ? pass.norm(x, tensorOfLayer(layer, "attn_norm")) : x;
    Rows mixed;
    if (pass.rules.residual == Residual::parallel_second_norm &&
        pass.has(tensorOfLayer(layer, "attn_norm_2.weight")))
        mixed = mix(pass, layer, pass.norm(x, tensorOfLayer(layer, "attn_norm_2")));
    else
        mixed = mix(pass, layer, first);
    if (pass.layer(layer).parallel) {
        bool own = pass.rules.residual == Residual::parallel_own_norm_if_key;
        Rows in = own ? beforeFfn(pass, layer, x) : first;
        addTo(x, mixed, pass.config.branch_factor);
        addFeedForward(pass, layer, in, x);
        return;
    }
    addTo(x, mixed, pass.config.branch_factor);
    if (pass.rules.has_ffn)
        addFeedForward(pass, layer, pass.rules.per_layer_input ? x : beforeFfn(pass, layer, x), x);
}

Rows readLogits(const Pass &pass, std::span<const float> x) {
    bool tied = pass.rules.ends.always_tied || !pass.has("output.weight");
    Rows logits = product(x, pass.values(tied ? "token_embd.weight" : "output.weight"),
                          pass.config.model_dim);
    Rows bias = pass.rules.ends.out_bias ? pass.valuesIfAny("output.bias") : Rows{};
    // Heads of other types ignore output.scale.
    bool scaled = !tied && pass.file.findTensor("output.weight")->type == model::QuantType::nvfp4;
    Rows scale = scaled ? pass.valuesIfAny("output.scale") : Rows{};
    double head_scale = scale.empty() ? 1 : static_cast<double>(scale[0]);
    auto cap = static_cast<double>(pass.config.logits_cap);
    for (size_t i = 0; i < logits.size(); ++i) {
        double logit = head_scale * static_cast<double>(logits[i]);
        if (!bias.empty())
            logit += static_cast<double>(bias[i % bias.size()]);
        logit *= pass.config.logits_factor;
        if (cap != 0)
            logit = cap * std::tanh(logit / cap);
        logits[i] = static_cast<float>(logit);
    }
    return logits;
}

} // namespace

std::vector<float> forward(const model::Gguf &file, const model::Config &config,
                           std::span<const int32_t> tokens, const ForwardOptions &options) {
    Pass pass(file, config, options, tokens);
    Rows x = embedTokens(pass);
    Rows inputs = config.per_layer_dim > 0 ? perLayerInputs(pass, x) : Rows{};
    for (uint32_t layer = 0; layer < config.layers; ++layer) {
        if (config.layer[layer].recurrence == model::Recurrence::rwkv6)
            x = rwkv6Layer(pass, layer, std::move(x));
        else
            runLayer(pass, layer, x);
        if (pass.rules.per_layer_input)
            endLayer(pass, layer, inputs, x);
    }
    return readLogits(pass, pass.norm(x, std::string(pass.rules.norm.final_name)));
}

} // namespace longscope::reference
