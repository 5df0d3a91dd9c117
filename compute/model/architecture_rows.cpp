// One row a family: what it does differently from llama. Facts: see architecture.h.
#include "compute/model/architecture_rows.h"

namespace longscope::model {
namespace {

using enum RopeLayout;
using enum ActivationKind;
using Window = WindowRules::Kind;
using ExpertLayers = ExpertRules::Layers;
using Shared = ExpertRules::Shared;
using SharedWidth = ExpertRules::SharedWidth;
using Width = ExpertRules::Width;
using Normalize = ExpertRules::Normalize;
using Bias = ExpertRules::Bias;
using Logits = EndRules::Logits;
using Cap = EndRules::Cap;
using Positions = EndRules::Positions;
using EmbeddingScale = EndRules::EmbeddingScale;
using Factor = FactorRule;
using MixerLayers = MixerRules::Layers;

constexpr NormRules kLayerNorm{.kind = NormKind::layer, .bias = true};
constexpr NormRules kLayerNormOnly{.kind = NormKind::layer, .before_ffn = ""};
constexpr NormRules kBothSides{.after_attention = true, .after_ffn = true};
constexpr NormRules kAfterOnly{
    .before_attention = false, .before_ffn = "", .after_attention = true, .after_ffn = true};
/// The file calls the norm before the feed-forward block so.
constexpr NormRules kQwenNorm{.before_ffn = "post_attention_norm"};
constexpr QkNormRules kHeadNorm{.place = QkNormPlace::head};
constexpr RopeRules kNeox{.layout = neox};
constexpr RopeRules kNoRope{.layout = RopeLayout::none};
constexpr RopeRules kLlamaRope{.factors = RopeFactors::freqs_or_longrope};
constexpr RopeRules kImrope{.layout = neox, .sections = RopeSections::interleaved};
constexpr AttentionRules kNoOutBias{.out_bias = false};
constexpr AttentionRules kOutBiasIgnored{.out_bias = false, .out_bias_ignored = true};
constexpr AttentionRules kGated{.gated = true};
constexpr AttentionRules kKeyScale{.scale = ScoreScale::key};
constexpr FfnRules kScaled{.scales = true};
constexpr FfnRules kGelu{.kind = FfnKind::plain, .activation = gelu};
constexpr FfnRules kGeglu{.activation = gelu};
constexpr FfnRules kFused{.kind = FfnKind::gated_fused};
constexpr EndRules kTied{.embedding = EmbeddingScale::root, .always_tied = true};
constexpr EndRules kCohereEnds{
    .logits = Logits::multiply, .logits_factor = {Factor::Kind::key}, .always_tied = true};

constexpr EndRules graniteEnds(bool required) {
    return {.embedding = EmbeddingScale::key,
            .embedding_factor = {Factor::Kind::key},
            .logits = Logits::divide,
            .logits_factor = {Factor::Kind::key},
            .logits_required = required};
}
constexpr ExpertRules kLlamaExperts{
    .layers = ExpertLayers::with_router, .normalize = Normalize::yes, .scales = true};
constexpr ExpertRules kGraniteExperts{
    .layers = ExpertLayers::with_router, .normalize = Normalize::yes, .shared = Shared::if_width};
constexpr ExpertRules kQwenExperts{.layers = ExpertLayers::with_router,
                                   .width = Width::key_or_share,
                                   .shared = Shared::gated,
                                   .shared_width = SharedWidth::key_or_ffn};
constexpr ExpertRules kQwenNextExperts{.layers = ExpertLayers::with_router,
                                       .normalize = Normalize::yes,
                                       .width = Width::key_or_share,
                                       .shared = Shared::gated,
                                       .shared_width = SharedWidth::key_or_ffn,
                                       .scales = true,
                                       .shared_scales = true};

constexpr WindowRules kEachFourth{.kind = Window::if_key, .pattern = 4};

constexpr MixerRules kDeltaNet{.kind = Recurrence::delta_net,
                               .layers = MixerLayers::listed,
                               .key_heads_tiled = true,
                               .scales = true};
constexpr MixerRules mamba(Recurrence kind, MixerLayers layers) {
    return {.kind = kind, .layers = layers, .scales = true};
}
constexpr MixerRules kShortConv{.kind = Recurrence::short_conv,
                                .layers = MixerLayers::without_kv_heads};

constexpr Architecture kRows[] = {
    // ---- RMS norms, gated feed-forward ----
    {.name = "llama",
     .rope = {.factors = RopeFactors::freqs_or_longrope, .whole_head = true},
     .ffn = kScaled,
     .experts = kLlamaExperts},
    {.name = "mistral3",
     .rope = {.factors = RopeFactors::freqs_or_longrope,
              .yarn_betas = true,
              .yarn_log = YarnLog::as_stored},
     .attention = {.temperature = Temperature::every_layer},
     .ffn = kScaled,
     .experts = kLlamaExperts},
    {.name = "qwen2", .rope = kNeox, .ends = {.out_bias = true}},
    {.name = "qwen3",
     .qk_norm = kHeadNorm,
     .rope = kNeox,
     .ffn = kScaled,
     .ends = {.ignores_classifier = true}},
    {.name = "qwen2moe", .rope = kNeox, .experts = kQwenExperts},
    {.name = "qwen3moe",
     .qk_norm = kHeadNorm,
     .rope = kNeox,
     .experts = {.layers = ExpertLayers::with_router,
                 .normalize = Normalize::yes,
                 .width = Width::key_or_share,
                 .scales = true}},
    {.name = "smollm3", .rope = {.layers = RopeLayers::not_each_fourth}},
    {.name = "internlm2"},
    {.name = "seed_oss", .norm = kQwenNorm, .rope = kNeox},
    {.name = "hunyuan-dense",
     .qk_norm = {.place = QkNormPlace::head, .after_rope = true},
     .rope = {.layout = neox, .alpha = true}},
    {.name = "ernie4_5", .attention = kOutBiasIgnored},
    {.name = "ernie4_5-moe",
     .attention = kOutBiasIgnored,
     .experts = {.layers = ExpertLayers::after_leading_every_step,
                 .normalize = Normalize::yes,
                 .width = Width::key,
                 .shared = Shared::if_width,
                 .selection_bias = Bias::optional}},
    {.name = "phi3", .rope = {.layout = neox, .factors = RopeFactors::long_short}, .ffn = kFused},
    {.name = "glm4",
     .norm = kBothSides,
     .rope = {.sections = RopeSections::neox_if_set},
     .attention = kNoOutBias,
     .ffn = kFused},
    {.name = "olmo",
     .norm = {.kind = NormKind::layer, .weighted = false},
     .attention = {.clamp = true, .out_bias = false}},
    {.name = "olmo2",
     .norm = kAfterOnly,
     .qk_norm = {.place = QkNormPlace::flat},
     .rope = {.layout = neox, .local = LocalRope::global_unscaled},
     .attention = kNoOutBias,
     .window = kEachFourth},
    {.name = "exaone4",
     .norm = kAfterOnly,
     .qk_norm = kHeadNorm,
     .rope = {.layout = neox,
              .factors = RopeFactors::freqs,
              .layers = RopeLayers::local_if_windowed},
     .attention = kNoOutBias,
     .window = {.kind = Window::if_64_layers, .tokens = 4096, .pattern = 4}},
    {.name = "gemma", .rope = kNeox, .attention = kNoOutBias, .ffn = kGeglu, .ends = kTied},
    {.name = "gemma2",
     .norm = kBothSides,
     .rope = {.layout = neox, .local = LocalRope::inherit},
     .attention = {.scale = ScoreScale::root_or_model_width,
                   .odd_layers = 46,
                   .softcap = true,
                   .out_bias = false},
     .window = {.kind = Window::with_default, .tokens = 4096, .pattern = 2},
     .ffn = kGeglu,
     .ends = {.embedding = EmbeddingScale::root, .cap = Cap::thirty, .always_tied = true}},
    {.name = "gemma3",
     .norm = kBothSides,
     .qk_norm = kHeadNorm,
     .rope = {.layout = neox, .local = LocalRope::own},
     .attention = {.scale = ScoreScale::root_or_model_width, .odd_layers = 62, .out_bias = false},
     .window = {.kind = Window::if_key, .pattern = 6},
     .ffn = kGeglu,
     .ends = {.embedding = EmbeddingScale::root, .cap = Cap::off}},
    {.name = "gemma4",
     .norm = kBothSides,
     .qk_norm = kHeadNorm,
     .rope = {.layout = neox, .factors = RopeFactors::freqs, .local = LocalRope::own},
     .attention = {.scale = ScoreScale::one, .out_bias = false, .value_norm = true},
     .window = {.kind = Window::required},
     .ffn = {.activation = gelu, .scales = true},
     .experts = {.layers = ExpertLayers::with_router,
                 .normalize = Normalize::yes,
                 .width = Width::key,
                 .activation = gelu,
                 .scales = true},
     .ends = {.embedding = EmbeddingScale::root, .cap = Cap::thirty},
     .per_layer_input = true},
    {.name = "granite",
     .branch_factor = {Factor::Kind::key},
     .rope = {.factors = RopeFactors::freqs_or_longrope, .layers = RopeLayers::all_if_finetuned},
     .attention = kKeyScale,
     .experts = kGraniteExperts,
     .ends = graniteEnds(true)},
    {.name = "granitemoe",
     .branch_factor = {Factor::Kind::key},
     .rope = kLlamaRope,
     .attention = kKeyScale,
     .experts = kGraniteExperts,
     .ends = graniteEnds(true)},
    {.name = "minicpm",
     .branch_factor = {Factor::Kind::key_or_default, Factor::Default::depth},
     .rope = kLlamaRope,
     .experts = {.layers = ExpertLayers::with_router, .normalize = Normalize::yes},
     .ends = {.embedding = EmbeddingScale::key,
              .embedding_factor = {Factor::Kind::key_or_default, Factor::Default::twelve},
              .logits = Logits::divide,
              .logits_factor = {Factor::Kind::key_or_default, Factor::Default::width}}},
    {.name = "gpt-oss",
     .norm = kQwenNorm,
     .rope = {.layout = neox, .local = LocalRope::inherit},
     .attention = {.sinks = true, .head_from_rope = true},
     .window = {.kind = Window::required, .pattern = 2},
     .experts = {.layers = ExpertLayers::with_router,
                 .routing = Routing::softmax_of_chosen,
                 .width = Width::key,
                 .activation = oai,
                 .biases = true}},
    {.name = "llama4",
     .qk_norm = {.place = QkNormPlace::plain, .after_rope = true, .only_rope_layers = true},
     .rope = {.factors = RopeFactors::freqs,
              .layers = RopeLayers::not_each_fourth,
              .local = LocalRope::inherit},
     .attention = {.temperature = Temperature::unrotated},
     .window = {.kind = Window::chunked, .tokens = 8192, .pattern = 4},
     .experts = {.layers = ExpertLayers::every_step,
                 .routing = Routing::sigmoid_on_input,
                 .width = Width::key,
                 .shared = Shared::plain,
                 .shared_width = SharedWidth::as_expert}},
    {.name = "deepseek2",
     .rope = {.yarn_log = YarnLog::times_ten},
     .attention = {.latent = true, .temperature = Temperature::keys},
     .experts = {.layers = ExpertLayers::after_leading,
                 .routing = Routing::key,
                 .normalize = Normalize::key,
                 .width = Width::key,
                 .shared = Shared::if_width,
                 .shared_width = SharedWidth::per_expert,
                 .selection_bias = Bias::optional,
                 .scale_key = true}},
    // ---- layer norms ----
    {.name = "gpt2",
     .norm = kLayerNorm,
     .rope = kNoRope,
     .ffn = kGelu,
     .ends = {.positions = Positions::required}},
    {.name = "gptneox",
     .norm = kLayerNorm,
     .residual = Residual::parallel_own_norm_if_key,
     .rope = kNeox,
     .ffn = kGelu},
    {.name = "phi2",
     .norm = {.kind = NormKind::layer, .bias = true, .before_ffn = ""},
     .residual = Residual::parallel,
     .rope = kNeox,
     .ffn = kGelu,
     .ends = {.out_bias = true}},
    {.name = "starcoder2", .norm = kLayerNorm, .rope = kNeox, .ffn = kGelu},
    {.name = "falcon",
     .norm = {.kind = NormKind::layer, .bias = true, .before_ffn = ""},
     .residual = Residual::parallel_second_norm,
     .rope = {.layout = neox, .whole_head = true},
     .attention = kNoOutBias,
     .ffn = {.kind = FfnKind::plain, .activation = gelu, .bias = false}},
    {.name = "mpt",
     .norm = kLayerNorm,
     .qk_norm = {.place = QkNormPlace::flat, .optional = true},
     .rope = kNoRope,
     .attention = {.alibi = AlibiRule::key, .clamp = true},
     .ffn = {.kind = FfnKind::plain, .activation = gelu, .act_scales = true},
     .ends = {.positions = Positions::optional}},
    {.name = "bloom",
     .norm = {.kind = NormKind::layer, .bias = true, .embedding = true},
     .rope = kNoRope,
     .attention = {.alibi = AlibiRule::eight},
     .ffn = kGelu},
    {.name = "stablelm",
     .norm = kLayerNorm,
     .residual = Residual::parallel_without_ffn_norm,
     .qk_norm = {.place = QkNormPlace::per_head, .optional = true},
     .rope = kNeox,
     .attention = kNoOutBias},
    {.name = "nemotron",
     .norm = kLayerNorm,
     .rope = kNeox,
     .ffn = {.kind = FfnKind::plain, .activation = relu_squared}},
    {.name = "command-r",
     .norm = kLayerNormOnly,
     .residual = Residual::parallel,
     .qk_norm = {.place = QkNormPlace::per_head, .from_layers = 64},
     .attention = kNoOutBias,
     .ends = kCohereEnds},
    {.name = "cohere2",
     .norm = kLayerNormOnly,
     .residual = Residual::parallel,
     .rope = {.layers = RopeLayers::local},
     .attention = kNoOutBias,
     .window = {.kind = Window::required, .pattern = 4},
     .ffn = kScaled,
     .ends = kCohereEnds},
    // ---- recurrent and hybrid ----
    {.name = "lfm2",
     .norm = {.final_name = "token_embd_norm"},
     .qk_norm = kHeadNorm,
     .rope = kNeox,
     .attention = kNoOutBias,
     .window = {.kind = Window::everywhere},
     .mixer = kShortConv},
    {.name = "lfm2moe",
     .norm = {.final_name = "token_embd_norm"},
     .qk_norm = kHeadNorm,
     .rope = kNeox,
     .attention = kNoOutBias,
     .experts = {.layers = ExpertLayers::after_leading,
                 .routing = Routing::key,
                 .normalize = Normalize::yes,
                 .width = Width::key,
                 .selection_bias = Bias::required},
     .mixer = kShortConv},
    {.name = "mamba",
     .rope = kNoRope,
     .mixer = mamba(Recurrence::mamba1, MixerLayers::all),
     .has_ffn = false},
    {.name = "mamba2",
     .rope = kNoRope,
     .mixer = mamba(Recurrence::mamba2, MixerLayers::all),
     .has_ffn = false},
    {.name = "jamba",
     .rope = kNoRope,
     .attention = kNoOutBias,
     .experts = {.layers = ExpertLayers::with_router},
     .mixer = mamba(Recurrence::mamba1, MixerLayers::without_kv_heads)},
    {.name = "granitehybrid",
     .branch_factor = {Factor::Kind::key},
     .rope = {.factors = RopeFactors::freqs, .layers = RopeLayers::all_if_finetuned},
     .attention = kKeyScale,
     .experts = kGraniteExperts,
     .ends = graniteEnds(false),
     .mixer = mamba(Recurrence::mamba2, MixerLayers::without_kv_heads)},
    {.name = "falcon-h1",
     .norm = {.bare_ffn_name = true},
     .rope = kNeox,
     .attention = kOutBiasIgnored,
     .mixer = mamba(Recurrence::mamba2, MixerLayers::beside_attention)},
    {.name = "qwen3next",
     .norm = kQwenNorm,
     .qk_norm = kHeadNorm,
     .rope = kNeox,
     .attention = kGated,
     .experts = kQwenNextExperts,
     .mixer = {.kind = Recurrence::delta_net, .layers = MixerLayers::listed}},
    {.name = "qwen35",
     .norm = kQwenNorm,
     .qk_norm = kHeadNorm,
     .rope = kImrope,
     .attention = kGated,
     .ffn = kScaled,
     .ends = {.ignores_classifier = true},
     .mixer = kDeltaNet},
    {.name = "qwen35moe",
     .norm = kQwenNorm,
     .qk_norm = kHeadNorm,
     .rope = kImrope,
     .attention = kGated,
     .experts = kQwenNextExperts,
     .ends = {.ignores_classifier = true},
     .mixer = kDeltaNet},
    {.name = "rwkv6",
     .norm =
         {.kind = NormKind::layer, .bias = true, .before_ffn = "attn_norm_2", .embedding = true},
     .rope = kNoRope,
     .mixer = {.kind = Recurrence::rwkv6, .layers = MixerLayers::all},
     .has_ffn = false},
};

} // namespace

std::span<const Architecture> architectureRows() {
    return kRows;
}

} // namespace longscope::model
