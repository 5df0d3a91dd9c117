// Test models of the families that may have experts.
#include "tests/support/files/family_table.h"

namespace longscope::testing {
namespace {

const KeyList kYarn = {{"rope.scaling.type", std::string("yarn")},
                       {"rope.scaling.factor", 4.0f},
                       {"rope.scaling.original_context_length", 64u}};
const KeyList kExperts = {{"expert_count", 6u}, {"expert_used_count", 2u}};
/// Some layers with experts, some without.
const std::vector<std::string> kSomeRouters = {"blk.1.ffn_gate_inp.weight",
                                               "blk.4.ffn_gate_inp.weight"};
const std::vector<std::string> kRouters = {"ffn_gate_inp.weight"};

KeyList longrope(uint32_t original) {
    return {{"rope.scaling.type", std::string("longrope")},
            {"rope.scaling.original_context_length", original},
            {"rope.scaling.attn_factor", 1.2f}};
}

std::vector<FamilyLine> llamaLines() {
    FamilyLine llama{.architecture = "llama",
                     .full_keys = joined(kExperts, {{"rope.scaling.factor", 4.0f}}),
                     .full_with = kSomeRouters,
                     .more = {{.name = "longrope", .keys = longrope(128), .all_optional = true},
                              {.name = "shortrope", .keys = longrope(256), .all_optional = true},
                              {.name = "yarn", .keys = kYarn},
                              {.name = "groups",
                               .keys = joined(kExperts, {{"expert_group_count", 3u},
                                                         {"expert_group_used_count", 2u}}),
                               .with = kRouters}}};
    FamilyLine mistral{
        .architecture = "mistral3",
        .keys = {{"attention.temperature_scale", 0.3f},
                 {"rope.scaling.original_context_length", 16u}},
        .full_keys = joined(joined(kYarn, kExperts), {{"rope.scaling.original_context_length", 16u},
                                                      {"rope.scaling.yarn_log_multiplier", 0.6f},
                                                      {"rope.scaling.yarn_beta_fast", 8.0f},
                                                      {"rope.scaling.yarn_beta_slow", 0.5f},
                                                      {"rope.scaling.attn_factor", 0.9f}}),
        .full_with = kSomeRouters};
    FamilyLine minicpm{
        .architecture = "minicpm",
        .full_keys = joined(
            kExperts, {{"embedding_scale", 3.0f}, {"residual_scale", 0.5f}, {"logit_scale", 4.0f}}),
        .full_with = kSomeRouters,
        .more = {{.name = "switched_off",
                  .keys = {{"embedding_scale", 0.0f},
                           {"residual_scale", 0.0f},
                           {"logit_scale", 0.0f}}}}};
    return {llama, mistral, minicpm};
}

std::vector<FamilyLine> graniteLines() {
    const KeyList factors = {{"attention.scale", 0.4f},
                             {"residual_scale", 0.7f},
                             {"embedding_scale", 3.0f},
                             {"logit_scale", 2.0f}};
    const KeyList shared = joined(kExperts, {{"expert_shared_feed_forward_length", 64u}});
    const KeyList unset = {{"attention.scale", 0.0f},
                           {"residual_scale", 0.0f},
                           {"embedding_scale", 0.0f},
                           {"logit_scale", 0.0f},
                           {"rope.scaling.finetuned", false}};
    FamilyLine granite{.architecture = "granite",
                       .keys = factors,
                       .full_keys = joined(shared, {{"rope.scaling.finetuned", true}}),
                       .full_with = kSomeRouters,
                       .more = {{.name = "unset", .keys = unset}}};
    FamilyLine granite_moe = granite;
    granite_moe.architecture = "granitemoe";
    granite_moe.full_keys = joined(shared, {{"rope.scaling.finetuned", false}});
    granite_moe.full_with = kRouters;
    return {granite, granite_moe};
}

std::vector<FamilyLine> gemmaLines() {
    FamilyLine gemma4{.architecture = "gemma4",
                      .keys = {{"attention.sliding_window", 12u},
                               {"attention.sliding_window_pattern", Ints{1, 0, 1}},
                               {"embedding_length_per_layer_input", 0u}},
                      .full_keys = {{"attention.sliding_window_pattern", Ints{1, 1, 0, 1, 0}},
                                    {"embedding_length_per_layer_input", 24u},
                                    {"attention.shared_kv_layers", 2u},
                                    {"attention.head_count_kv", Ints{2, 3, 1, 3, 1}},
                                    {"feed_forward_length", Ints{224, 192, 224, 160, 224}},
                                    {"attention.key_length_swa", 16u},
                                    {"attention.value_length_swa", 16u},
                                    {"rope.dimension_count_swa", 16u},
                                    {"rope.freq_base_swa", 300.0f},
                                    {"final_logit_softcapping", 3.0f},
                                    {"expert_count", 6u},
                                    {"expert_used_count", 2u},
                                    {"expert_feed_forward_length", 96u}},
                      .with = {"attn_v.weight"},
                      .full_with = {"blk.0.attn_v.weight", "blk.1.attn_v.weight",
                                    "blk.1.ffn_gate_inp.weight", "blk.4.ffn_gate_inp.weight"}};
    return {gemma4};
}

std::vector<FamilyLine> deepseekLines() {
    const KeyList heads = {{"attention.kv_lora_rank", 32u},   {"rope.dimension_count", 8u},
                           {"leading_dense_block_count", 1u}, {"expert_count", 6u},
                           {"expert_used_count", 2u},         {"expert_feed_forward_length", 64u},
                           {"expert_shared_count", 2u}};
    const KeyList absorbed = {{"attention.key_length_mla", 24u},
                              {"attention.value_length_mla", 16u},
                              {"attention.key_length", 40u},
                              {"attention.value_length", 32u},
                              {"attention.head_count_kv", 1u}};
    const KeyList apart = {{"attention.key_length", 24u},
                           {"attention.value_length", 16u},
                           {"attention.head_count_kv", 6u}};
    FamilyLine deepseek{
        .architecture = "deepseek2",
        .keys = joined(joined(heads, absorbed), {{"expert_gating_func", 2u}}),
        .full_keys = joined(kYarn, {{"attention.q_lora_rank", 48u},
                                    {"rope.scaling.yarn_log_multiplier", 0.0707f},
                                    {"expert_weights_norm", true},
                                    {"expert_weights_scale", 2.5f},
                                    {"expert_group_count", 3u},
                                    {"expert_group_used_count", 2u}}),
        .with = {"exp_probs_b.bias"},
        .full_with = {"exp_probs_b.bias", "attn_q_a.weight", "ffn_gate_up_exps.weight"},
        .more = {{.name = "apart",
                  .keys = joined(joined(heads, apart), {{"attention.temperature_scale", 0.3f},
                                                        {"attention.temperature_length", 16u},
                                                        {"rope.scaling.factor", 4.0f}})}}};
    return {deepseek};
}

} // namespace

std::vector<FamilyLine> expertLines() {
    const KeyList own = {{"expert_feed_forward_length", 64u}};
    const KeyList three = {
        {"expert_count", 6u}, {"expert_used_count", 3u}, {"feed_forward_length", 192u}};
    std::vector<FamilyLine> lines = llamaLines();
    for (const auto &more : {graniteLines(), gemmaLines(), deepseekLines()})
        lines.insert(lines.end(), more.begin(), more.end());
    lines.push_back({.architecture = "qwen2moe",
                     .keys = three,
                     .full_keys = joined(own, {{"expert_shared_feed_forward_length", 96u},
                                               {"expert_used_count", 2u}}),
                     .with = kRouters,
                     .full_with = kRouters});
    lines.push_back({.architecture = "qwen3moe",
                     .keys = three,
                     .full_keys = joined(own, {{"expert_used_count", 2u}}),
                     .with = kRouters,
                     .full_with = kSomeRouters});
    lines.push_back({.architecture = "ernie4_5-moe",
                     .keys = joined(joined(kExperts, own), {{"leading_dense_block_count", 1u},
                                                            {"interleave_moe_layer_step", 1u}}),
                     .full_keys = {{"interleave_moe_layer_step", 2u},
                                   {"expert_shared_feed_forward_length", 96u}},
                     .full_with = {"exp_probs_b.bias"}});
    lines.push_back({.architecture = "gpt-oss",
                     .keys = joined(joined(kExperts, own), {{"rope.dimension_count", 16u},
                                                            {"attention.sliding_window", 12u}}),
                     .full_keys = joined(kYarn, {{"rope.dimension_count", 32u},
                                                 {"attention.key_length", 64u},
                                                 {"attention.value_length", 64u},
                                                 {"expert_used_count", 3u},
                                                 {"rope.freq_base_swa", 300.0f}}),
                     .with = kRouters,
                     .full_with = kRouters});
    lines.push_back({.architecture = "llama4",
                     .keys = joined(joined(kExperts, own),
                                    {{"block_count", 5u}, {"interleave_moe_layer_step", 2u}}),
                     .full_keys = {{"expert_used_count", 1u}, {"rope.scaling.factor", 4.0f}},
                     .more = {{.name = "many", // no q and k norms with 128 experts
                               .keys = {{"expert_count", 128u},
                                        {"expert_used_count", 1u},
                                        {"expert_feed_forward_length", 32u},
                                        {"interleave_moe_layer_step", 2u}}}}});
    return lines;
}

} // namespace longscope::testing
