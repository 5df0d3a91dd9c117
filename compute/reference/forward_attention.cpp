// Attention of the forward pass: q, k and v of a layer, their norms and rotations, the cache.
#include "compute/core/error.h"
#include "compute/reference/forward_pass.h"

#include <algorithm>
#include <cmath>

namespace longscope::reference {
namespace {

using attention::Pattern;
using attention::Rope;
using model::LayerConfig;
using model::QkNormPlace;

/// Turns back what the rope turned.
Rope inverse(Rope rope) {
    for (double &frequency : rope.inv_freq)
        frequency = -frequency;
    rope.magnitude = 1 / rope.magnitude;
    return rope;
}

/// How far a key lies before a query, as its rotation says.
double relativePosition(const attention::RopeScheme &scheme, const Pattern &pattern, uint64_t query,
                        uint64_t key) {
    if (pattern.relabelsSinks()) {
        // In a cache of the keys that are seen, the query is the last.
        if (key < pattern.retention()->sinks)
            return pattern.headKeys(query, 1) - 1 - static_cast<double>(key);
    }
    return query - key < scheme.nearKeys() ? static_cast<double>(query - key)
                                           : scheme.farQuery(query) - scheme.farKey(key);
}

/// [rows, heads, dim] as the cache has it: [heads, rows, dim].
Rows headsFirst(std::span<const float> x, uint64_t heads, uint64_t dim) {
    uint64_t rows = x.size() / (heads * dim);
    Rows y(x.size());
    for (uint64_t row = 0; row < rows; ++row)
        for (uint64_t head = 0; head < heads; ++head)
            for (uint64_t c = 0; c < dim; ++c)
                y[(head * rows + row) * dim + c] = x[(row * heads + head) * dim + c];
    return y;
}

/// What the model itself shows a query of a layer.
bool inWindow(const LayerConfig &layer, uint64_t query, uint64_t key) {
    if (key > query)
        return false;
    if (layer.window == 0)
        return true;
    if (layer.chunked)
        return key >= query / layer.window * layer.window;
    return query - key < layer.window;
}

/// ALiBi (Press 2021) as the file's engine has it for head counts that are no power of two.
Rows alibiSlopes(double bias, uint64_t heads) {
    Rows slopes;
    uint64_t power = 1;
    while (2 * power <= heads)
        power *= 2;
    for (uint64_t head = 0; head < heads; ++head) {
        auto k = static_cast<double>(power), h = static_cast<double>(head);
        double exponent = head < power ? bias * (h + 1) / k : bias * (2 * (h - k) + 1) / (2 * k);
        slopes.push_back(static_cast<float>(std::exp2(-exponent)));
    }
    return slopes;
}

RopeShape ropeShape(const Pass &pass, uint32_t layer, uint64_t heads, uint64_t dim) {
    return {.heads = heads,
            .head_dim = dim,
            .rope_dims = pass.config.ropes[pass.layer(layer).rope].dims,
            .neox = pass.config.rope_layout == model::RopeLayout::neox};
}

Rows rotatedBy(const Rope &by, std::span<const float> x, const RopeShape &shape) {
    uint64_t rows = x.size() / (shape.heads * shape.head_dim);
    Rows rotation(rows * shape.rope_dims);
    attention::fillRotation(by, 0, rows, rotation);
    return rope(x, rotation, shape);
}

/// q *= 1 + scale * ln(floor((p + offset) / length) + 1)
void temper(const model::TemperatureConfig &temperature, Rows &q, uint64_t rows) {
    size_t width = q.size() / rows;
    for (size_t i = 0; i < q.size(); ++i) {
        double position = static_cast<double>(i / width) + temperature.offset;
        double factor =
            1 + temperature.scale * std::log(std::floor(position / temperature.length) + 1);
        q[i] = static_cast<float>(static_cast<double>(q[i]) * factor);
    }
}

/// W x * scale + bias, clamped.
Rows projected(const Pass &pass, std::span<const float> x, const std::string &stem) {
    return pass.linear(x, stem, {.scale = ScaleAt::before_bias});
}

struct Projected {
    Rows q, k, v, gate; ///< k and v empty where a layer reads another's; gate of gated attention
};

void clampValues(Rows &values, float limit) {
    for (float &value : values)
        value = std::clamp(value, -limit, limit);
}

/// Of one attn_qkv: rows of q, then k, then v. Its biases may be apart.
Projected projectFused(const Pass &pass, uint32_t layer, std::span<const float> x) {
    const LayerConfig &sizes = pass.layer(layer);
    uint64_t q = uint64_t{sizes.heads} * sizes.head_dim;
    uint64_t kv = uint64_t{sizes.kv_heads} * sizes.head_dim, all = q + 2 * kv;
    Rows joined = projected(pass, x, tensorOfLayer(layer, "attn_qkv"));
    Projected out{columns(joined, all, 0, q),
                  columns(joined, all, q, kv),
                  columns(joined, all, q + kv, kv),
                  {}};
    auto addBias = [&](Rows &values, const char *name) {
        Rows bias = pass.valuesIfAny(tensorOfLayer(layer, name));
        for (size_t i = 0; i < values.size() && !bias.empty(); ++i)
            values[i] += bias[i % bias.size()];
    };
    addBias(out.q, "attn_q.bias");
    addBias(out.k, "attn_k.bias");
    addBias(out.v, "attn_v.bias");
    return out;
}

Projected project(const Pass &pass, uint32_t layer, std::span<const float> x) {
    const LayerConfig &sizes = pass.layer(layer);
    bool gated = pass.rules.attention.gated;
    bool reads_own = sizes.cache_layer == layer;
    Projected out;
    if (reads_own && !gated && pass.has(tensorOfLayer(layer, "attn_qkv.weight"))) {
        out = projectFused(pass, layer, x);
    } else {
        out.q = projected(pass, x, tensorOfLayer(layer, "attn_q"));
        if (gated) { // of each head: q, then gate
            uint64_t dim = sizes.head_dim;
            out.gate = columns(out.q, 2 * dim, dim, dim);
            out.q = columns(out.q, 2 * dim, 0, dim);
        }
        if (reads_own) {
            out.k = projected(pass, x, tensorOfLayer(layer, "attn_k"));
            bool k_is_v =
                pass.rules.attention.value_norm && !pass.has(tensorOfLayer(layer, "attn_v.weight"));
            out.v = k_is_v ? out.k : projected(pass, x, tensorOfLayer(layer, "attn_v"));
        }
    }
    if (float limit = pass.config.clamp_qkv; limit > 0)
        for (Rows *values : {&out.q, &out.k, &out.v})
            clampValues(*values, limit);
    return out;
}

/// The norm of q or k heads, when it stands before or (`after`) behind the rotation.
Rows normedHeads(const Pass &pass, uint32_t layer, const char *name, Rows x, uint64_t heads,
                 bool after) {
    const model::QkNormRules &norm = pass.rules.qk_norm;
    if (!pass.layer(layer).normed_heads || norm.after_rope != after)
        return x;
    std::string stem = tensorOfLayer(layer, name);
    switch (norm.place) {
    case QkNormPlace::none:
        return x;
    case QkNormPlace::plain:
        return pass.plainNorm(x, pass.layer(layer).head_dim);
    case QkNormPlace::head:
        return pass.normPieces(x, pass.values(stem + ".weight"), {}, 1);
    case QkNormPlace::per_head:
        return pass.normPieces(x, pass.values(stem + ".weight"), {}, heads);
    case QkNormPlace::flat:
        return pass.normPieces(x, pass.values(stem + ".weight"),
                               pass.rules.norm.bias ? pass.valuesIfAny(stem + ".bias") : Rows{}, 1);
    }
    return x;
}

CachedRows cachedRows(const Pass &pass, uint32_t layer, Rows k, Rows v) {
    const LayerConfig &sizes = pass.layer(layer);
    uint64_t dim = sizes.head_dim, heads = sizes.kv_heads;
    if (pass.rules.attention.value_norm)
        v = pass.plainNorm(v, dim);
    k = normedHeads(pass, layer, "attn_k_norm", std::move(k), heads, false);
    bool raw = pass.options.rope.needsRawKeys();
    if (raw)
        k = throughCache(k, pass.options.k, dim);
    k = rotated(pass, layer, k, heads, dim);
    k = normedHeads(pass, layer, "attn_k_norm", std::move(k), heads, true);
    if (!raw)
        k = throughCache(k, pass.options.k, dim);
    return {std::move(k), throughCache(v, pass.options.v, dim)};
}

/// A norm with weights behind the rotation cannot be taken off the keys again.
void refuseRelative(const Pass &pass) {
    if (pass.rules.qk_norm.after_rope && pass.rules.qk_norm.place == QkNormPlace::head)
        fail(ErrorKind::usage,
             "{} norms keys after their rotation; --rope {} and shapes that move positions "
             "cannot be used with it",
             pass.rules.name, pass.options.rope.spec);
}

} // namespace

Rows rotated(const Pass &pass, uint32_t layer, std::span<const float> x, uint64_t heads,
             uint64_t dim) {
    uint32_t index = pass.layer(layer).rope;
    if (index == model::kNoRope)
        return {x.begin(), x.end()};
    return rotatedBy(pass.ropes[index], x, ropeShape(pass, layer, heads, dim));
}

Rows attendCached(const Pass &pass, uint32_t layer, Rows q, const CachedRows &cached, uint64_t dim,
                  uint64_t kv_heads) {
    const LayerConfig &sizes = pass.layer(layer);
    const Pattern &pattern = pass.options.patterns.of(layer);
    AttentionShape shape{.rows = pass.rows(),
                         .heads = sizes.heads,
                         .kv_heads = kv_heads,
                         .head_dim = dim,
                         .capacity = pass.rows(),
                         .scale = pass.config.scoreScale(layer),
                         .softcap = pass.config.softcap};
    if (pass.config.alibi_bias > 0)
        shape.slopes = alibiSlopes(static_cast<double>(pass.config.alibi_bias), sizes.heads);
    if (pass.rules.attention.sinks)
        shape.sinks = pass.values(tensorOfLayer(layer, "attn_sinks.weight"));
    Sees sees = [&](uint64_t head, uint64_t query, uint64_t key) {
        uint32_t kind = pattern.headKind(static_cast<uint32_t>(head), sizes.heads);
        return inWindow(sizes, query, key) && pattern.sees(kind, query, key);
    };
    bool absolute = sizes.rope == model::kNoRope ||
                    (pass.options.rope.nearKeys() == UINT64_MAX && !pattern.relabelsSinks());
    if (absolute)
        q = rotated(pass, layer, q, sizes.heads, dim);
    q = normedHeads(pass, layer, "attn_q_norm", std::move(q), sizes.heads, true);
    if (sizes.tempered)
        temper(pass.config.temperature, q, pass.rows());
    Rows v = headsFirst(cached.values, kv_heads, dim);
    if (absolute)
        return attentionWhere(q, headsFirst(cached.keys, kv_heads, dim), v, shape, sees).out;
    // The distance says the rotation, so the keys' own is taken back.
    refuseRelative(pass);
    const Rope &rope = pass.ropes[sizes.rope];
    Rows k = rotatedBy(inverse(rope), cached.keys, ropeShape(pass, layer, kv_heads, dim));
    return attentionRelative(q, headsFirst(k, kv_heads, dim), v, shape, sees, rope,
                             ropeShape(pass, layer, sizes.heads, dim),
                             [&](uint64_t query, uint64_t key) {
                                 return relativePosition(pass.options.rope, pattern, query, key);
                             })
        .out;
}

Rows attend(Pass &pass, uint32_t layer, std::span<const float> x) {
    const LayerConfig &sizes = pass.layer(layer);
    Projected parts = project(pass, layer, x);
    if (sizes.cache_layer == layer)
        pass.cache[layer] = cachedRows(pass, layer, std::move(parts.k), std::move(parts.v));
    Rows q = normedHeads(pass, layer, "attn_q_norm", std::move(parts.q), sizes.heads, false);
    Rows out = attendCached(pass, layer, std::move(q), pass.cache.at(sizes.cache_layer),
                            sizes.head_dim, sizes.kv_heads);
    for (size_t i = 0; i < parts.gate.size(); ++i)
        out[i] = static_cast<float>(static_cast<double>(out[i]) *
                                    sigmoid(static_cast<double>(parts.gate[i])));
    return pass.linear(out, tensorOfLayer(layer, "attn_output"),
                       {.scale = ScaleAt::before_bias, .bias = pass.rules.attention.out_bias});
}

} // namespace longscope::reference
