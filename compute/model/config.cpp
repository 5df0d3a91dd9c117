// Reads the keys of a model and holds its tensors against them. Careless tools write every key they
// know, with 0 for "not set": presence is not use, and 0 counts as absent.
#include "compute/model/config.h"

#include "compute/core/error.h"
#include "compute/model/gguf_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

namespace longscope::model {
namespace {

constexpr uint32_t kMaxHeadDim = 256;              // of the attention kernels
constexpr uint64_t kMaxContextTokens = 1ull << 31; // positions are 32-bit on the device

/// The keys of one architecture, `<name>.<key>`.
class Keys {
  public:
    Keys(const Gguf &file, std::string_view architecture) : file_(file), prefix_(architecture) {}

    std::string full(std::string_view key) const { return std::format("{}.{}", prefix_, key); }

    /// 0 when absent.
    uint64_t count(std::string_view key, uint64_t max) const {
        uint64_t value = file_.findCount(full(key)).value_or(0);
        if (value > max)
            fail(ErrorKind::model, "{}: {} is {}, at most {} is possible here", file_.path(),
                 full(key), value, max);
        return value;
    }
    uint32_t count(std::string_view key) const {
        return static_cast<uint32_t>(count(key, std::numeric_limits<int32_t>::max()));
    }
    uint32_t require(std::string_view key) const {
        uint32_t value = count(key);
        if (value == 0)
            refuseMissing(key);
        return value;
    }

    /// `fallback` when absent or 0; finite and not negative.
    double number(std::string_view key, double fallback) const {
        double value = file_.findNumber(full(key)).value_or(0);
        if (!std::isfinite(value) || value < 0)
            fail(ErrorKind::model, "{}: {} is {}, expected a number above 0", file_.path(),
                 full(key), value);
        return value == 0 ? fallback : value;
    }

    /// A number, or an array with the same number for each of `layers`; 0 when absent.
    uint32_t countOfLayers(std::string_view key, uint32_t layers) const {
        const Value *value = file_.find(full(key));
        if (!value || !std::holds_alternative<Array>(*value))
            return count(key);
        std::vector<int64_t> values = *file_.findIntegers(full(key));
        if (values.size() != layers)
            fail(ErrorKind::model, "{}: {} has {} values for {} layers", file_.path(), full(key),
                 values.size(), layers);
        if (std::ranges::any_of(values, [&](int64_t v) { return v != values[0]; }))
            fail(ErrorKind::model, "{}: layers of different sizes are not supported: {} is {}",
                 file_.path(), full(key), listValues(values));
        if (values[0] < 0 || values[0] > std::numeric_limits<int32_t>::max())
            fail(ErrorKind::model, "{}: {} is {} in each layer", file_.path(), full(key),
                 values[0]);
        return static_cast<uint32_t>(values[0]);
    }

    [[noreturn]] void refuseMissing(std::string_view key) const {
        fail(ErrorKind::model, "{}: key {} is missing or 0", file_.path(), full(key));
    }

  private:
    static std::string listValues(const std::vector<int64_t> &values) {
        constexpr size_t kShown = 12;
        std::string out;
        for (size_t i = 0; i < std::min(values.size(), kShown); ++i)
            out += (i ? ", " : "") + std::to_string(values[i]);
        return "[" + out + (values.size() > kShown ? ", ...]" : "]");
    }

