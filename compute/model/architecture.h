// Model families as data: what differs between architectures, one row each
// (architecture_rows.cpp). `forward` asks the row and the layer, never the name. Defaults are those
// of the llama family; a row lists what is different. Source: the behaviour of the engine that
// defines the file format, checked against its logits.
#pragma once

#include "compute/model/block_kinds.h"

#include <cstdint>
#include <string_view>

namespace longscope::model {

enum class RopeLayout {
    none,
    norm, ///< pairs (2i, 2i+1)
    neox, ///< pairs (i, i + n/2)
};

struct NormRules {
    NormKind kind = NormKind::rms;
    bool weighted = true; ///< olmo: no tensors at all
    bool bias = false;    ///< NAME.bias is added when present
    bool before_attention = true;
    std::string_view before_ffn = "ffn_norm"; ///< tensor name; "" = none
    bool bare_ffn_name = false;               ///< falcon-h1: the name has no ".weight"
    bool after_attention = false;             ///< post_attention_norm, on the branch
    bool after_ffn = false;                   ///< post_ffw_norm, on the branch
    std::string_view final_name = "output_norm";
    bool embedding = false; ///< token_embd_norm
};

enum class Residual {
    sequential,               ///< x += A(N1 x); x += F(N2 x)
    parallel,                 ///< x + A(N x) + F(N x)
    parallel_own_norm_if_key, ///< use_parallel_residual: x + A(N1 x) + F(N2 x)
    parallel_second_norm,     ///< falcon: x + A(N' x) + F(N1 x), N' = attn_norm_2 when present
    parallel_without_ffn_norm ///< stablelm: parallel where the layer has no ffn_norm
};

/// A factor of the model that a key gives; 0 = off.
struct FactorRule {
    enum class Kind { none, key, key_or_default } kind = Kind::none;
    /// What stands for a key that is absent.
    enum class Default { one, twelve, depth /* 1.4 / sqrt(layers) */, width /* 256 / model_dim */ };
    Default fallback = Default::one;
};

enum class QkNormPlace {
    none,
    head,     ///< [head_dim], shared by the heads
    per_head, ///< [head_dim, heads], LN
    flat,     ///< [heads * head_dim], over the whole vector
    plain,    ///< RMS of a head without weight
};

struct QkNormRules {
    QkNormPlace place = QkNormPlace::none;
    bool optional = false;
    bool after_rope = false;
    uint32_t from_layers = 0;      ///< only models with so many layers
    bool only_rope_layers = false; ///< and not with 128 experts
};

enum class RopeFactors {
    none,              ///< such tensors are ignored
    freqs,             ///< rope_freqs.weight divides the frequencies
    freqs_or_longrope, ///< or rope_factors_long/short where the scaling type is longrope
    long_short,        ///< rope_factors_long/short whatever the scaling type
};
enum class RopeLayers {
    all,
    not_each_fourth,   ///< none where (layer + 1) % 4 == 0
    local,             ///< only layers with a window
    local_if_windowed, ///< the same where the model has windows at all, else all
    all_if_finetuned,  ///< rope.scaling.finetuned (default true); false: none
};
enum class LocalRope {
    as_global,      ///< the local key is ignored
    inherit,        ///< own base, by default the global one; the global scaling
    own,            ///< own base, by default 10000; no scaling
    global_unscaled ///< the global base; no scaling
};
enum class RopeSections {
    ignored,
    neox_if_set, ///< glm4: with sections the pairs are NEOX and the fourth section stands still
    interleaved  ///< qwen35: IMROPE
};
enum class YarnLog { none, as_stored, times_ten };

struct RopeRules {
    RopeLayout layout = RopeLayout::norm;
    RopeFactors factors = RopeFactors::none;
    RopeLayers layers = RopeLayers::all;
    LocalRope local = LocalRope::as_global;
    RopeSections sections = RopeSections::ignored;
    bool whole_head = false; ///< rope.dimension_count must equal head_dim
    bool alpha = false;      ///< rope.scaling.alpha: base * alpha^(d / (d - 2))
    bool yarn_betas = false; ///< rope.scaling.yarn_beta_fast and _slow count
    YarnLog yarn_log = YarnLog::none;
};

enum class AlibiRule { none, key /* attention.max_alibi_bias */, eight };
enum class Temperature {
    none,
    every_layer, ///< mistral3: attention.temperature_scale, length = original context
    unrotated,   ///< llama4: 0.1 * ln(floor((p + 1) / 8192) + 1) + 1 on layers without rotation
    keys         ///< deepseek2: temperature_scale and temperature_length
};
enum class ScoreScale {
    root,                ///< 1 / sqrt(head_dim)
    key,                 ///< attention.scale, 0 = root
    one,                 ///< gemma4
    root_or_model_width, ///< 1 / sqrt(model_dim / heads) in models of `odd_layers` layers
};

struct AttentionRules {
    ScoreScale scale = ScoreScale::root;
    uint32_t odd_layers = 0; ///< see ScoreScale
    bool softcap = false;    ///< attn_logit_softcapping, default 50
    AlibiRule alibi = AlibiRule::none;
    bool clamp = false;            ///< attention.clamp_kqv
    bool sinks = false;            ///< attn_sinks.weight
    bool out_bias = true;          ///< attn_output.bias is added when present
    bool out_bias_ignored = false; ///< such a tensor may be there and counts for nothing
    bool gated = false;            ///< attn_q holds [q | gate] of each head
    bool head_from_rope = false;   ///< head_dim is rope.dimension_count
    bool value_norm = false; ///< gemma4: RMS without weight on v; v = k where attn_v is absent
    bool latent = false;     ///< MLA
    Temperature temperature = Temperature::none;
};

struct WindowRules {
    enum class Kind {
        none,     ///< the key is ignored
        required, ///< the key must be there
        with_default,
        if_key, ///< windows where the key is above 0
        if_64_layers,
        chunked,   ///< chunks of 8192
        everywhere ///< all attention layers, where the key is above 0
    } kind = Kind::none;
    uint32_t tokens = 0;  ///< default width
    uint32_t pattern = 0; ///< default n: local where layer % n < n - 1
};

enum class FfnKind {
    gated,       ///< down(act(gate) * up)
    gated_fused, ///< the same, ffn_up holds gate, then up
    plain,       ///< down(act(up))
};

struct FfnRules {
    FfnKind kind = FfnKind::gated;
    ActivationKind activation = ActivationKind::silu;
    bool scales = false;     ///< ffn_*.scale multiply, after the bias
    bool act_scales = false; ///< ffn.act.scales divide
    bool bias = true;        ///< ffn_*.bias are added when present
};

enum class Routing { softmax, softmax_of_chosen, sigmoid_on_input, key };
struct ExpertRules {
    enum class Layers { none, with_router, after_leading, every_step, after_leading_every_step };
    Layers layers = Layers::none;
    Routing routing = Routing::softmax;
    enum class Normalize { no, yes, key } normalize = Normalize::no;
    enum class Width { ffn, key_or_share /* F / used */, key } width = Width::ffn;
    enum class Shared { none, if_width, plain, gated } shared = Shared::none;
    enum class SharedWidth { key_or_ffn, key, per_expert /* Fe * count */, as_expert };
    SharedWidth shared_width = SharedWidth::key;
    enum class Bias { none, optional, required } selection_bias = Bias::none;
    ActivationKind activation = ActivationKind::silu;
    bool scale_key = false;     ///< expert_weights_scale
    bool scales = false;        ///< ffn_*_exps.scale, one for each expert
    bool shared_scales = false; ///< ffn_*_shexp.scale
    bool biases = false;        ///< of router and experts
};

struct EndRules {
    enum class EmbeddingScale { none, root /* sqrt(model_dim) */, key } embedding{};
    FactorRule embedding_factor{};
    enum class Logits { none, multiply, divide } logits = Logits::none;
    FactorRule logits_factor{};
    bool logits_required = false; ///< the key must be there
    enum class Cap {
        none,
        off,
        thirty
    } cap = Cap::none;     ///< final_logit_softcapping and its default
    bool out_bias = false; ///< output.bias
    enum class Positions {
        none,
        required,
        optional
    } positions = Positions::none; ///< position_embd
    bool always_tied = false;
    bool ignores_classifier = false; ///< cls.output
};

enum class Recurrence { none, mamba1, mamba2, short_conv, delta_net, rwkv6 };
struct MixerRules {
    Recurrence kind = Recurrence::none;
    enum class Layers {
        none,
        all,              ///< no attention anywhere
        without_kv_heads, ///< where head_count_kv is 0
        beside_attention, ///< both in every layer
        listed            ///< attention.recurrent_layers or full_attention_interval
    } layers = Layers::none;
    bool key_heads_tiled = false; ///< delta net: v head h uses k head h % G instead of h * G / R
    bool scales = false;          ///< .scale tensors of the mixer's matrices count
};

struct Architecture {
    std::string_view name; ///< general.architecture
    NormRules norm{};
    Residual residual = Residual::sequential;
    FactorRule branch_factor{}; ///< residual_scale
    QkNormRules qk_norm{};
    RopeRules rope{};
    AttentionRules attention{};
    WindowRules window{};
    FfnRules ffn{};
    ExpertRules experts{};
    EndRules ends{};
    MixerRules mixer{};
    bool has_ffn = true;
    bool per_layer_input = false; ///< gemma4: embeddings of each layer, own local heads, shared KV
};

/// nullptr when unknown.
const Architecture *findArchitecture(std::string_view name);
/// The known name with the smallest edit distance, for the refusal.
std::string_view nearestArchitecture(std::string_view name);

} // namespace longscope::model
