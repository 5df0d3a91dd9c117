#include "compute/model/tensor_list.h"

#include <algorithm>
#include <format>
#include <iterator>

namespace longscope::model {
namespace {

using Shape = std::vector<uint64_t>;
using Need = TensorSpec::Need;

/// How `.bias` and `.scale` of a matrix count.
struct Extras {
    Need bias = Need::optional;
    bool no_bias = false; ///< such a tensor has no place
    Need scale = Need::ignored;
};
constexpr Extras kUsedScale{.scale = Need::optional};
constexpr Extras kNoBias{.no_bias = true};

class TensorList {
  public:
    TensorList(const Config &config, const HasTensor &has)
        : config_(config), rules_(*config.architecture), has_(has) {}

    std::vector<TensorSpec> make() {
        addEnds();
        for (layer_ = 0; layer_ < config_.layers; ++layer_)
            addLayer();
        return std::move(list_);
    }

  private:
    const LayerConfig &layer() const { return config_.layer[layer_]; }
    std::string named(std::string_view stem) const { return tensorOfLayer(layer_, stem); }
    bool inLayer(std::string_view name) const { return has_(named(name)); }

    void add(std::string name, Shape shape, Need need = Need::required) {
        list_.push_back({std::move(name), std::move(shape), need});
    }
    void own(std::string_view name, Shape shape, Need need = Need::required) {
        add(named(name), std::move(shape), need);
    }
    void matrix(std::string_view stem, uint64_t columns, uint64_t rows, const Extras &extras = {}) {
        std::string base = named(stem);
        add(base + ".weight", {columns, rows});
        if (!extras.no_bias)
            add(base + ".bias", {rows}, extras.bias);
        add(base + ".scale", {1}, extras.scale);
    }
    void norm(const std::string &stem, Need need = Need::required) {
        add(stem + ".weight", {config_.model_dim}, need);
        if (rules_.norm.bias)
            add(stem + ".bias", {config_.model_dim}, Need::optional);
    }

    void addEnds() {
        uint64_t dim = config_.model_dim;
        add("token_embd.weight", {dim, config_.vocab});
        if (rules_.norm.weighted)
            norm(std::string(rules_.norm.final_name));
        if (rules_.norm.embedding)
            norm("token_embd_norm");
        if (!rules_.ends.always_tied)
            add("output.weight", {dim, config_.vocab}, Need::optional);
        if (rules_.ends.out_bias)
            add("output.bias", {config_.vocab}, Need::optional);
        if (rules_.ends.ignores_classifier) {
            add("cls.output.weight", {}, Need::ignored);
            add("cls.output.bias", {}, Need::ignored);
        }
        if (rules_.ends.positions != EndRules::Positions::none)
            add("position_embd.weight", {dim, config_.context_tokens},
                rules_.ends.positions == EndRules::Positions::required ? Need::required
                                                                       : Need::optional);
        addRopeFactors();
        if (config_.per_layer_dim > 0) {
            uint64_t all = uint64_t{config_.per_layer_dim} * config_.layers;
            add("per_layer_token_embd.weight", {all, config_.vocab});
            add("per_layer_model_proj.weight", {dim, all});
            add("per_layer_proj_norm.weight", {config_.per_layer_dim});
        }
    }

    void addRopeFactors() {
        uint64_t pairs = config_.rope().dims / 2;
        bool read = rules_.rope.factors != RopeFactors::none && pairs > 0;
        bool freqs = read && rules_.rope.factors != RopeFactors::long_short;
        bool both = read && rules_.rope.factors != RopeFactors::freqs;
        auto pair = [&](const char *name, bool used) {
            add(name, used ? Shape{pairs} : Shape{}, used ? Need::optional : Need::ignored);
        };
        pair("rope_freqs.weight", freqs);
        pair("rope_factors_long.weight", both);
        pair("rope_factors_short.weight", both);
    }

