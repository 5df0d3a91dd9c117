#include "compute/reference/kernels.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>

namespace longscope::reference {
namespace {

constexpr double kLowest = -1e30; // finite, so that no difference of infinities can arise

double dot(const float *a, const float *b, uint64_t count) {
    double sum = 0;
    for (uint64_t i = 0; i < count; ++i)
        sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

/// Scores of the keys that a row sees, with where they lie.
struct RowScores {
    std::vector<uint64_t> keys;
    std::vector<double> scores;
};

/// Softmax of one row of one head, and the mean of the values `v` of its kv head. `sink`: a logit
/// without a value, kLowest = none.
void weighValues(const RowScores &row, double sink, const float *v, uint64_t dim, float *out,
                 double &m, double &l) {
    m = sink;
    for (double score : row.scores)
        m = std::max(m, score);
    l = sink > kLowest ? std::exp(sink - m) : 0;
    std::vector<double> sums(dim, 0.0);
    for (size_t i = 0; i < row.keys.size(); ++i) {
        double weight = std::exp(row.scores[i] - m);
        l += weight;
        for (uint64_t c = 0; c < dim; ++c)
            sums[c] += weight * static_cast<double>(v[row.keys[i] * dim + c]);
    }
    for (uint64_t c = 0; c < dim; ++c)
        out[c] = l > 0 ? static_cast<float>(sums[c] / l) : 0.0f;
}

/// From q.k to the logit of a head's row and key.
double logitOf(double product, const AttentionShape &shape, uint64_t head, uint64_t row,
               uint64_t key) {
    double score = static_cast<double>(shape.scale) * product;
    if (auto cap = static_cast<double>(shape.softcap); cap != 0)
        score = cap * std::tanh(score / cap);
    if (!shape.slopes.empty()) {
        double distance = static_cast<double>(shape.position + row) - static_cast<double>(key);
        score -= static_cast<double>(shape.slopes[head]) * distance;
    }
    return score;
}

/// Attention over the keys below `end(row)` that `sees` shows; score(row, q, key, k) is q.k of a
/// query and a key, before the scale.
template <class End, class Score>
Attended attend(std::span<const float> q, std::span<const float> k, std::span<const float> v,
                const AttentionShape &shape, const Sees &sees, End end, Score score) {
    uint64_t count = shape.rows * shape.heads, dim = shape.head_dim;
    assert(q.size() == count * dim && shape.heads % shape.kv_heads == 0);
    Attended result{std::vector<float>(q.size()), std::vector<double>(count),
                    std::vector<double>(count)};
    for (uint64_t row = 0; row < shape.rows; ++row)
        for (uint64_t head = 0; head < shape.heads; ++head) {
            uint64_t kv_head = head / (shape.heads / shape.kv_heads);
            uint64_t cache = kv_head * shape.capacity * dim, at = row * shape.heads + head;
            RowScores seen;
            for (uint64_t key = 0; key < end(row); ++key)
                if (sees(head, row, key)) {
                    seen.keys.push_back(key);
                    double product = score(row, &q[at * dim], key, &k[cache + key * dim]);
                    seen.scores.push_back(logitOf(product, shape, head, row, key));
                }
            double sink = shape.sinks.empty() ? kLowest : static_cast<double>(shape.sinks[head]);
            weighValues(seen, sink, &v[cache], dim, &result.out[at * dim], result.m[at],
                        result.l[at]);
        }
    return result;
}

/// (x, y) turned by an angle, times `magnitude`, dot (u, v).
double turnedDot(double x, double y, double u, double v, double angle, double magnitude) {
    double cosine = magnitude * std::cos(angle), sine = magnitude * std::sin(angle);
    return (x * cosine - y * sine) * u + (x * sine + y * cosine) * v;
}

/// q rotated to a relative position, dot k.
double rotatedDot(const float *q, const float *k, double position, uint64_t head_dim,
                  const attention::Rope &rope, const RopeShape &shape) {
    uint64_t pairs = shape.rope_dims / 2;
    double sum = dot(q + shape.rope_dims, k + shape.rope_dims, head_dim - shape.rope_dims);
    for (uint64_t pair = 0; pair < pairs; ++pair) {
        uint64_t a = shape.neox ? pair : 2 * pair, b = shape.neox ? pair + pairs : 2 * pair + 1;
        sum += turnedDot(static_cast<double>(q[a]), static_cast<double>(q[b]),
                         static_cast<double>(k[a]), static_cast<double>(k[b]),
                         position * rope.inv_freq[pair], rope.magnitude * rope.magnitude);
    }
    return sum;
}

float throughHalf(float value) {
    return model::halfToFloat(model::floatToHalf(value));
}

/// Rounded to nearest, ties to even; NaN stays NaN.
float throughBrainFloat(float value) {
    auto bits = std::bit_cast<uint32_t>(value);
    if (!std::isnan(value))
        bits += 0x7fff + (bits >> 16 & 1);
    return std::bit_cast<float>(bits & 0xffff0000);
}

/// One block of 32, the rest of a shorter one being zeros (which change no extreme).
void quantizeBlock(std::span<float> block, attention::CacheType type) {
    bool is_q8 = type == attention::CacheType::q8_0;
    float extreme = 0; // the first of the largest magnitude, with its sign
    for (float value : block)
        if (std::abs(value) > std::abs(extreme))
            extreme = value;
    float d = is_q8 ? std::abs(extreme) / 127 : extreme / -8;
    float inverse = 1 / d;
    if (!std::isfinite(inverse)) // d is 0, or so small that it becomes 0 as f16
        inverse = 0;
    float scale = throughHalf(d);
    for (float &value : block) {
        float code = is_q8 ? std::round(value * inverse)
                           : std::min(15.0f, std::floor(value * inverse + 8.5f)) - 8;
        value = code * scale;
    }
}

} // namespace

std::vector<float> dequantize(const model::Tensor &tensor) {
    return model::dequantized(tensor);
}

std::vector<float> embed(const model::Tensor &table, std::span<const int32_t> tokens, float scale) {
    uint64_t columns = table.columns();
    uint64_t row_bytes = model::rowBytes(table.type, columns);
    std::vector<float> x(tokens.size() * columns);
    for (size_t i = 0; i < tokens.size(); ++i) {
        auto id = static_cast<uint64_t>(tokens[i]);
        assert(id < table.rows());
        model::dequantizeRow(table.type, table.bytes.data() + id * row_bytes,
                             std::span(x).subspan(i * columns, columns));
    }
    for (float &value : x)
        value *= scale;
    return x;
}

std::vector<float> matmul(std::span<const float> x, std::span<const float> w, uint64_t k,
                          const MatmulExtras &extras) {
    assert(k && x.size() % k == 0 && w.size() % k == 0);
    uint64_t rows = x.size() / k, n = w.size() / k;
    std::vector<float> y(rows * n);
    for (uint64_t i = 0; i < rows; ++i)
        for (uint64_t column = 0; column < n; ++column) {
            double sum = static_cast<double>(extras.scale) * dot(&x[i * k], &w[column * k], k);
            if (!extras.bias.empty())
                sum += static_cast<double>(extras.bias[column]);
            if (!extras.residual.empty())
                sum += static_cast<double>(extras.residual[i * n + column]);
            y[i * n + column] = static_cast<float>(sum);
        }
    return y;
}

std::vector<float> rope(std::span<const float> x, std::span<const float> rotation,
                        const RopeShape &shape) {
    uint64_t pairs = shape.rope_dims / 2;
    uint64_t rows = x.size() / (shape.heads * shape.head_dim);
    assert(shape.rope_dims % 2 == 0 && shape.rope_dims <= shape.head_dim);
    assert(rotation.size() >= rows * shape.rope_dims);
    std::vector<float> y(x.begin(), x.end());
    for (uint64_t row = 0; row < rows; ++row)
        for (uint64_t head = 0; head < shape.heads; ++head) {
            float *values = &y[(row * shape.heads + head) * shape.head_dim];
            for (uint64_t pair = 0; pair < pairs; ++pair) {
                double cosine = static_cast<double>(rotation[2 * (row * pairs + pair)]);
                double sine = static_cast<double>(rotation[2 * (row * pairs + pair) + 1]);
                float &u = values[shape.neox ? pair : 2 * pair];
                float &v = values[shape.neox ? pair + pairs : 2 * pair + 1];
                auto old_u = static_cast<double>(u), old_v = static_cast<double>(v);
                u = static_cast<float>(old_u * cosine - old_v * sine);
                v = static_cast<float>(old_u * sine + old_v * cosine);
            }
        }
    return y;
}

Attended attentionOfKeys(std::span<const float> q, std::span<const float> k,
                         std::span<const float> v, const AttentionShape &shape, uint64_t first,
                         uint64_t last) {
    assert(shape.position + shape.rows <= shape.capacity);
    auto sees = [&](uint64_t, uint64_t, uint64_t key) { return key >= first; };
    auto end = [&](uint64_t row) { return std::min(last, shape.position + row + 1); };
    return attend(q, k, v, shape, sees, end,
                  [&](uint64_t, const float *query, uint64_t, const float *key) {
                      return dot(query, key, shape.head_dim);
                  });
}

Attended attentionWhere(std::span<const float> q, std::span<const float> k,
                        std::span<const float> v, const AttentionShape &shape, const Sees &sees) {
    return attend(
        q, k, v, shape, sees, [&](uint64_t) { return shape.capacity; },
        [&](uint64_t, const float *query, uint64_t, const float *key) {
            return dot(query, key, shape.head_dim);
        });
}

Attended attentionRelative(std::span<const float> q, std::span<const float> k,
                           std::span<const float> v, const AttentionShape &shape, const Sees &sees,
                           const attention::Rope &rope, const RopeShape &rope_shape,
                           const std::function<double(uint64_t query, uint64_t key)> &relative) {
    assert(rope_shape.rope_dims == 2 * rope.inv_freq.size());
    assert(rope_shape.rope_dims <= shape.head_dim);
    return attend(
        q, k, v, shape, sees, [&](uint64_t) { return shape.capacity; },
        [&](uint64_t row, const float *query, uint64_t key, const float *key_values) {
            return rotatedDot(query, key_values, relative(shape.position + row, key),
                              shape.head_dim, rope, rope_shape);
        });
}

Attended attention(std::span<const float> q, std::span<const float> k, std::span<const float> v,
                   const AttentionShape &shape) {
    return attentionOfKeys(q, k, v, shape, 0, shape.position + shape.rows);
}

std::vector<Attended> attentionDecode(std::span<const float> q, std::span<const float> k,
                                      std::span<const float> v, const AttentionShape &shape,
                                      uint64_t splits, uint64_t keys_per_split) {
    assert(shape.rows == 1);
    std::vector<Attended> parts;
    for (uint64_t split = 0; split < splits; ++split)
        parts.push_back(
            attentionOfKeys(q, k, v, shape, split * keys_per_split, (split + 1) * keys_per_split));
    return parts;
}

Attended merge(std::span<const Attended> parts, uint64_t head_dim) {
    assert(!parts.empty());
    Attended result = parts.front();
    for (size_t at = 0; at < result.m.size(); ++at) {
        double m = kLowest, l = 0;
        for (const Attended &part : parts)
            if (part.l[at] > 0)
                m = std::max(m, part.m[at]);
        std::vector<double> sums(head_dim, 0.0);
        for (const Attended &part : parts) {
            if (part.l[at] == 0)
                continue;
            double weight = std::exp(part.m[at] - m) * part.l[at];
            l += weight;
            for (uint64_t c = 0; c < head_dim; ++c)
                sums[c] += weight * static_cast<double>(part.out[at * head_dim + c]);
        }
        result.m[at] = m;
        result.l[at] = l;
        for (uint64_t c = 0; c < head_dim; ++c)
            result.out[at * head_dim + c] = l > 0 ? static_cast<float>(sums[c] / l) : 0.0f;
    }
    return result;
}

std::vector<float> throughCache(std::span<const float> values, attention::CacheType type,
                                uint64_t head_dim) {
    using attention::CacheType;
    assert(head_dim && values.size() % head_dim == 0);
    std::vector<float> kept(values.begin(), values.end());
    if (type == CacheType::f16)
        std::ranges::transform(kept, kept.begin(), throughHalf);
    if (type == CacheType::bf16)
        std::ranges::transform(kept, kept.begin(), throughBrainFloat);
    if (type == CacheType::q8_0 || type == CacheType::q4_0)
        for (size_t row = 0; row < kept.size(); row += head_dim)
            for (uint64_t first = 0; first < head_dim; first += 32)
                quantizeBlock(
                    std::span(kept).subspan(row + first, std::min<uint64_t>(32, head_dim - first)),
                    type);
    return kept;
}

} // namespace longscope::reference