    const Gguf &file_;
    std::string prefix_;
};

const Architecture *readArchitecture(const Gguf &file) {
    std::optional<std::string> name = file.findString("general.architecture");
    if (!name)
        fail(ErrorKind::model, "{}: key general.architecture is missing", file.path());
    const Architecture *found = findArchitecture(*name);
    if (!found)
        fail(ErrorKind::model,
             "{}: the architecture '{}' is not supported (the nearest known one: '{}')",
             file.path(), printable(*name), nearestArchitecture(*name));
    if (file.tensors().empty())
        fail(ErrorKind::model, "{} holds a vocabulary only, no weights", file.path());
    return found;
}

void readSizes(const Gguf &file, const Keys &keys, Config &config) {
    uint32_t blocks = keys.require("block_count");
    uint32_t drafts = keys.count("nextn_predict_layers"); // draft heads behind the trunk: skipped
    if (drafts >= blocks)
        fail(ErrorKind::model, "{}: {} of {} layers are draft heads", file.path(), drafts, blocks);
    config.layers = blocks - drafts;
    config.model_dim = keys.require("embedding_length");
    config.context_tokens = keys.count("context_length", kMaxContextTokens);
    if (config.context_tokens == 0)
        keys.refuseMissing("context_length");
    config.ffn_dim = keys.countOfLayers("feed_forward_length", blocks);
    config.heads = keys.countOfLayers("attention.head_count", blocks);
    config.kv_heads = keys.countOfLayers("attention.head_count_kv", blocks);
    if (config.ffn_dim == 0)
        keys.refuseMissing("feed_forward_length");
    if (config.heads == 0)
        keys.refuseMissing("attention.head_count");
    if (config.kv_heads == 0)
        config.kv_heads = config.heads;
    if (config.heads % config.kv_heads != 0)
        fail(ErrorKind::model, "{}: {} attention heads cannot share {} KV heads evenly",
             file.path(), config.heads, config.kv_heads);
    config.norm_eps = static_cast<float>(keys.number("attention.layer_norm_rms_epsilon", 0));
    if (config.norm_eps == 0)
        keys.refuseMissing("attention.layer_norm_rms_epsilon");
}

void readHeadDim(const Gguf &file, const Keys &keys, Config &config) {
    uint32_t key_length = keys.count("attention.key_length");
    uint32_t value_length = keys.count("attention.value_length");
    uint32_t usual = config.model_dim / config.heads;
    config.head_dim = key_length ? key_length : usual;
    uint32_t value_dim = value_length ? value_length : usual;
    if (config.head_dim != value_dim)
        fail(ErrorKind::model, "{}: keys of {} and values of {} dimensions are not supported",
             file.path(), config.head_dim, value_dim);
    if (config.head_dim == 0 || config.head_dim % 2 != 0 || config.head_dim > kMaxHeadDim)
        fail(ErrorKind::model, "{}: heads of {} dimensions; even sizes up to {} are supported",
             file.path(), config.head_dim, kMaxHeadDim);
}

void refuseOtherKinds(const Gguf &file, const Keys &keys) {
    if (uint32_t experts = keys.count("expert_count"))
        fail(ErrorKind::model,
             "{} is a mixture of {} experts; models with experts are not supported yet",
             file.path(), experts);
    if (!file.findBool(keys.full("attention.causal")).value_or(true))
        fail(ErrorKind::model, "{} is an encoder (attention.causal is false); it cannot write text",
             file.path());
}

RopeScaling readScaling(const Gguf &file, const Keys &keys, uint64_t context_tokens) {
    constexpr std::array<std::string_view, 4> kKnown = {"none", "linear", "yarn", "longrope"};
    RopeScaling scaling;
    scaling.type = file.findString(keys.full("rope.scaling.type")).value_or("linear");
    if (std::ranges::find(kKnown, scaling.type) == kKnown.end())
        fail(ErrorKind::model,
             "{}: rope.scaling.type is '{}'; none, linear, yarn and longrope are supported",
             file.path(), printable(scaling.type));
    double legacy = keys.number("rope.scale_linear", 1);
    double factor = keys.number("rope.scaling.factor", legacy);
    scaling.factor = scaling.type == "none" ? 1 : factor;
    scaling.original_context =
        keys.count("rope.scaling.original_context_length", kMaxContextTokens);
    if (scaling.original_context == 0)
        scaling.original_context = context_tokens;
    scaling.attn_factor = keys.number("rope.scaling.attn_factor", 1);
    return scaling;
}

void readRope(const Gguf &file, const Keys &keys, Config &config) {
    uint32_t dims = keys.count("rope.dimension_count");
    config.rope_dims = dims ? dims : config.head_dim;
    bool whole = config.rope_dims == config.head_dim;
    if (config.rope_dims > config.head_dim || config.rope_dims % 2 != 0 ||
        (config.architecture->rope_needs_full_head && !whole))
        fail(ErrorKind::model, "{}: {} of {} head dimensions are rotated; {} rotates {}",
             file.path(), config.rope_dims, config.head_dim, config.architecture->name,
             config.architecture->rope_needs_full_head ? "all" : "an even part of them");
    config.rope_base = keys.number("rope.freq_base", 10000);
    if (!(config.rope_base > 1))
        fail(ErrorKind::model, "{}: rope.freq_base is {}, expected a number above 1", file.path(),
             config.rope_base);
    config.rope_scaling = readScaling(file, keys, config.context_tokens);
}

std::string describeShape(std::span<const uint64_t> shape) {
    std::string out;
    for (size_t i = 0; i < shape.size(); ++i)
        out += (i ? ", " : "") + std::to_string(shape[i]);
    return "[" + out + "]";
}

/// Asks for tensors by name and shape, and remembers which were asked for.
class TensorCheck {
  public:
    explicit TensorCheck(const Gguf &file) : file_(file) {}

