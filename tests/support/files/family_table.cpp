// Test models of the dense families; the table of all.
#include "tests/support/files/family_table.h"

#include "compute/model/architecture.h"

namespace longscope::testing {
namespace {

/// What the full variants have in common. head_dim is not model_dim / heads.
const KeyList kFullKeys = {{"block_count", 5u},
                           {"embedding_length", 128u},
                           {"feed_forward_length", 224u},
                           {"attention.head_count", 6u},
                           {"attention.head_count_kv", 3u},
                           {"attention.key_length", 32u},
                           {"attention.value_length", 32u},
                           {"rope.freq_base", 2000.0f}};
/// Rules that follow the number of layers: many small ones.
const KeyList kManyLayers = {{"embedding_length", 32u},
                             {"feed_forward_length", 64u},
                             {"attention.head_count", 4u},
                             {"attention.key_length", 16u},
                             {"attention.value_length", 16u}};

FamilyVariant deep(uint32_t layers, const KeyList &keys) {
    return {.name = "deep", .keys = joined(joined({{"block_count", layers}}, kManyLayers), keys)};
}

const KeyList kYarn = {{"rope.scaling.type", std::string("yarn")},
                       {"rope.scaling.factor", 4.0f},
                       {"rope.scaling.original_context_length", 64u}};

} // namespace

KeyList joined(KeyList first, const KeyList &second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

Family familyOf(const FamilyLine &line) {
    FamilyVariant bare{
        .name = "bare", .keys = line.keys, .with = line.with, .without = line.without};
    if (!model::findArchitecture(line.architecture)->ends.always_tied)
        bare.with.push_back("output.weight");
    FamilyVariant careless = bare;
    careless.name = "careless";
    careless.all_ignored = careless.unread_keys = true;
    FamilyVariant full{.name = "full",
                       .keys = joined(joined(kFullKeys, line.keys), line.full_keys),
                       .with = line.full_with,
                       .all_optional = true,
                       .without = line.full_without,
                       .all_ignored = true,
                       .seed = 2};
    Family family{line.architecture, {bare, careless, full}};
    family.variants.insert(family.variants.end(), line.more.begin(), line.more.end());
    return family;
}

const std::vector<Family> &families() {
    static const std::vector<Family> all = [] {
        std::vector<Family> made;
        for (const auto &lines : {denseLines(), expertLines(), recurrentLines()})
            for (const FamilyLine &line : lines)
                made.push_back(familyOf(line));
        return made;
    }();
    return all;
}

std::vector<FamilyLine> denseLines() {
    const KeyList partial = {{"rope.dimension_count", 8u}}, half = {{"rope.dimension_count", 16u}};
    const std::vector<std::string> fused = {"attn_qkv.weight"};
    const KeyList soft = {{"attn_logit_softcapping", 2.0f}, {"final_logit_softcapping", 3.0f}};
    const KeyList window = {{"attention.sliding_window", 12u}};
    return {
        {.architecture = "qwen2"},
        {.architecture = "qwen3", .full_keys = {{"rope.scaling.factor", 4.0f}}},
        {.architecture = "smollm3", .keys = {{"block_count", 5u}}},
        {.architecture = "internlm2"},
        {.architecture = "seed_oss"},
        {.architecture = "hunyuan-dense", .full_keys = {{"rope.scaling.alpha", 50.0f}}},
        {.architecture = "ernie4_5"},
        {.architecture = "phi3",
         .full_keys = joined(half, {{"rope.scaling.original_context_length", 128u},
                                    {"rope.scaling.attn_factor", 1.1f}}),
         .full_with = fused,
         .more = {{.name = "short",
                   .keys = {{"rope.scaling.original_context_length", 256u}},
                   .all_optional = true}}},
        {.architecture = "glm4",
         .keys = partial,
         .full_keys = joined(half, {{"rope.dimension_sections", Ints{2, 2, 2, 4}}})},
        {.architecture = "olmo", .full_keys = {{"attention.clamp_kqv", 0.7f}}},
        {.architecture = "olmo2",
         .full_keys = joined(window, kYarn),
         .more = {{.name = "windowed", .keys = joined(window, {{"block_count", 4u}})}}},
        {.architecture = "exaone4", .more = {deep(64, {{"attention.sliding_window", 9u}})}},
        {.architecture = "gemma"},
        {.architecture = "gemma2",
         .keys = window,
         .full_keys = joined(soft, {{"rope.freq_base_swa", 300.0f}}),
         .more = {deep(46, window)}},
        {.architecture = "gemma3",
         .keys = joined(window, {{"attention.sliding_window_pattern", 2u}}),
         .full_keys = {{"attention.sliding_window_pattern", Ints{1, 0, 1, 1, 0}},
                       {"rope.freq_base_swa", 300.0f},
                       {"rope.scaling.factor", 4.0f},
                       {"final_logit_softcapping", 3.0f}},
         .more = {deep(62, {}),
                  {.name = "yarn",
                   .keys =
                       joined(joined(window, kYarn), {{"attention.sliding_window_pattern", 2u}})}}},
        {.architecture = "gpt2", .full_with = fused},
        {.architecture = "gptneox",
         .keys = joined(partial, {{"use_parallel_residual", true}}),
         .full_keys = joined(half, {{"use_parallel_residual", false}}),
         .with = fused,
         .full_with = fused},
        {.architecture = "phi2", .keys = partial, .full_keys = half, .with = fused},
        {.architecture = "starcoder2"},
        {.architecture = "falcon", .with = fused, .full_with = fused},
        {.architecture = "mpt",
         .keys = {{"attention.max_alibi_bias", 8.0f}},
         .full_keys = {{"attention.max_alibi_bias", 4.0f}, {"attention.clamp_kqv", 0.7f}},
         .with = fused,
         .without = {"attn_q_norm.weight", "attn_q_norm.bias"},
         .full_with = fused,
         .full_without = {"attn_q_norm.weight", "attn_q_norm.bias", "attn_k_norm.bias"},
         .more = {{.name = "normed", // and without slopes: nothing knows a position
                   .with = {"attn_q_norm.weight", "attn_k_norm.weight", "output.weight"}}}},
        {.architecture = "bloom",
         .full_with = {"attn_qkv.weight", "attn_q.bias", "attn_k.bias", "attn_v.bias"},
         .full_without = {"attn_qkv.bias"}},
        {.architecture = "stablelm",
         .keys = partial,
         .full_keys = half,
         .with = {"ffn_norm.weight"},
         .full_with = {"attn_q_norm.weight", "attn_k_norm.weight"}},
        {.architecture = "nemotron", .keys = partial, .full_keys = half},
        {.architecture = "command-r",
         .full_keys = {{"logit_scale", 0.25f}},
         .more = {deep(64, {{"logit_scale", 0.25f}})}},
        {.architecture = "cohere2",
         .keys = joined(window, {{"block_count", 5u}}),
         .full_keys = {{"logit_scale", 0.25f}, {"attention.sliding_window_pattern", 3u}}},
    };
}

} // namespace longscope::testing
