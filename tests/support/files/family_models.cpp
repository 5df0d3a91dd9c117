// From a variant to its file: keys, then the tensors that tensorsOf lists, with random values.
#include "tests/support/family_models.h"

#include "compute/model/config.h"
#include "compute/model/tensor_list.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <stdexcept>

namespace longscope::testing {

/// Keys that `rules` does not read, family_keys.cpp.
KeyList unreadKeys(const model::Architecture &rules);

namespace {

using model::Architecture;
using model::QuantType;
using model::TensorSpec;
using Need = TensorSpec::Need;

const Architecture &rulesOf(std::string_view architecture) {
    const Architecture *found = model::findArchitecture(architecture);
    if (!found)
        throw std::invalid_argument(std::format("no architecture {}", architecture));
    return *found;
}

void setKeys(GgufWriter &writer, std::string_view architecture, const KeyList &keys) {
    for (const auto &[key, value] : keys)
        std::visit(
            [&](const auto &one) { writer.set(std::format("{}.{}", architecture, key), one); },
            value);
}

KeyList usualKeys(const Architecture &rules) {
    const char *eps = rules.norm.kind == model::NormKind::rms ? "attention.layer_norm_rms_epsilon"
                                                              : "attention.layer_norm_epsilon";
    return {{"block_count", 3u},
            {"context_length", 256u},
            {"embedding_length", 96u},
            {"feed_forward_length", 160u},
            {"attention.head_count", 6u},
            {"attention.head_count_kv", 2u},
            {eps, 1e-5f}};
}

bool contains(const std::vector<std::string> &names, std::string_view name) {
    if (std::ranges::find(names, name) != names.end())
        return true;
    if (!name.starts_with("blk."))
        return false;
    return std::ranges::find(names, name.substr(name.find('.', 4) + 1)) != names.end();
}

/// Whether the file of a variant has the tensor.
bool isThere(const TensorSpec &spec, const FamilyVariant &variant, const Architecture &rules) {
    if (spec.need == Need::required || contains(variant.with, spec.name))
        return true;
    if (contains(variant.without, spec.name))
        return false;
    if (spec.need == Need::ignored)
        return variant.all_ignored;
    if (!variant.all_optional || spec.name == "output.weight")
        return false;
    if (rules.attention.gated)
        return true;
    // A fused projection has one bias.
    size_t at = std::min(spec.name.find("attn_q.bias"),
                         std::min(spec.name.find("attn_k.bias"), spec.name.find("attn_v.bias")));
    return at == std::string::npos ||
           !contains(variant.with, spec.name.substr(0, at) + "attn_qkv.weight");
}

struct Range {
    float low, high;
};
/// Of tensors that are no matrices, by a part of their name; the first that fits.
constexpr std::pair<std::string_view, Range> kRanges[] = {
    {"norm.bias", {-0.2f, 0.2f}},
    {"time_mix_ln.bias", {-0.2f, 0.2f}},
    {"exp_probs_b.bias", {-0.2f, 0.2f}},
    {"ssm_dt.bias", {-1, 1}},
    {".bias", {-0.3f, 0.3f}},
    {"norm", {0.8f, 1.2f}},
    {"time_mix_ln.weight", {0.8f, 1.2f}},
    {"scale", {0.7f, 1.4f}}, // also ffn.act.scales and layer_output_scale
    {"ssm_a", {-1.5f, -0.2f}},
    {"ssm_d", {0.5f, 1.5f}},
    {"attn_sinks", {-1, 1}},
    {"rope_freqs", {1, 4}},
    {"rope_factors_long", {1, 4}},
    {"rope_factors_short", {1, 1.5f}},
    {"lerp", {0, 1}},
    {"time_mix_first", {-0.5f, 0.5f}},
    {"time_mix_decay.weight", {-3, 0}},
    {"position_embd", {-1, 1}},
    {"ffn_norm", {0.8f, 1.2f}},
};

const Range *rangeOf(std::string_view name) {
    if (name.contains("ssm_alpha.") && name.ends_with("weight"))
        return nullptr;
    if (name.contains("ssm_dt.weight"))
        return nullptr;
    for (const auto &[part, range] : kRanges)
        if (name.contains(part))
            return &range;
    return nullptr;
}

/// Root of the mean square of a product with a vector of unit size.
float gainOf(std::string_view name, const Architecture &rules, bool tied) {
    // A head of gain 2 makes logits of about 2; embeddings that are no head have unit size.
    if (name == "output.weight")
        return 2;
    if (name == "token_embd.weight" && tied)
        return 2;
    if (name == "token_embd.weight" || name == "per_layer_token_embd.weight")
        return -1; // of the elements themselves
    if (name.contains("ffn_gate_inp"))
        return rules.per_layer_input ? 20 : 2; // so that experts weigh differently
    return name.contains("attn_q") || name.contains("attn_k") ? 1.5f : 1;
}

class FamilyMaker {
  public:
    FamilyMaker(GgufWriter &writer, const Architecture &rules, const FamilyVariant &variant,
                QuantType type)
        : writer_(writer), rules_(rules), variant_(variant), type_(type) {}