    void addLayer() {
        if (layer().recurrence == Recurrence::rwkv6) {
            std::ranges::move(rwkv6Tensors(config_, layer_), std::back_inserter(list_));
            return;
        }
        if (rules_.norm.before_attention && rules_.norm.weighted)
            norm(named("attn_norm"));
        if (rules_.residual == Residual::parallel_second_norm)
            norm(named("attn_norm_2"), Need::optional);
        if (layer().attends())
            rules_.attention.latent ? addLatent() : addAttention();
        addMixer();
        if (rules_.norm.after_attention)
            norm(named("post_attention_norm"));
        if (!rules_.has_ffn)
            return;
        addFfnNorms();
        if (layer().ffn_dim > 0)
            addDense();
        if (layer().experts_used > 0)
            addExperts();
    }

    // ---- attention -----------------------------------------------------------------------------

    void addAttention() {
        uint64_t dim = config_.model_dim;
        uint64_t q = uint64_t{layer().heads} * layer().head_dim;
        uint64_t kv = uint64_t{layer().kv_heads} * layer().head_dim;
        uint64_t asked = rules_.attention.gated ? 2 * q : q;
        bool shared = layer().cache_layer != layer_;
        if (inLayer("attn_qkv.weight") && !shared && !rules_.attention.gated) {
            matrix("attn_qkv", dim, q + 2 * kv, kUsedScale);
            // Biases may be apart all the same.
            for (const char *part : {"attn_q", "attn_k", "attn_v"})
                own(std::string(part) + ".bias", {part[5] == 'q' ? q : kv}, Need::optional);
        } else {
            matrix("attn_q", dim, asked, kUsedScale);
            if (shared) { // files may keep what the model was trained with
                for (const char *name : {"attn_k", "attn_v", "attn_k_norm"})
                    for (const char *part : {".weight", ".bias", ".scale"})
                        own(std::string(name) + part, {}, Need::ignored);
            } else {
                matrix("attn_k", dim, kv, kUsedScale);
                if (!rules_.attention.value_norm || inLayer("attn_v.weight"))
                    matrix("attn_v", dim, kv, kUsedScale);
            }
        }
        Extras out = kUsedScale;
        out.no_bias = !rules_.attention.out_bias && !rules_.attention.out_bias_ignored;
        out.bias = rules_.attention.out_bias_ignored ? Need::ignored : Need::optional;
        matrix("attn_output", q, dim, out);
        if (rules_.attention.sinks)
            own("attn_sinks.weight", {layer().heads});
        addHeadNorms(shared);
    }

    void addHeadNorms(bool shared) {
        const QkNormRules &rules = rules_.qk_norm;
        if (!layer().normed_heads) {
            if (rules.optional && rules.place == QkNormPlace::flat) // mpt: one alone is not used
                for (const char *name : {"attn_q_norm", "attn_k_norm"})
                    for (const char *part : {".weight", ".bias"})
                        own(std::string(name) + part, {}, Need::ignored);
            return;
        }
        auto add = [&](const char *name, uint64_t heads) {
            uint64_t dim = layer().head_dim;
            Shape shape = rules.place == QkNormPlace::per_head ? Shape{dim, heads}
                          : rules.place == QkNormPlace::flat   ? Shape{dim * heads}
                                                               : Shape{dim};
            if (rules.place == QkNormPlace::plain)
                return;
            own(std::string(name) + ".weight", shape);
            if (rules.place == QkNormPlace::flat && rules_.norm.bias)
                own(std::string(name) + ".bias", shape, Need::optional);
        };
        add("attn_q_norm", layer().heads);
        if (!shared)
            add("attn_k_norm", layer().kv_heads);
    }

    void addLatent() {
        const LatentConfig &latent = config_.latent;
        uint64_t dim = config_.model_dim, heads = layer().heads, rotated = config_.rope().dims;
        if (latent.q_rank > 0) {
            matrix("attn_q_a", dim, latent.q_rank, kNoBias);
            own("attn_q_a_norm.weight", {latent.q_rank});
            matrix("attn_q_b", latent.q_rank, heads * latent.key_dim, kNoBias);
        } else {
            matrix("attn_q", dim, heads * latent.key_dim, kNoBias);
        }
        matrix("attn_kv_a_mqa", dim, latent.kv_rank + rotated, kNoBias);
        own("attn_kv_a_norm.weight", {latent.kv_rank});
        uint64_t still = latent.key_dim - rotated;
        if (latent.absorbed) {
            own("attn_k_b.weight", {still, latent.kv_rank, heads});
            own("attn_v_b.weight", {latent.kv_rank, latent.value_dim, heads});
            own("attn_k_b.scale", {}, Need::ignored);
            own("attn_v_b.scale", {}, Need::ignored);
        } else {
            matrix("attn_kv_b", latent.kv_rank, heads * (still + latent.value_dim), kNoBias);
        }
        matrix("attn_output", heads * latent.value_dim, dim,
               {.no_bias = true, .scale = Need::optional});
    }

