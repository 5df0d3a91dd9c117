#include "compute/engine/weight_parts.h"

#include "compute/core/error.h"
#include "compute/engine/latent.h"

#include <algorithm>

namespace longscope::engine {

using model::Config;
using model::Gguf;
using model::QuantType;
using model::Tensor;
using model::tensorOfLayer;

namespace {

LayerWidths widthsOf(const model::LayerConfig &layer, const model::Config &config) {
    const model::Architecture &rules = *config.architecture;
    LayerWidths widths;
    if (layer.attends()) {
        uint32_t q = padded(uint64_t{layer.heads} * layer.head_dim);
        uint32_t kv = padded(uint64_t{layer.kv_heads} * layer.head_dim);
        widths.head_dim = padded(layer.head_dim);
        widths.k_offset = q;
        widths.v_offset = widths.k_offset + kv;
        widths.gate_offset = widths.v_offset + kv;
        widths.qkv = widths.gate_offset;
        if (rules.attention.gated)
            widths.qkv += padded(2 * uint64_t{layer.heads} * layer.head_dim);
        widths.attended = q;
        if (rules.attention.latent) { // [q | k] as the cache wants them; see latent.h
            widths.qkv = widths.v_offset = widths.k_offset + padded(layer.head_dim);
            widths.attended = attendedWidth(config);
        }
    }
    if (layer.ffn_dim > 0) {
        widths.hidden = padded(layer.ffn_dim);
        widths.up_offset = rules.ffn.kind == model::FfnKind::plain ? 0 : widths.hidden;
        widths.gate_up = widths.up_offset + widths.hidden;
    }
    return widths;
}

/// Some elements of a vector.
Tensor elementsOf(const Tensor &tensor, uint64_t first, uint64_t count) {
    uint64_t size = model::rowBytes(tensor.type, tensor.elements()) / tensor.elements();
    return {tensor.name, tensor.type, {count}, tensor.bytes.subspan(first * size, count * size)};
}

} // namespace

WidthPlan planWidths(const Config &config) {
    WidthPlan widths{.model = padded(config.model_dim), .vocab = padded(config.vocab), .layer = {}};
    for (const model::LayerConfig &layer : config.layer) {
        LayerWidths own = widthsOf(layer, config);
        widths.qkv = std::max(widths.qkv, own.qkv);
        widths.attended = std::max(widths.attended, own.attended);
        widths.gate_up = std::max(widths.gate_up, own.gate_up);
        widths.hidden = std::max(widths.hidden, own.hidden);
        widths.q = std::max(widths.q, layer.heads * own.head_dim);
        widths.head_dim = std::max(widths.head_dim, own.head_dim);
        widths.layer.push_back(own);
    }
    if (uint32_t shared = padded(config.experts.shared_dim)) {
        widths.hidden = std::max(widths.hidden, shared);
        widths.gate_up = std::max(widths.gate_up, 2 * shared);
    }
    return widths;
}

WeightParts::WeightParts(const Gguf &file, const Config &config, const Adapters &adapters)
    : file_(file), config_(config), widths_(planWidths(config)), adapters_(adapters) {}

void WeightParts::checkAdapters() const {
    for (const model::Lora &adapter : adapters_)
        for (const auto &[name, pair] : adapter.pairs())
            if (!adapted_.contains(name))
                fail(ErrorKind::model, "{} adapts the tensor {}, which cannot be adapted here",
                     adapter.file().path(), name);
}

LinearPart WeightParts::part(const std::string &stem, uint32_t out_offset, ScaleUse use) const {
    LinearPart part;
    part.weight = find(stem + ".weight");
    part.bias = find(stem + ".bias");
    part.out_offset = out_offset;
    for (const model::Lora &adapter : adapters_)
        if (auto found = adapter.pairs().find(stem + ".weight"); found != adapter.pairs().end()) {
            part.adapters.push_back({found->second.a, found->second.b, found->second.scale});
            adapted_.insert(found->first);
        }
    const Tensor *scale = use == ScaleUse::none ? nullptr : find(stem + ".scale");
    if (scale) {
        model::dequantizeRow(scale->type, scale->bytes.data(), {&part.scale, 1});
        if (use == ScaleUse::after_bias)
            part.bias_scale = part.scale;
    }
    return part;
}

LinearParts WeightParts::matrix(const std::string &name, ScaleUse scale,
                                uint32_t out_offset) const {
    LinearPart whole = part(name, out_offset, scale);
    return whole.weight ? LinearParts{whole} : LinearParts{};
}

LinearParts WeightParts::branch(const std::string &name, ScaleUse scale) const {
    LinearParts parts = matrix(name, scale);
    for (LinearPart &part : parts) {
        part.scale *= static_cast<float>(config_.branch_factor);
        part.bias_scale *= static_cast<float>(config_.branch_factor);
    }
    return parts;
}

LinearPart WeightParts::rowsOf(const LinearPart &whole, uint64_t first, uint64_t count,
                               uint32_t out_offset) {
    LinearPart some = whole;
    some.weight = &views_.emplace_back(rowsOfTensor(*whole.weight, first, count));
    if (whole.bias)
        some.bias = &views_.emplace_back(elementsOf(*whole.bias, first, count));
    for (AdapterPart &adapter : some.adapters)
        adapter.b = &views_.emplace_back(rowsOfTensor(*adapter.b, first, count));
    some.out_offset = out_offset;
    return some;
}

LinearParts WeightParts::reordered(const LinearPart &whole, std::span<const RowPiece> pieces,
                                   uint32_t out_offset) {
    if (std::ranges::all_of(pieces, [](RowPiece piece) { return piece.count % kBlock == 0; })) {
        LinearParts parts;
        for (auto [first, count] : pieces) {
            parts.push_back(rowsOf(whole, first, count, out_offset));
            out_offset += static_cast<uint32_t>(count);
        }
        return parts;
    }
    LinearPart part = whole;
    part.weight = copyRows(*whole.weight, pieces);
    for (AdapterPart &adapter : part.adapters)
        adapter.b = copyRows(*adapter.b, pieces);
    part.out_offset = out_offset;
    return {part};
}

const Tensor *WeightParts::copyRows(const Tensor &tensor, std::span<const RowPiece> pieces) {
    std::vector<std::byte> &bytes = copies_.emplace_back();
    Tensor copy = tensor;
    copy.shape = {tensor.columns(), 0};
    for (auto [first, count] : pieces) {
        auto rows = rowsOfTensor(tensor, first, count).bytes;
        bytes.insert(bytes.end(), rows.begin(), rows.end());
        copy.shape.back() += count;
    }
    copy.bytes = bytes;
    return &views_.emplace_back(std::move(copy));
}

LinearParts WeightParts::fusedQkv(uint32_t layer) {
    const model::LayerConfig &own = config_.layer[layer];
    const LayerWidths &at = widths_.layer[layer];
    uint64_t q = uint64_t{own.heads} * own.head_dim, kv = uint64_t{own.kv_heads} * own.head_dim;
    LinearPart whole = part(tensorOfLayer(layer, "attn_qkv"), 0, ScaleUse::before_bias);
    LinearParts parts{rowsOf(whole, 0, q, 0), rowsOf(whole, q, kv, at.k_offset),
                      rowsOf(whole, q + kv, kv, at.v_offset)};
    const char *names[] = {"attn_q.bias", "attn_k.bias", "attn_v.bias"};
    for (size_t i = 0; i < 3; ++i) // biases may be apart all the same
        if (!whole.bias)
            parts[i].bias = find(tensorOfLayer(layer, names[i]));
    return parts;
}

LinearParts WeightParts::qkv(uint32_t layer) {
    const model::LayerConfig &own = config_.layer[layer];
    const LayerWidths &at = widths_.layer[layer];
    bool gated = config_.architecture->attention.gated;
    bool stores = own.cache_layer == layer;
    if (!gated && stores && has(tensorOfLayer(layer, "attn_qkv.weight")))
        return fusedQkv(layer);
    auto named = [&](const char *stem, uint32_t offset) {
        return part(tensorOfLayer(layer, stem), offset, ScaleUse::before_bias);
    };
    LinearParts parts;
    if (!gated)
        parts.push_back(named("attn_q", 0));
    if (stores) {
        parts.push_back(named("attn_k", at.k_offset));
        bool own_values = has(tensorOfLayer(layer, "attn_v.weight"));
        parts.push_back(named(own_values ? "attn_v" : "attn_k", at.v_offset));
    }
    if (gated)
        parts.push_back(named("attn_q", at.gate_offset));
    return parts;
}

LinearParts WeightParts::attentionOutput(uint32_t layer) const {
    LinearParts parts = branch(tensorOfLayer(layer, "attn_output"), ScaleUse::before_bias);
    if (!config_.architecture->attention.out_bias)
        for (LinearPart &part : parts)
            part.bias = nullptr;
    return parts;
}

LinearParts WeightParts::gateUp(uint32_t layer, const char *suffix, ScaleUse scale) {
    const bool shared = *suffix != 0;
    const model::FfnKind kind = shared ? model::FfnKind::gated : config_.architecture->ffn.kind;
    uint32_t ffn = shared ? config_.experts.shared_dim : config_.layer[layer].ffn_dim;
    LinearPart up = part(tensorOfLayer(layer, std::string("ffn_up") + suffix), 0, scale);
    switch (kind) {
    case model::FfnKind::plain:
        return {up};
    case model::FfnKind::gated_fused:
        return {rowsOf(up, 0, ffn, 0), rowsOf(up, ffn, ffn, padded(ffn))};
    case model::FfnKind::gated:
        break;
    }
    up.out_offset = padded(ffn);
    return {part(tensorOfLayer(layer, std::string("ffn_gate") + suffix), 0, scale), up};
}

ExpertPart WeightParts::expertPart(uint32_t layer, const char *stem) const {
    std::string base = tensorOfLayer(layer, stem);
    ExpertPart part;
    part.weight = find(base + ".weight");
    if (config_.architecture->experts.biases)
        part.bias = find(base + ".bias");
    if (config_.architecture->experts.scales)
        part.scale = find(base + ".scale");
    return part;
}

std::vector<ExpertPart> WeightParts::expertGateUp(uint32_t layer) const {
    uint32_t ffn = config_.experts.ffn_dim;
    if (!config_.experts.merged) {
        ExpertPart gate = expertPart(layer, "ffn_gate_exps");
        ExpertPart up = expertPart(layer, "ffn_up_exps");
        up.out_offset = padded(ffn);
        return {gate, up};
    }
    ExpertPart gate = expertPart(layer, "ffn_gate_up_exps"), up = gate;
    gate.rows = ffn;
    up.first_row = ffn;
    up.rows = ffn;
    up.out_offset = padded(ffn);
    return {gate, up};
}

std::vector<ExpertPart> WeightParts::expertDown(uint32_t layer) const {
    return {expertPart(layer, "ffn_down_exps")};
}

ExpertPart WeightParts::latentValues(uint32_t layer) {
    const model::LatentConfig &sizes = config_.latent;
    if (sizes.absorbed)
        return {.weight = find(tensorOfLayer(layer, "attn_v_b.weight"))};
    // Of each head: rows of keys, then rows of values.
    uint32_t still = sizes.key_dim - config_.rope().dims;
    Tensor joined = *find(tensorOfLayer(layer, "attn_kv_b.weight"));
    joined.shape = {sizes.kv_rank, uint64_t{still} + sizes.value_dim, config_.layer[layer].heads};
    return {.weight = &views_.emplace_back(std::move(joined)),
            .first_row = still,
            .rows = sizes.value_dim};
}

/// attn_kv_b makes keys of c; absorbed, its rows of keys stand as columns and take the query to c.
/// Blocks of a type do not turn, so these weights become the numbers that they stand for: f32,
/// about 1 % of the bytes of a model of 4 bits. (In f16 the logits of small random models of Q8_0
/// differ by a thousandth.)
ExpertPart WeightParts::latentKeys(uint32_t layer, bool bytes) {
    const model::LatentConfig &sizes = config_.latent;
    if (sizes.absorbed)
        return {.weight = find(tensorOfLayer(layer, "attn_k_b.weight"))};
    const Tensor &joined = *find(tensorOfLayer(layer, "attn_kv_b.weight"));
    const uint64_t heads = config_.layer[layer].heads, rank = sizes.kv_rank;
    const uint64_t still = sizes.key_dim - config_.rope().dims, of_head = still + sizes.value_dim;
    turned_.resize(bytes ? heads * still * rank : 0);
    std::vector<float> row(rank);
    for (uint64_t i = 0; i * rank < turned_.size(); ++i) {
        uint64_t head = i / still, column = i % still;
        uint64_t from = (head * of_head + column) * model::rowBytes(joined.type, rank);
        model::dequantizeRow(joined.type, joined.bytes.data() + from, row);
        for (uint64_t r = 0; r < rank; ++r)
            turned_[(head * rank + r) * still + column] = row[r];
    }
    return {
        .weight = &views_.emplace_back(Tensor{
            joined.name, QuantType::f32, {still, rank, heads}, std::as_bytes(std::span(turned_))})};
}

std::vector<float> WeightParts::values(const std::string &name) const {
    const Tensor *tensor = find(name);
    return tensor ? model::dequantized(*tensor) : std::vector<float>{};
}

} // namespace longscope::engine
