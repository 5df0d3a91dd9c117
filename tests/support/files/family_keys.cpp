// Keys that an architecture does not read: presence is not use.
#include "compute/model/architecture.h"
#include "tests/support/family_models.h"

namespace longscope::testing {

KeyList unreadKeys(const model::Architecture &rules);

namespace {

using namespace model;

/// Nobody reads these; careless tools write them.
constexpr const char *kZeroCounts[] = {"expert_latent_length",
                                       "expert_chunk_feed_forward_length",
                                       "experts_per_group",
                                       "moe_every_n_layers",
                                       "nextn_predict_layers",
                                       "n_deepstack_layers",
                                       "decoder_block_count",
                                       "hrm.layers_per_stack",
                                       "attention.group_norm_groups",
                                       "attention.value_expert_count",
                                       "attention.decay_lora_rank",
                                       "attention.gate_lora_rank",
                                       "attention.indexer.head_count",
                                       "attention.indexer.top_k",
                                       "attention.compress_ratios",
                                       "hyper_connection.count",
                                       "kda.head_dim",
                                       "posnet.block_count",
                                       "convnext.block_count",
                                       "dense_2_feat_in",
                                       "expert_group_count",
                                       "expert_group_used_count"};
constexpr const char *kZeroNumbers[] = {"attention.group_norm_epsilon", "attention.output_scale",
                                        "attention.value_scale", "rope.scaling.factor",
                                        "hyper_connection.epsilon"};

void addAlways(KeyList &keys) {
    for (const char *key : kZeroCounts)
        keys.emplace_back(key, 0u);
    for (const char *key : kZeroNumbers)
        keys.emplace_back(key, 0.0f);
    keys.emplace_back("pooling_type", 0xFFFFFFFFu);
    keys.emplace_back("router_logit_softcapping", 30.0f);
    keys.emplace_back("expert_group_scale", 0.05f);
    keys.emplace_back("rope.scaling.type", std::string("linear"));
    keys.emplace_back("rope.scaling.attn_factor", 1.0f);
    keys.emplace_back("rope.scaling.yarn_ext_factor", -1.0f);
    keys.emplace_back("rope.section_order", std::string("tyxz"));
    keys.emplace_back("attention.causal", true);
    keys.emplace_back("swin_norm", true);
    // The norm of the other kind.
    keys.emplace_back("attention.layer_norm_epsilon", 0.0f);
    keys.emplace_back("attention.layer_norm_rms_epsilon", 0.0f);
}

void addOfAttention(const Architecture &rules, KeyList &keys) {
    auto unless = [&](bool read, const char *key, KeyValue value) {
        if (!read)
            keys.emplace_back(key, std::move(value));
    };
    const AttentionRules &attention = rules.attention;
    bool latent = attention.latent, tempered = attention.temperature == Temperature::keys ||
                                               attention.temperature == Temperature::every_layer;
    unless(attention.scale == ScoreScale::key, "attention.scale", 0.3f);
    unless(attention.softcap, "attn_logit_softcapping", 0.5f);
    unless(attention.alibi == AlibiRule::key, "attention.max_alibi_bias", 4.0f);
    unless(attention.clamp, "attention.clamp_kqv", 0.1f);
    unless(tempered, "attention.temperature_scale", 0.5f);
    unless(tempered, "attention.temperature_length", 4u);
    unless(latent, "attention.kv_lora_rank", 32u);
    unless(latent, "attention.q_lora_rank", 32u);
    unless(latent, "attention.key_length_mla", 40u);
    unless(latent, "attention.value_length_mla", 24u);
    unless(rules.window.kind != WindowRules::Kind::none, "attention.sliding_window", 8u);
    unless(rules.window.kind != WindowRules::Kind::none, "attention.sliding_window_pattern", 2u);
    unless(rules.mixer.layers == MixerRules::Layers::listed, "attention.recurrent_layers", 1u);
    unless(rules.mixer.layers == MixerRules::Layers::listed, "full_attention_interval", 2u);
    unless(rules.per_layer_input, "attention.key_length_swa", 8u);
    unless(rules.per_layer_input, "attention.shared_kv_layers", 2u);
    unless(rules.per_layer_input, "embedding_length_per_layer_input", 16u);
    bool local_base = rules.rope.local == LocalRope::own || rules.rope.local == LocalRope::inherit;
    unless(local_base, "rope.freq_base_swa", 77.0f);
    unless(rules.per_layer_input, "rope.dimension_count_swa", 4u);
    unless(rules.rope.sections != RopeSections::ignored, "rope.dimension_sections",
           std::vector<int32_t>{1, 1, 1, 20});
    unless(rules.rope.alpha, "rope.scaling.alpha", 40.0f);
    unless(rules.rope.layers == RopeLayers::all_if_finetuned, "rope.scaling.finetuned", false);
    unless(rules.rope.yarn_log != YarnLog::none, "rope.scaling.yarn_log_multiplier", 0.7f);
}

void addOfTheRest(const Architecture &rules, KeyList &keys) {
    auto unless = [&](bool read, const char *key, KeyValue value) {
        if (!read)
            keys.emplace_back(key, std::move(value));
    };
    const ExpertRules &experts = rules.experts;
    using Layers = ExpertRules::Layers;
    bool leads = experts.layers == Layers::after_leading ||
                 experts.layers == Layers::after_leading_every_step;
    bool steps =
        experts.layers == Layers::every_step || experts.layers == Layers::after_leading_every_step;
    bool any = experts.layers != Layers::none;
    unless(any, "expert_count", 8u);
    unless(any, "expert_used_count", 2u);
    unless(any, "expert_feed_forward_length", 32u);
    unless(experts.shared != ExpertRules::Shared::none, "expert_shared_feed_forward_length", 32u);
    unless(experts.shared_width == ExpertRules::SharedWidth::per_expert, "expert_shared_count", 2u);
    unless(leads, "leading_dense_block_count", 2u);
    unless(steps, "interleave_moe_layer_step", 2u);
    unless(experts.scale_key, "expert_weights_scale", 3.0f);
    unless(experts.normalize == ExpertRules::Normalize::key, "expert_weights_norm",
           experts.normalize == ExpertRules::Normalize::no);
    unless(experts.routing == Routing::key, "expert_gating_func", 2u);
    unless(rules.ends.cap != EndRules::Cap::none, "final_logit_softcapping", 0.5f);
    unless(rules.ends.embedding == EndRules::EmbeddingScale::key, "embedding_scale", 3.0f);
    unless(rules.ends.logits != EndRules::Logits::none, "logit_scale", 3.0f);
    unless(rules.branch_factor.kind != FactorRule::Kind::none, "residual_scale", 3.0f);
    unless(rules.residual == Residual::parallel_own_norm_if_key, "use_parallel_residual", true);
    Recurrence kind = rules.mixer.kind;
    bool spaces =
        kind == Recurrence::mamba1 || kind == Recurrence::mamba2 || kind == Recurrence::delta_net;
    for (const char *key : {"ssm.conv_kernel", "ssm.inner_size", "ssm.state_size",
                            "ssm.time_step_rank", "ssm.group_count"})
        unless(spaces, key, 4u);
    unless(kind == Recurrence::mamba1, "ssm.dt_b_c_rms", true);
    unless(kind == Recurrence::short_conv, "shortconv.l_cache", 2u);
    unless(kind == Recurrence::rwkv6, "wkv.head_size", 8u);
    unless(kind == Recurrence::rwkv6, "rescale_every_n_layers", 1u);
}

} // namespace

KeyList unreadKeys(const Architecture &rules) {
    KeyList keys;
    addAlways(keys);
    addOfAttention(rules, keys);
    addOfTheRest(rules, keys);
    return keys;
}

} // namespace longscope::testing
