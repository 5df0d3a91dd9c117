// The parts of the forward pass (forward.cpp): what they share, and one function for each. All rows
// are read at once from position 0, [rows, size] with the last index contiguous. For forward*.cpp
// alone.
#pragma once

#include "compute/model/tensor_list.h"
#include "compute/reference/forward.h"
#include "compute/reference/kernels.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace longscope::reference {

using Rows = std::vector<float>;

/// When NAME.scale counts: never, (W x) * scale + bias, or (W x + bias) * scale.
enum class ScaleAt { never, before_bias, after_bias };
struct LinearRules {
    ScaleAt scale = ScaleAt::never;
    bool bias = true; ///< NAME.bias is added when present
};

/// Keys and values of a layer as the cache gives them back, keys rotated: [rows, kv_heads, dim].
struct CachedRows {
    Rows keys, values;
};

struct Pass {
    Pass(const model::Gguf &gguf, const model::Config &model_config,
         const ForwardOptions &forward_options, std::span<const int32_t> ids);

    const model::Gguf &file;
    const model::Config &config;
    const model::Architecture &rules;
    const ForwardOptions &options;
    std::span<const int32_t> tokens;
    std::vector<attention::Rope> ropes;   ///< of config.ropes
    std::map<uint32_t, CachedRows> cache; ///< layers whose keys others read too
    uint64_t rows() const { return tokens.size(); }
    const model::LayerConfig &layer(uint32_t i) const { return config.layer[i]; }

    bool has(const std::string &name) const { return file.findTensor(name) != nullptr; }
    /// Throws Error(model) when missing.
    const model::Tensor &tensor(const std::string &name) const;
    Rows values(const std::string &name) const { return dequantize(tensor(name)); }
    /// Empty when there is no such tensor.
    Rows valuesIfAny(const std::string &name) const;
    /// W x of STEM.weight, with STEM.bias and STEM.scale as `how` says.
    Rows linear(std::span<const float> x, const std::string &stem, const LinearRules &how) const;
    /// The model's kind of norm with STEM.weight and, when present, STEM.bias.
    Rows norm(std::span<const float> x, const std::string &stem) const;
    /// The same over pieces of weight.size() / kinds values, piece i with weight i % kinds.
    Rows normPieces(std::span<const float> x, std::span<const float> weight,
                    std::span<const float> bias, uint64_t kinds) const;
    /// RMS of pieces of `size` without weight.
    Rows plainNorm(std::span<const float> x, uint64_t size) const;
};

using model::tensorOfLayer;
void addTo(std::vector<float> &x, std::span<const float> branch, double factor = 1);
/// Columns first .. first + count - 1 of rows of `width`.
Rows columns(std::span<const float> x, uint64_t width, uint64_t first, uint64_t count);
double sigmoid(double x);
double silu(double x);
double logOnePlusExp(double x); ///< softplus; x itself above 20
double activated(model::ActivationKind kind, double x);
/// Element by element: act(gate) * up; of oai gate and up are clamped first.
Rows gatedBy(model::ActivationKind kind, std::span<const float> gate, std::span<const float> up);
/// One product of a row with a matrix [rows of `columns`].
Rows product(std::span<const float> x, std::span<const float> w, uint64_t columns);

// What is added to x by the branches of a layer; x is what the norm before them gave.
Rows attend(Pass &pass, uint32_t layer, std::span<const float> x);
Rows attendLatent(Pass &pass, uint32_t layer, std::span<const float> x);
Rows recur(const Pass &pass, uint32_t layer, std::span<const float> x);
Rows mamba1(const Pass &pass, uint32_t layer, std::span<const float> x);
Rows mamba2(const Pass &pass, uint32_t layer, std::span<const float> x);
Rows shortConv(const Pass &pass, uint32_t layer, std::span<const float> x);
Rows deltaNet(const Pass &pass, uint32_t layer, std::span<const float> x);
/// The dense block or the experts.
Rows feedForward(const Pass &pass, uint32_t layer, std::span<const float> x);
/// `routed`: what the router reads; the experts read x.
Rows experts(const Pass &pass, uint32_t layer, std::span<const float> x,
             std::span<const float> routed);
Rows denseBlock(const Pass &pass, uint32_t layer, std::span<const float> x);
/// rwkv6: a whole layer, from x to x.
Rows rwkv6Layer(const Pass &pass, uint32_t layer, Rows x);

// gemma4's own: per layer inputs [rows, layers, per_layer_dim], its feed-forward branch with both
// blocks, and what stands at the end of a layer.
Rows perLayerInputs(const Pass &pass, std::span<const float> x);
Rows doubleFeedForward(const Pass &pass, uint32_t layer, std::span<const float> x);
void endLayer(const Pass &pass, uint32_t layer, std::span<const float> inputs, Rows &x);

/// For ForwardOptions::mean_log_decays, where they are wanted. logs [rows, rates].
void noteDecays(const Pass &pass, uint32_t layer, std::span<const double> logs);

/// Causal depthwise convolution of u [rows, channels] by weight [channels, taps], the last tap for
/// the row itself; bias [channels] or empty.
Rows causalConv(std::span<const float> u, std::span<const float> weight,
                std::span<const float> bias, uint64_t taps);

/// Attention of queries [rows, heads, dim] that are not rotated yet over a cache, with everything
/// that the layer and the options say; out [rows, heads, dim].
Rows attendCached(const Pass &pass, uint32_t layer, Rows queries, const CachedRows &cached,
                  uint64_t dim, uint64_t kv_heads);
/// [rows, heads, dim] rotated, row i at position i; nothing happens on a layer without rotation.
Rows rotated(const Pass &pass, uint32_t layer, std::span<const float> x, uint64_t heads,
             uint64_t dim);

} // namespace longscope::reference