    void require(const std::string &name, std::vector<uint64_t> shape) {
        if (!optional(name, shape))
            fail(ErrorKind::model, "{}: tensor {} {} is missing", file_.path(), name,
                 describeShape(shape));
    }

    /// nullptr when there is none; throws when it has another shape.
    const Tensor *optional(const std::string &name, const std::vector<uint64_t> &shape) {
        asked_.insert(name);
        const Tensor *tensor = file_.findTensor(name);
        if (!tensor)
            return nullptr;
        std::vector<uint64_t> found = tensor->shape;
        while (found.size() > shape.size() && found.back() == 1)
            found.pop_back();
        if (found != shape && !(found.empty() && shape == std::vector<uint64_t>{1}))
            fail(ErrorKind::model, "{}: tensor {} has the shape {}, the keys say {}", file_.path(),
                 name, describeShape(tensor->shape), describeShape(shape));
        return tensor;
    }

    /// A weight [columns, rows] with the bias and the scale that a layer's matrix may have.
    void requireMatrix(const std::string &stem, uint64_t columns, uint64_t rows, bool bias = true) {
        require(stem + ".weight", {columns, rows});
        if (bias)
            optional(stem + ".bias", {rows});
        optional(stem + ".scale", {1});
    }

    /// A tensor that nothing reads would silently make another model of this one.
    void refuseOthers(const Config &config, uint32_t draft_layers) const {
        for (const Tensor &tensor : file_.tensors()) {
            if (!asked_.contains(tensor.name) && !mayBeIgnored(tensor.name) &&
                !isDraft(tensor.name, config.layers, draft_layers))
                fail(ErrorKind::model, "{}: tensor {} {} has no place in a {} of {} layers",
                     file_.path(), printable(tensor.name), describeShape(tensor.shape),
                     config.architecture->name, config.layers);
        }
    }

  private:
    /// Tensors that files carry and that their own engine does not use either.
    static bool mayBeIgnored(std::string_view name) {
        return name.ends_with(".input_scale") || name.ends_with(".attn_rot_embd.weight") ||
               name == "output.scale" || name == "token_embd.scale" ||
               name == "rope_freqs.weight" || name.starts_with("rope_factors_");
    }
    static bool isDraft(std::string_view name, uint32_t layers, uint32_t draft_layers) {
        uint32_t layer = 0;
        if (!name.starts_with("blk."))
            return false;
        auto parsed = std::from_chars(name.data() + 4, name.data() + name.size(), layer);
        return parsed.ec == std::errc() && layer >= layers && layer - layers < draft_layers;
    }

