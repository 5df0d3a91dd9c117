// Test models of the families with recurrent layers.
#include "tests/support/files/family_table.h"

namespace longscope::testing {
namespace {

const KeyList kExperts = {
    {"expert_count", 6u}, {"expert_used_count", 2u}, {"expert_feed_forward_length", 64u}};
/// Attention where it is not 0.
const KeyList kSomeHeads = {{"attention.head_count_kv", Ints{0, 2, 0}}};
const KeyList kSomeHeadsOfFive = {{"attention.head_count_kv", Ints{0, 3, 0, 0, 2}}};

KeyList spaces(uint32_t inner, uint32_t state, uint32_t heads, uint32_t groups, uint32_t taps) {
    return {{"ssm.inner_size", inner},
            {"ssm.state_size", state},
            {"ssm.time_step_rank", heads},
            {"ssm.group_count", groups},
            {"ssm.conv_kernel", taps}};
}

std::vector<FamilyLine> convolutionLines() {
    const KeyList small = joined(kSomeHeads, {{"shortconv.l_cache", 3u}});
    const KeyList large = joined(kSomeHeadsOfFive, {{"shortconv.l_cache", 4u}});
    FamilyLine lfm2{.architecture = "lfm2",
                    .keys = small,
                    .full_keys = joined(large, {{"attention.sliding_window", 12u}})};
    FamilyLine moe{.architecture = "lfm2moe",
                   .keys = joined(joined(small, kExperts),
                                  {{"leading_dense_block_count", 1u}, {"expert_gating_func", 2u}}),
                   .full_keys = joined(large, {{"expert_gating_func", 1u}})};
    return {lfm2, moe};
}

std::vector<FamilyLine> spaceLines() {
    const KeyList one = spaces(192, 8, 6, 0, 4), one_full = spaces(256, 16, 9, 0, 3);
    const KeyList two = spaces(192, 16, 6, 2, 4), two_full = spaces(192, 8, 12, 3, 3);
    const std::vector<std::string> routers = {"blk.1.ffn_gate_inp.weight",
                                              "blk.3.ffn_gate_inp.weight"};
    const KeyList factors = {{"attention.scale", 0.4f},
                             {"residual_scale", 0.7f},
                             {"embedding_scale", 3.0f},
                             {"logit_scale", 2.0f}};
    FamilyLine mamba{.architecture = "mamba",
                     .keys = one,
                     .full_keys = one_full,
                     .more = {{.name = "normed", .keys = joined(one, {{"ssm.dt_b_c_rms", true}})}}};
    FamilyLine mamba2{.architecture = "mamba2", .keys = two, .full_keys = two_full};
    FamilyLine jamba{.architecture = "jamba",
                     .keys = joined(one, kSomeHeads),
                     .full_keys = joined(joined(one_full, kSomeHeadsOfFive), kExperts),
                     .full_with = routers};
    FamilyLine granite{
        .architecture = "granitehybrid",
        .keys = joined(joined(two, kSomeHeads), factors),
        .full_keys = joined(joined(two_full, kSomeHeadsOfFive),
                            joined(kExperts, {{"expert_shared_feed_forward_length", 64u},
                                              {"rope.scaling.finetuned", true}})),
        .full_with = routers,
        .more = {{.name = "unset",
                  .keys = joined(joined(two, kSomeHeads), {{"rope.scaling.finetuned", false}})}}};
    FamilyLine falcon{.architecture = "falcon-h1", .keys = two, .full_keys = two_full};
    return {mamba, mamba2, jamba, granite, falcon};
}

std::vector<FamilyLine> deltaLines() {
    // 2 key heads for 6 value heads of 16; 3 for 6.
    const KeyList small = joined(spaces(96, 16, 6, 2, 4),
                                 {{"full_attention_interval", 2u}, {"rope.dimension_count", 8u}});
    const KeyList large =
        joined(spaces(192, 32, 6, 3, 3), {{"attention.recurrent_layers", Ints{1, 1, 0, 1, 0}},
                                          {"rope.dimension_count", 24u}});
    const KeyList sections = {{"rope.dimension_sections", Ints{1, 1, 1, 3}}};
    const KeyList more_sections = {{"rope.dimension_sections", Ints{3, 4, 2, 1}}};
    const std::vector<std::string> layouts = {"attn_qkv.weight"};
    const std::vector<std::string> routed = {"ffn_gate_inp.weight", "attn_qkv.weight"};
    FamilyLine next{
        .architecture = "qwen3next",
        .keys = joined(small, kExperts),
        .full_keys = joined(large, {{"expert_shared_feed_forward_length", 96u}}),
        .with = {"ffn_gate_inp.weight"}, // the older layout
        .full_with = {"ffn_gate_inp.weight", "attn_qkv.weight", "ffn_gate_up_exps.weight"}};
    FamilyLine dense{.architecture = "qwen35",
                     .keys = joined(small, sections),
                     .full_keys = joined(large, more_sections),
                     .with = layouts,
                     .full_with = layouts};
    FamilyLine moe{.architecture = "qwen35moe",
                   .keys = joined(joined(small, sections), kExperts),
                   .full_keys = joined(joined(large, more_sections),
                                       {{"expert_shared_feed_forward_length", 96u}}),
                   .with = routed,
                   .full_with = routed};
    return {next, dense, moe};
}

} // namespace

std::vector<FamilyLine> recurrentLines() {
    std::vector<FamilyLine> lines = convolutionLines();
    for (const auto &more : {spaceLines(), deltaLines()})
        lines.insert(lines.end(), more.begin(), more.end());
    lines.push_back({.architecture = "rwkv6",
                     .keys = {{"wkv.head_size", 16u},
                              {"time_mix_extra_dim", 8u},
                              {"time_decay_extra_dim", 12u}},
                     .full_keys = {{"wkv.head_size", 32u}, {"rescale_every_n_layers", 2u}},
                     .full_with = {"time_mix_lerp_fused.weight"}});
    return lines;
}

} // namespace longscope::testing