    void add(const TensorSpec &spec, bool tied) {
        std::vector<uint64_t> shape = spec.shape.empty() ? std::vector<uint64_t>{8} : spec.shape;
        size_t count = 1;
        for (uint64_t size : shape)
            count *= size;
        uint64_t seed = seedOfName(spec.name, variant_.seed);
        if (const Range *range = rangeOf(spec.name)) {
            writer_.tensorF32(spec.name, shape, randomFloats(count, range->low, range->high, seed));
            return;
        }
        float gain = gainOf(spec.name, rules_, tied);
        float deviation = gain < 0 ? 1 : gain / std::sqrt(static_cast<float>(shape[0]));
        QuantType type = typeOf(spec.name, shape);
        writer_.tensor(spec.name, type, shape, randomWeights(type, count, deviation, seed));
    }

  private:
    QuantType typeOf(std::string_view name, const std::vector<uint64_t> &shape) const {
        bool small = shape.size() < 2 || name.contains("conv") || name.contains("ffn_gate_inp") ||
                     name.contains("time_mix_w") || name.contains("time_mix_decay");
        return small || shape[0] % model::traitsOf(type_).block_elements != 0 ? QuantType::f32
                                                                              : type_;
    }

    GgufWriter &writer_;
    const Architecture &rules_;
    const FamilyVariant &variant_;
    QuantType type_;
};

} // namespace

const FamilyVariant &findVariant(std::string_view architecture, std::string_view name) {
    for (const Family &family : families())
        for (const FamilyVariant &variant : family.variants)
            if (family.architecture == architecture && variant.name == name)
                return variant;
    throw std::out_of_range(std::format("no variant {} of {}", name, architecture));
}

GgufWriter makeFamily(std::string_view architecture, const FamilyVariant &variant, QuantType type) {
    const Architecture &rules = rulesOf(architecture);
    GgufWriter writer;
    writer.set("general.architecture", std::string(architecture));
    writer.set("general.name", std::format("small random {}", architecture));
    if (variant.unread_keys)
        setKeys(writer, architecture, unreadKeys(rules));
    setKeys(writer, architecture, usualKeys(rules));
    setKeys(writer, architecture, variant.keys);
    uint32_t vocab = addByteVocabulary(writer);

    model::HasTensor has = [&](const std::string &name) { return contains(variant.with, name); };
    std::vector<std::byte> bytes = writer.build();
    model::Config config = model::readKeys(model::Gguf::parse(bytes, "keys.gguf"), has);
    config.vocab = vocab;
    bool tied = rules.ends.always_tied || !has("output.weight");
    FamilyMaker maker(writer, rules, variant, type);
    for (const TensorSpec &spec : model::tensorsOf(config, has))
        if (isThere(spec, variant, rules))
            maker.add(spec, tied);
    return writer;
}

} // namespace longscope::testing