    // ---- recurrence ----------------------------------------------------------------------------

    void addMixer() {
        switch (layer().recurrence) {
        case Recurrence::mamba1:
            return addMamba1();
        case Recurrence::mamba2:
            return addMamba2();
        case Recurrence::short_conv:
            return addShortConv();
        case Recurrence::delta_net:
            return addDeltaNet();
        default:
            return;
        }
    }
    Extras mixerExtras() const {
        return {.no_bias = true, .scale = rules_.mixer.scales ? Need::optional : Need::ignored};
    }

    void addMamba1() {
        const RecurrentConfig &sizes = config_.recurrent;
        uint64_t dim = config_.model_dim, inner = sizes.inner, state = sizes.state;
        uint64_t rank = sizes.heads;
        Extras plain{.no_bias = true};
        matrix("ssm_in", dim, 2 * inner, mixerExtras());
        own("ssm_conv1d.weight", {sizes.conv_kernel, inner});
        own("ssm_conv1d.bias", {inner}, Need::optional);
        matrix("ssm_x", inner, rank + 2 * state, plain);
        own("ssm_dt.weight", {rank, inner});
        own("ssm_dt.bias", {inner});
        own("ssm_dt.scale", {}, Need::ignored);
        for (auto [name, size] : {std::pair{"ssm_dt_norm.weight", rank},
                                  {"ssm_b_norm.weight", state},
                                  {"ssm_c_norm.weight", state}})
            own(name, {size}, Need::optional);
        own("ssm_a", {state, inner});
        own("ssm_d", {inner});
        matrix("ssm_out", inner, dim, mixerExtras());
    }

    void addMamba2() {
        const RecurrentConfig &sizes = config_.recurrent;
        uint64_t dim = config_.model_dim, inner = sizes.inner, heads = sizes.heads;
        uint64_t mixed = inner + 2ull * sizes.groups * sizes.state;
        matrix("ssm_in", dim, inner + mixed + heads, mixerExtras());
        own("ssm_conv1d.weight", {sizes.conv_kernel, mixed});
        own("ssm_conv1d.bias", {mixed}, Need::optional);
        own("ssm_dt.bias", {heads});
        own("ssm_a", {1, heads});
        own("ssm_d", {1, heads});
        own("ssm_norm.weight", {inner / sizes.groups, sizes.groups}, Need::optional);
        matrix("ssm_out", inner, dim, mixerExtras());
    }

    void addShortConv() {
        uint64_t dim = config_.model_dim;
        matrix("shortconv.in_proj", dim, 3 * dim, kNoBias);
        own("shortconv.conv.weight", {config_.recurrent.conv_kernel, dim});
        matrix("shortconv.out_proj", dim, dim, kNoBias);
    }

    void addDeltaNet() {
        const RecurrentConfig &sizes = config_.recurrent;
        uint64_t dim = config_.model_dim, inner = sizes.inner, heads = sizes.heads;
        uint64_t keys = uint64_t{sizes.groups} * sizes.state, mixed = 2 * keys + inner;
        if (sizes.joined_inputs) {
            matrix("ssm_in", dim, mixed + inner, mixerExtras());
        } else {
            matrix("attn_qkv", dim, mixed, mixerExtras());
            matrix("attn_gate", dim, inner, mixerExtras());
            for (const char *part : {".weight", ".scale"})
                own(std::string("ssm_in") + part, {}, Need::ignored);
        }
        own("ssm_conv1d.weight", {sizes.conv_kernel, mixed});
        own("ssm_dt.bias", {heads});
        own("ssm_a", {heads});
        if (rules_.mixer.key_heads_tiled) {
            matrix("ssm_alpha", dim, heads, mixerExtras());
            matrix("ssm_beta", dim, heads, mixerExtras());
        } else {
            matrix("ssm_ba", dim, 2 * heads, mixerExtras());
        }
        own("ssm_norm.weight", {sizes.state});
        matrix("ssm_out", inner, dim, mixerExtras());
    }

