#include "compute/reference/forward.h"

#include "compute/core/error.h"
#include "compute/reference/kernels.h"

#include <algorithm>
#include <cmath>
#include <format>
#include <string>

namespace longscope::reference {
namespace {

using model::Config;
using model::Gguf;
using model::Tensor;

attention::Rope ropeOf(const Config &config, const ForwardOptions &options, uint64_t tokens) {
    const model::RopeConfig &own = config.rope();
    attention::RopeSettings settings{.dims = own.dims,
                                     .base = own.base,
                                     .scaling = own.scaling.type,
                                     .factor = own.scaling.factor,
                                     .original_context = own.scaling.original_context,
                                     .attn_factor = own.scaling.attn_factor,
                                     .yarn_beta_fast = own.scaling.yarn_beta_fast,
                                     .yarn_beta_slow = own.scaling.yarn_beta_slow,
                                     .yarn_log = own.scaling.yarn_log,
                                     .yarn_log_cancels = own.scaling.yarn_log_cancels,
                                     .factors = own.factors,
                                     .short_factors = own.short_factors,
                                     .long_factors = own.long_factors,
                                     .always_long_short = own.always_long_short};
    return attention::makeRope(settings, options.rope, config.context_tokens,
                               options.rope_tokens ? options.rope_tokens : tokens);
}

/// Turns back what the rope turned.
attention::Rope inverse(attention::Rope rope) {
    for (double &frequency : rope.inv_freq)
        frequency = -frequency;
    rope.magnitude = 1 / rope.magnitude;
    return rope;
}

/// How far a key lies before a query, as its rotation says.
double relativePosition(const attention::RopeScheme &scheme, const attention::Pattern &pattern,
                        uint64_t query, uint64_t key) {
    if (pattern.relabelsSinks()) {
        // In a cache of the keys that are seen, the query is the last.
        if (key < pattern.retention()->sinks)
            return pattern.keysOf(query) - 1 - static_cast<double>(key);
    }
    return query - key < scheme.nearKeys() ? static_cast<double>(query - key)
                                           : scheme.farQuery(query) - scheme.farKey(key);
}

/// [rows, heads, dim] as the cache has it: [heads, rows, dim].
std::vector<float> headsFirst(std::span<const float> x, uint64_t heads, uint64_t dim) {
    uint64_t rows = x.size() / (heads * dim);
    std::vector<float> y(x.size());
    for (uint64_t row = 0; row < rows; ++row)
        for (uint64_t head = 0; head < heads; ++head)
            for (uint64_t c = 0; c < dim; ++c)
                y[(head * rows + row) * dim + c] = x[(row * heads + head) * dim + c];
    return y;
}

class Pass {
  public:
    Pass(const Gguf &file, const Config &config, const ForwardOptions &options, uint64_t tokens)
        : file_(file), config_(config), options_(options), rope_(ropeOf(config, options, tokens)) {}

    std::vector<float> run(std::span<const int32_t> tokens) const {
        std::vector<float> x = embed(tensor("token_embd.weight"), tokens, 1);
        for (uint32_t layer = 0; layer < config_.layers; ++layer) {
            add(x, attend(layer, norm(x, std::format("blk.{}.attn_norm.weight", layer))));
            add(x, feedForward(layer, norm(x, std::format("blk.{}.ffn_norm.weight", layer))));
        }
        x = norm(x, "output_norm.weight");
        const Tensor *head = file_.findTensor("output.weight");
        if (!head)
            return linear(x, "token_embd", Scale::none);
        bool scaled = head->type == model::QuantType::nvfp4; // other heads ignore output.scale
        return linear(x, "output", scaled ? Scale::before_bias : Scale::none);
    }

  private:
    enum class Scale { none, before_bias, after_bias };

    const Tensor &tensor(const std::string &name) const {
        const Tensor *found = file_.findTensor(name);
        if (!found)
            fail(ErrorKind::model, "tensor {} is missing in {}", name, file_.path());
        return *found;
    }
    /// Empty when there is no such tensor.
    std::vector<float> optional(const std::string &name) const {
        const Tensor *found = file_.findTensor(name);
        return found ? dequantize(*found) : std::vector<float>{};
    }
    std::vector<float> norm(std::span<const float> x, const std::string &name) const {
        return rmsNorm(x, dequantize(tensor(name)), config_.norm_eps);
    }

