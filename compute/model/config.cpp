// Reads the keys of a model and holds its tensors against them.
#include "compute/model/config.h"

#include "compute/core/error.h"
#include "compute/model/config_layers.h"
#include "compute/model/gguf_reader.h"
#include "compute/model/tensor_list.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

namespace longscope::model {
namespace {

constexpr uint64_t kMostLayers = 4096;

const Architecture *readArchitecture(const Gguf &file) {
    std::optional<std::string> name = file.findString("general.architecture");
    if (!name)
        fail(ErrorKind::model, "{}: key general.architecture is missing", file.path());
    const Architecture *found = findArchitecture(*name);
    if (!found)
        fail(ErrorKind::model,
             "{}: the architecture '{}' is not supported (the nearest known one: '{}')",
             file.path(), printable(*name), nearestArchitecture(*name));
    return found;
}

/// The number of blocks, draft layers included.
uint32_t readSizes(const Keys &keys, Config &config) {
    const Gguf &file = keys.file();
    // Bounded before anything of that many layers is made.
    auto blocks = static_cast<uint32_t>(keys.count("block_count", kMostLayers));
    if (blocks == 0)
        keys.refuseMissing("block_count");
    uint32_t drafts = keys.count("nextn_predict_layers"); // draft heads behind the trunk: skipped
    if (drafts >= blocks)
        fail(ErrorKind::model, "{}: {} of {} layers are draft heads ({})", file.path(), drafts,
             blocks, keys.full("nextn_predict_layers"));
    config.layers = blocks - drafts;
    config.model_dim = keys.require("embedding_length");
    config.context_tokens = keys.count("context_length", kMostContextTokens);
    if (config.context_tokens == 0)
        keys.refuseMissing("context_length");
    const char *eps = config.architecture->norm.kind == NormKind::rms
                          ? "attention.layer_norm_rms_epsilon"
                          : "attention.layer_norm_epsilon";
    config.norm_eps = static_cast<float>(keys.number(eps, 0));
    if (config.norm_eps == 0)
        keys.refuseMissing(eps);
    if (!keys.flag("attention.causal", true))
        fail(ErrorKind::model, "{} is an encoder (attention.causal is false); it cannot write text",
             file.path());
    return blocks;
}

double factorOf(const Keys &keys, std::string_view key, const FactorRule &rule,
                const Config &config) {
    using Default = FactorRule::Default;
    if (rule.kind == FactorRule::Kind::none)
        return 1;
    std::optional<double> stored = keys.stored(key);
    if (stored || rule.kind == FactorRule::Kind::key)
        return stored.value_or(0) == 0 ? 1 : *stored;
    switch (rule.fallback) {
    case Default::one:
        return 1;
    case Default::twelve:
        return 12;
    case Default::depth:
        return 1.4 / std::sqrt(config.layers);
    case Default::width:
        return 256.0 / config.model_dim;
    }
    return 1;
}

void readEnds(const Keys &keys, Config &config) {
    const EndRules &rules = config.architecture->ends;
    config.branch_factor =
        factorOf(keys, "residual_scale", config.architecture->branch_factor, config);
    config.embedding_factor =
        rules.embedding == EndRules::EmbeddingScale::root
            ? std::sqrt(static_cast<double>(config.model_dim))
            : factorOf(keys, "embedding_scale", rules.embedding_factor, config);
    if (rules.logits_required && !keys.has("logit_scale"))
        keys.refuseMissing("logit_scale");
    double logits = factorOf(keys, "logit_scale", rules.logits_factor, config);
    config.logits_factor = rules.logits == EndRules::Logits::divide ? 1 / logits : logits;
    if (rules.cap != EndRules::Cap::none) {
        double fallback = rules.cap == EndRules::Cap::thirty ? 30 : 0;
        config.logits_cap =
            static_cast<float>(keys.stored("final_logit_softcapping").value_or(fallback));
    }
}

/// Of yarn's attention factor, squared, on latent attention (architecture.h).
double latentScale(const Config &config) {
    const RopeScaling &scaling = config.rope().scaling;
    bool yarn = scaling.type == "yarn";
    double ln = std::log(scaling.factor);
    double magnitude = scaling.attn_factor;
    if (!yarn || scaling.yarn_log == 0)
        magnitude *= 1 + 0.1 * ln;
    double mu = magnitude * (1 + 0.1 * scaling.yarn_log * ln);
    return mu * mu / std::sqrt(static_cast<double>(config.latent.key_dim));
}

void readAttention(const Keys &keys, Config &config) {
    const AttentionRules &rules = config.architecture->attention;
    switch (rules.scale) {
    case ScoreScale::root:
        break;
    case ScoreScale::key:
        config.score_scale = static_cast<float>(keys.number("attention.scale", 0));
        break;
    case ScoreScale::one:
        config.score_scale = 1;
        break;
    case ScoreScale::root_or_model_width:
        if (config.layers == rules.odd_layers)
            config.score_scale = 1 / std::sqrt(static_cast<float>(config.model_dim) /
                                               static_cast<float>(config.heads));
        break;
    }
    if (rules.latent)
        config.score_scale = static_cast<float>(latentScale(config));
    if (rules.softcap)
        config.softcap = static_cast<float>(keys.number("attn_logit_softcapping", 50));
    if (rules.alibi != AlibiRule::none)
        config.alibi_bias = rules.alibi == AlibiRule::eight
                                ? 8
                                : static_cast<float>(keys.number("attention.max_alibi_bias", 0));
    if (rules.clamp)
        config.clamp_qkv = static_cast<float>(keys.number("attention.clamp_kqv", 0));
}

void readTemperature(const Keys &keys, Config &config) {
    TemperatureConfig &temperature = config.temperature;
    switch (config.architecture->attention.temperature) {
    case Temperature::none:
        return;
    case Temperature::every_layer:
        temperature.scale = keys.number("attention.temperature_scale", 0);
        temperature.length = static_cast<double>(config.rope().scaling.original_context);
        break;
    case Temperature::unrotated:
        temperature = {.scale = 0.1, .offset = 1, .length = 8192};
        break;
    case Temperature::keys:
        temperature.scale = keys.number("attention.temperature_scale", 0);
        temperature.length = keys.number("attention.temperature_length", 0);
        if (temperature.length == 0)
            temperature = {};
        break;
    }
    for (LayerConfig &layer : config.layer)
        layer.tempered = layer.tempered && temperature.scale != 0;
}

void readVocab(const Gguf &file, Config &config) {
    const Tensor *embedding = file.findTensor("token_embd.weight");
    if (!embedding)
        fail(ErrorKind::model, "{}: tensor token_embd.weight is missing", file.path());
    uint64_t rows = embedding->rows();
    if (rows > static_cast<uint64_t>(std::numeric_limits<int32_t>::max()))
        fail(ErrorKind::model, "{}: a vocabulary of {} tokens is too large", file.path(), rows);
    config.vocab = static_cast<uint32_t>(rows);
    const auto *tokens = file.findStrings("tokenizer.ggml.tokens");
    if (tokens && tokens->size() != rows)
        fail(ErrorKind::model, "{}: token_embd.weight has {} rows, the token list {} entries",
             file.path(), rows, tokens->size());
}

std::string describeShape(std::span<const uint64_t> shape) {
    std::string out;
    for (size_t i = 0; i < shape.size(); ++i)
        out += (i ? ", " : "") + std::to_string(shape[i]);
    return "[" + out + "]";
}

std::vector<uint64_t> withoutTrailingOnes(std::vector<uint64_t> shape) {
    while (!shape.empty() && shape.back() == 1)
        shape.pop_back();
    return shape;
}

/// Tensors that files carry and that their own engine does not use either.
bool mayBeIgnored(std::string_view name) {
    return name.ends_with(".input_scale") || name.ends_with(".attn_rot_embd.weight") ||
           name == "output.scale" || name == "token_embd.scale";
}

bool isDraft(std::string_view name, uint32_t layers, uint32_t draft_layers) {
    uint32_t layer = 0;
    if (!name.starts_with("blk."))
        return false;
    auto parsed = std::from_chars(name.data() + 4, name.data() + name.size(), layer);
    return parsed.ec == std::errc() && layer >= layers && layer - layers < draft_layers;
}

void checkTensors(const Gguf &file, const Config &config, const HasTensor &has,
                  uint32_t draft_layers) {
    std::set<std::string, std::less<>> known;
    for (const TensorSpec &spec : tensorsOf(config, has)) {
        known.insert(spec.name);
        const Tensor *tensor = file.findTensor(spec.name);
        if (!tensor && spec.need == TensorSpec::Need::required)
            fail(ErrorKind::model, "{}: tensor {} {} is missing (architecture {})", file.path(),
                 spec.name, describeShape(spec.shape), config.architecture->name);
        if (!tensor || spec.need == TensorSpec::Need::ignored)
            continue;
        if (withoutTrailingOnes(tensor->shape) != withoutTrailingOnes(spec.shape))
            fail(ErrorKind::model,
                 "{}: tensor {} has the shape {}, the keys say {} (architecture {})", file.path(),
                 spec.name, describeShape(tensor->shape), describeShape(spec.shape),
                 config.architecture->name);
    }
    // A tensor that nothing reads would silently make another model of this one.
    for (const Tensor &tensor : file.tensors())
        if (!known.contains(tensor.name) && !mayBeIgnored(tensor.name) &&
            !isDraft(tensor.name, config.layers, draft_layers))
            fail(ErrorKind::model, "{}: tensor {} {} has no place in a {} of {} layers",
                 file.path(), printable(tensor.name), describeShape(tensor.shape),
                 config.architecture->name, config.layers);
}

/// Divisors of the frequencies; empty when there is no such tensor.
std::vector<float> readFactors(const Gguf &file, const std::string &name) {
    const Tensor *tensor = file.findTensor(name);
    if (!tensor)
        return {};
    std::vector<float> factors = dequantized(*tensor);
    for (float factor : factors) {
        if (!std::isfinite(factor) || factor == 0)
            fail(ErrorKind::model, "{}: {} has the divisor {}", file.path(), name, factor);
    }
    return factors;
}

void readRopeFactors(const Gguf &file, Config &config) {
    RopeFactors rule = config.architecture->rope.factors;
    RopeConfig &rope = config.ropes.front();
    if (rule == RopeFactors::none || rope.dims == 0)
        return;
    if (rule != RopeFactors::long_short)
        rope.factors = readFactors(file, "rope_freqs.weight");
    // gemma4's are for global layers alone.
    if (config.ropes.size() > 1 && !config.architecture->per_layer_input)
        config.ropes[kLocalRope].factors = rope.factors;
    if (rule == RopeFactors::freqs)
        return;
    rope.long_factors = readFactors(file, "rope_factors_long.weight");
    rope.short_factors = readFactors(file, "rope_factors_short.weight");
    bool has_long = !rope.long_factors.empty(), has_short = !rope.short_factors.empty();
    if (has_long != has_short)
        fail(ErrorKind::model, "{}: tensor rope_factors_{}.weight is missing", file.path(),
             has_long ? "short" : "long");
    if (rope.scaling.type == "longrope" && !has_long && rope.factors.empty())
        fail(ErrorKind::model,
             "{}: rope.scaling.type is 'longrope', and tensor rope_factors_long.weight is missing",
             file.path());
}

} // namespace

float Config::scoreScale(uint32_t layer_index) const {
    if (score_scale != 0)
        return score_scale;
    return 1 / std::sqrt(static_cast<float>(layer[layer_index].head_dim));
}

Config readKeys(const Gguf &file, const HasTensor &has) {
    Config config;
    config.architecture = readArchitecture(file);
    config.name = file.findString("general.name").value_or("");
    Keys keys(file, config.architecture->name);
    uint32_t blocks = readSizes(keys, config);
    readLayers(keys, has, blocks, config);
    readRopes(keys, config);
    readExperts(keys, has, config);
    readRecurrence(keys, has, config);
    readAttention(keys, config);
    readTemperature(keys, config);
    readEnds(keys, config);
    if (config.architecture->per_layer_input) { // 0 means none, absent is a mistake
        if (!keys.has("embedding_length_per_layer_input"))
            keys.refuseMissing("embedding_length_per_layer_input");
        config.per_layer_dim = keys.count("embedding_length_per_layer_input");
    }
    config.tied_head = !has("output.weight");
    return config;
}

Config readConfig(const Gguf &file) {
    readArchitecture(file);
    if (file.tensors().empty())
        fail(ErrorKind::model, "{} holds a vocabulary only, no weights", file.path());
    HasTensor has = [&](const std::string &name) { return file.findTensor(name) != nullptr; };
    Config config = readKeys(file, has);
    readVocab(file, config);
    Keys keys(file, config.architecture->name);
    checkTensors(file, config, has, keys.count("nextn_predict_layers"));
    readRopeFactors(file, config);
    for (const Tensor &tensor : file.tensors())
        config.parameters += tensor.elements();
    return config;
}

} // namespace longscope::model