    // ---- feed-forward --------------------------------------------------------------------------

    void addFfnNorms() {
        const NormRules &rules = rules_.norm;
        bool shares = rules_.residual == Residual::parallel_without_ffn_norm && layer().parallel;
        if (!rules.before_ffn.empty() && rules.weighted && !shares) {
            if (rules.bare_ffn_name)
                own(rules.before_ffn, {config_.model_dim});
            else
                norm(named(rules.before_ffn));
        }
        if (rules.after_ffn)
            norm(named("post_ffw_norm"));
        if (!rules_.per_layer_input)
            return;
        if (layer().experts_used > 0)
            for (const char *name : {"post_ffw_norm_1", "pre_ffw_norm_2", "post_ffw_norm_2"})
                norm(named(name));
        if (config_.per_layer_dim > 0) {
            uint64_t dim = config_.model_dim, per_layer = config_.per_layer_dim;
            matrix("inp_gate", dim, per_layer, kNoBias);
            matrix("proj", per_layer, dim, kNoBias);
            norm(named("post_norm"));
        }
        own("layer_output_scale.weight", {1}, Need::optional);
    }

    void addDense() {
        const FfnRules &rules = rules_.ffn;
        uint64_t dim = config_.model_dim, ffn = layer().ffn_dim;
        Extras extras{.no_bias = !rules.bias,
                      .scale = rules.scales ? Need::optional : Need::ignored};
        if (rules.kind == FfnKind::gated)
            matrix("ffn_gate", dim, ffn, extras);
        matrix("ffn_up", dim, rules.kind == FfnKind::gated_fused ? 2 * ffn : ffn, extras);
        matrix("ffn_down", ffn, dim, extras);
        if (rules.act_scales)
            own("ffn.act.scales", {ffn}, Need::optional);
    }

    void addExperts() {
        const ExpertRules &rules = rules_.experts;
        const ExpertConfig &experts = config_.experts;
        uint64_t dim = config_.model_dim, ffn = experts.ffn_dim, count = experts.count;
        own("ffn_gate_inp.weight", {dim, count});
        if (rules.biases)
            own("ffn_gate_inp.bias", {count}, Need::optional);
        if (rules_.per_layer_input)
            own("ffn_gate_inp.scale", {dim});
        else
            own("ffn_gate_inp.scale", {}, Need::ignored);
        if (experts.selection_bias)
            own("exp_probs_b.bias", {count});
        auto expert = [&](const char *stem, uint64_t columns, uint64_t rows) {
            std::string base = std::string(stem) + "_exps";
            own(base + ".weight", {columns, rows, count});
            if (rules.biases)
                own(base + ".bias", {rows, count}, Need::optional);
            own(base + ".scale", {count}, rules.scales ? Need::optional : Need::ignored);
        };
        if (experts.merged) {
            expert("ffn_gate_up", dim, 2 * ffn);
        } else {
            expert("ffn_gate", dim, ffn);
            expert("ffn_up", dim, ffn);
        }
        expert("ffn_down", ffn, dim);
        if (experts.shared_dim == 0)
            return;
        Extras extras{.no_bias = true,
                      .scale = rules.shared_scales ? Need::optional : Need::ignored};
        matrix("ffn_gate_shexp", dim, experts.shared_dim, extras);
        matrix("ffn_up_shexp", dim, experts.shared_dim, extras);
        matrix("ffn_down_shexp", experts.shared_dim, dim, extras);
        if (experts.shared_gated)
            own("ffn_gate_inp_shexp.weight", {dim});
    }

    const Config &config_;
    const Architecture &rules_;
    const HasTensor &has_;
    std::vector<TensorSpec> list_;
    uint32_t layer_ = 0;
};

} // namespace

std::string tensorOfLayer(uint32_t layer, std::string_view name) {
    return std::format("blk.{}.{}", layer, name);
}

std::vector<TensorSpec> tensorsOf(const Config &config, const HasTensor &has) {
    return TensorList(config, has).make();
}

} // namespace longscope::model
