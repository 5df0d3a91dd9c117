// Multi-head latent attention (DeepSeek-AI 2024, arXiv 2405.04434, section 2.1) of the forward
// pass, in both of the forms that files have.
#include "compute/reference/forward_pass.h"

#include <algorithm>

namespace longscope::reference {
namespace {

using model::LatentConfig;

/// [.., a] and [.., b] side by side: [.., a | b].
Rows joined(std::span<const float> a, uint64_t a_width, std::span<const float> b,
            uint64_t b_width) {
    Rows y;
    y.reserve(a.size() + b.size());
    for (size_t i = 0; i * a_width < a.size(); ++i) {
        y.insert(y.end(), &a[i * a_width], &a[i * a_width] + a_width);
        y.insert(y.end(), &b[i * b_width], &b[i * b_width] + b_width);
    }
    return y;
}

/// [.., width] with zeros behind, [.., wanted].
Rows widened(std::span<const float> x, uint64_t width, uint64_t wanted) {
    return joined(x, width, Rows(x.size() / width * (wanted - width)), wanted - width);
}

/// Each head's part of x [rows, heads, k] times its own matrix w [heads, n, k]: [rows, heads, n].
Rows productOfHeads(std::span<const float> x, std::span<const float> w, uint64_t heads,
                    uint64_t k) {
    uint64_t n = w.size() / heads / k, rows = x.size() / heads / k;
    Rows y(rows * heads * n);
    for (uint64_t head = 0; head < heads; ++head) {
        Rows part = product(columns(x, heads * k, head * k, k), w.subspan(head * n * k, n * k), k);
        for (uint64_t row = 0; row < rows; ++row)
            std::copy_n(&part[row * n], n, &y[(row * heads + head) * n]);
    }
    return y;
}

/// What a layer has made of x. The sizes of heads: rotated part n, the rest of a key, value.
struct Latent {
    Rows q_still, q_rotated; ///< [rows, heads, ..], not rotated yet
    Rows compressed;         ///< c [rows, kv_rank]
    Rows k_rotated;          ///< [rows, n], one head for all, not rotated yet
};

Latent compress(const Pass &pass, uint32_t layer, std::span<const float> x) {
    const LatentConfig &sizes = pass.config.latent;
    uint64_t turned = pass.config.rope().dims, still = sizes.key_dim - turned;
    auto named = [&](const char *stem) { return tensorOfLayer(layer, stem); };
    Rows q;
    if (sizes.q_rank > 0) {
        Rows low = pass.linear(x, named("attn_q_a"), {.bias = false});
        low = pass.normPieces(low, pass.values(named("attn_q_a_norm.weight")), {}, 1);
        q = pass.linear(low, named("attn_q_b"), {.bias = false});
    } else {
        q = pass.linear(x, named("attn_q"), {.bias = false});
    }
    Rows kv = pass.linear(x, named("attn_kv_a_mqa"), {.bias = false});
    uint64_t width = sizes.kv_rank + turned;
    Rows c = pass.normPieces(columns(kv, width, 0, sizes.kv_rank),
                             pass.values(named("attn_kv_a_norm.weight")), {}, 1);
    return {columns(q, sizes.key_dim, 0, still), columns(q, sizes.key_dim, still, turned),
            std::move(c), columns(kv, width, sizes.kv_rank, turned)};
}

/// Keys [.., still | turned] through the cache, then [turned | still]: the rotated part in front,
/// where a rotation of the first dimensions of a head finds it.
Rows cachedKeys(const Pass &pass, uint32_t layer, std::span<const float> still,
                std::span<const float> turned, uint64_t heads, uint64_t still_dim,
                uint64_t turned_dim) {
    uint64_t dim = still_dim + turned_dim;
    bool raw = pass.options.rope.needsRawKeys();
    Rows now =
        raw ? Rows(turned.begin(), turned.end()) : rotated(pass, layer, turned, heads, turned_dim);
    Rows keys = throughCache(joined(still, still_dim, now, turned_dim), pass.options.k, dim);
    Rows front = columns(keys, dim, still_dim, turned_dim);
    if (raw)
        front = rotated(pass, layer, front, heads, turned_dim);
    return joined(front, turned_dim, columns(keys, dim, 0, still_dim), still_dim);
}

/// attn_k_b takes the queries to the compressed keys, attn_v_b what is read of them to values: one
/// head [c | rotated] is cached, and its c is the value too.
Rows absorbed(const Pass &pass, uint32_t layer, const Latent &made) {
    const LatentConfig &sizes = pass.config.latent;
    uint64_t heads = pass.layer(layer).heads, rank = sizes.kv_rank;
    uint64_t turned = pass.config.rope().dims, still = sizes.key_dim - turned, dim = rank + turned;
    Rows q = productOfHeads(made.q_still, pass.values(tensorOfLayer(layer, "attn_k_b.weight")),
                            heads, still);
    q = joined(made.q_rotated, turned, q, rank);
    CachedRows cache;
    cache.keys = cachedKeys(pass, layer, made.compressed, made.k_rotated, 1, rank, turned);
    cache.values = widened(columns(cache.keys, dim, turned, rank), rank, dim);
    Rows context = attendCached(pass, layer, std::move(q), cache, dim, 1);
    return productOfHeads(columns(context, dim, 0, rank),
                          pass.values(tensorOfLayer(layer, "attn_v_b.weight")), heads, rank);
}

/// attn_kv_b makes keys and values of every head, and those are cached.
Rows expanded(const Pass &pass, uint32_t layer, const Latent &made) {
    const LatentConfig &sizes = pass.config.latent;
    uint64_t heads = pass.layer(layer).heads, turned = pass.config.rope().dims;
    uint64_t still = sizes.key_dim - turned, value = sizes.value_dim;
    uint64_t dim = std::max<uint64_t>(sizes.key_dim, value);
    Rows kv = pass.linear(made.compressed, tensorOfLayer(layer, "attn_kv_b"), {.bias = false});
    Rows shared; // the rotated part, once for each head
    for (uint64_t row = 0; row < pass.rows(); ++row)
        for (uint64_t head = 0; head < heads; ++head)
            shared.insert(shared.end(), &made.k_rotated[row * turned],
                          &made.k_rotated[row * turned] + turned);
    CachedRows cache;
    cache.keys =
        cachedKeys(pass, layer, columns(kv, still + value, 0, still), shared, heads, still, turned);
    cache.values = throughCache(columns(kv, still + value, still, value), pass.options.v, value);
    Rows q = joined(made.q_rotated, turned, made.q_still, still);
    // One width for both: zeros change no product.
    q = widened(q, sizes.key_dim, dim);
    cache.keys = widened(cache.keys, sizes.key_dim, dim);
    cache.values = widened(cache.values, value, dim);
    return columns(attendCached(pass, layer, std::move(q), cache, dim, heads), dim, 0, value);
}

} // namespace

Rows attendLatent(Pass &pass, uint32_t layer, std::span<const float> x) {
    Latent made = compress(pass, layer, x);
    Rows out =
        pass.config.latent.absorbed ? absorbed(pass, layer, made) : expanded(pass, layer, made);
    return pass.linear(out, tensorOfLayer(layer, "attn_output"),
                       {.scale = ScaleAt::before_bias, .bias = false});
}

} // namespace longscope::reference