    const Gguf &file_;
    std::set<std::string, std::less<>> asked_;
};

void checkLayer(TensorCheck &check, const std::string &prefix, const Config &config) {
    uint64_t dim = config.model_dim, ffn = config.ffn_dim;
    uint64_t q = uint64_t{config.heads} * config.head_dim;
    uint64_t kv = uint64_t{config.kv_heads} * config.head_dim;
    check.require(prefix + "attn_norm.weight", {dim});
    check.requireMatrix(prefix + "attn_q", dim, q);
    check.requireMatrix(prefix + "attn_k", dim, kv);
    check.requireMatrix(prefix + "attn_v", dim, kv);
    check.requireMatrix(prefix + "attn_output", q, dim, config.architecture->attn_out_bias);
    check.require(prefix + "ffn_norm.weight", {dim});
    check.requireMatrix(prefix + "ffn_gate", dim, ffn);
    check.requireMatrix(prefix + "ffn_up", dim, ffn);
    check.requireMatrix(prefix + "ffn_down", ffn, dim);
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

/// Divisors of the frequencies; empty when there is no such tensor.
std::vector<float> readFactors(const Gguf &file, TensorCheck &check, const std::string &name,
                               uint64_t pairs) {
    const Tensor *tensor = check.optional(name, {pairs});
    if (!tensor)
        return {};
    std::vector<float> factors(pairs);
    dequantizeRow(tensor->type, tensor->bytes.data(), factors);
    for (float factor : factors) {
        if (!std::isfinite(factor) || factor == 0)
            fail(ErrorKind::model, "{}: {} has the divisor {}", file.path(), name, factor);
    }
    return factors;
}

void readRopeFactors(const Gguf &file, TensorCheck &check, Config &config) {
    uint64_t pairs = config.rope_dims / 2;
    config.rope_factors = readFactors(file, check, "rope_freqs.weight", pairs);
    config.rope_long_factors = readFactors(file, check, "rope_factors_long.weight", pairs);
    config.rope_short_factors = readFactors(file, check, "rope_factors_short.weight", pairs);
    bool has_long = !config.rope_long_factors.empty(),
         has_short = !config.rope_short_factors.empty();
    if (has_long != has_short)
        fail(ErrorKind::model, "{}: tensor rope_factors_{}.weight is missing", file.path(),
             has_long ? "short" : "long");
    if (config.rope_scaling.type == "longrope" && !has_long && config.rope_factors.empty())
        fail(ErrorKind::model,
             "{}: rope.scaling.type is 'longrope', and tensor rope_factors_long.weight is missing",
             file.path());
}

void checkTensors(const Gguf &file, const Keys &keys, Config &config) {
    TensorCheck check(file);
    readVocab(file, config);
    check.require("token_embd.weight", {config.model_dim, config.vocab});
    check.require("output_norm.weight", {config.model_dim});
    config.tied_head = !check.optional("output.weight", {config.model_dim, config.vocab});
    if (config.architecture->rope_factors)
        readRopeFactors(file, check, config);
    for (uint32_t layer = 0; layer < config.layers; ++layer)
        checkLayer(check, std::format("blk.{}.", layer), config);
    check.refuseOthers(config, keys.count("nextn_predict_layers"));
    for (const Tensor &tensor : file.tensors())
        config.parameters += tensor.elements();
}

} // namespace

Config readConfig(const Gguf &file) {
    Config config;
    config.architecture = readArchitecture(file);
    config.name = file.findString("general.name").value_or("");
    Keys keys(file, config.architecture->name);
    refuseOtherKinds(file, keys);
    readSizes(file, keys, config);
    readHeadDim(file, keys, config);
    readRope(file, keys, config);
    checkTensors(file, keys, config);
    return config;
}

} // namespace longscope::model