    /// W x with what the file adds to it: NAME.bias and NAME.scale.
    std::vector<float> linear(std::span<const float> x, const std::string &name, Scale kind,
                              bool with_bias = true) const {
        const Tensor &weight = tensor(name + ".weight");
        std::vector<float> bias = with_bias ? optional(name + ".bias") : std::vector<float>{};
        std::vector<float> scale =
            kind == Scale::none ? std::vector<float>{} : optional(name + ".scale");
        float factor = scale.empty() ? 1.0f : scale[0];
        if (kind == Scale::after_bias)
            for (float &value : bias)
                value *= factor;
        return matmul(x, dequantize(weight), weight.columns(),
                      {.scale = factor, .bias = bias, .residual = {}});
    }

    RopeShape ropeShape(uint64_t heads) const {
        return {.heads = heads,
                .head_dim = config_.head_dim,
                .rope_dims = config_.rope().dims,
                .neox = config_.rope_layout == model::RopeLayout::neox};
    }
    /// Row i of x [rows, heads, head_dim] at position i.
    std::vector<float> rotated(std::span<const float> x, uint64_t heads,
                               const attention::Rope &by) const {
        uint64_t rows = x.size() / (heads * config_.head_dim);
        std::vector<float> rotation(rows * config_.rope().dims);
        attention::fillRotation(by, 0, rows, rotation);
        return rope(x, rotation, ropeShape(heads));
    }
    /// Rotated keys as the cache gives them back.
    std::vector<float> cachedKeys(std::span<const float> k) const {
        uint64_t heads = config_.kv_heads, dim = config_.head_dim;
        if (options_.rope.needsRawKeys())
            return rotated(throughCache(k, options_.k, dim), heads, rope_);
        return throughCache(rotated(k, heads, rope_), options_.k, dim);
    }

    std::vector<float> attend(uint32_t layer, std::span<const float> x) const {
        std::string prefix = std::format("blk.{}.attn_", layer);
        uint64_t dim = config_.head_dim, rows = x.size() / config_.model_dim;
        std::vector<float> q = linear(x, prefix + "q", Scale::before_bias);
        std::vector<float> k = cachedKeys(linear(x, prefix + "k", Scale::before_bias));
        std::vector<float> v =
            throughCache(linear(x, prefix + "v", Scale::before_bias), options_.v, dim);
        const attention::Pattern &pattern = options_.patterns.of(layer);
        Sees sees = [&](uint64_t head, uint64_t query, uint64_t key) {
            uint32_t kind = pattern.headKind(static_cast<uint32_t>(head), config_.heads);
            return key <= query && pattern.sees(kind, query, key);
        };
        AttentionShape shape{.rows = rows,
                             .heads = config_.heads,
                             .kv_heads = config_.kv_heads,
                             .head_dim = dim,
                             .capacity = rows,
                             .scale = 1.0f / std::sqrt(static_cast<float>(dim))};
        v = headsFirst(v, config_.kv_heads, dim);
        Attended attended;
        if (options_.rope.nearKeys() == UINT64_MAX && !pattern.relabelsSinks()) {
            attended = attentionWhere(rotated(q, config_.heads, rope_),
                                      headsFirst(k, config_.kv_heads, dim), v, shape, sees);
        } else { // the distance says the rotation, so the keys' own is taken back
            k = headsFirst(rotated(k, config_.kv_heads, inverse(rope_)), config_.kv_heads, dim);
            attended =
                attentionRelative(q, k, v, shape, sees, rope_, ropeShape(config_.heads),
                                  [&](uint64_t query, uint64_t key) {
                                      return relativePosition(options_.rope, pattern, query, key);
                                  });
        }
        return linear(attended.out, prefix + "output", Scale::before_bias,
                      config_.architecture->attention.out_bias);
    }

    std::vector<float> feedForward(uint32_t layer, std::span<const float> x) const {
        std::string prefix = std::format("blk.{}.ffn_", layer);
        Scale kind = config_.architecture->ffn.scales ? Scale::after_bias : Scale::none;
        std::vector<float> h =
            gated(linear(x, prefix + "gate", kind), linear(x, prefix + "up", kind));
        return linear(h, prefix + "down", kind);
    }

    static void add(std::vector<float> &x, std::span<const float> branch) {
        for (size_t i = 0; i < x.size(); ++i)
            x[i] += branch[i];
    }

    const Gguf &file_;
    const Config &config_;
    const ForwardOptions &options_;
    attention::Rope rope_;
};

} // namespace

std::vector<float> forward(const Gguf &file, const Config &config, std::span<const int32_t> tokens,
                           const ForwardOptions &options) {
    return Pass(file, config, options, tokens.size()).run(tokens);
}

} // namespace longscope::reference
