#include "compute/attention/plan.h"

#include <algorithm>

namespace longscope::attention {
namespace {

double real(uint64_t n) {
    return static_cast<double>(n);
}

/// Sum over i < n of min(i + 1, most).
double capped(uint64_t n, uint64_t most) {
    uint64_t rising = std::min(n, most);
    return real(rising) * (real(rising) + 1) / 2 + real(n - rising) * real(most);
}

uint64_t numberOf(const Pattern &pattern, size_t i) {
    return static_cast<uint64_t>(pattern.numbers()[i]);
}

/// H2O and TOVA: a query sees what was kept of the chunks before, and its own chunk.
double evictingPairs(const LayerReading &reading, uint64_t n) {
    double pairs = 0;
    uint64_t chunk = reading.chunk_tokens, keep = reading.eviction.keep;
    uint64_t first = 0; // chunks before which not everything is kept yet are few
    for (; first < n && first <= keep; first += chunk)
        pairs += real(std::min(chunk, n - first)) * real(first) +
                 capped(std::min(chunk, n - first), UINT64_MAX);
    if (first >= n)
        return pairs;
    uint64_t rest = n - first, last = rest % chunk;
    return pairs + real(rest) * real(keep) + real(rest / chunk) * capped(chunk, UINT64_MAX) +
           capped(last, UINT64_MAX);
}

} // namespace

uint64_t layerParameters(const ModelShape &shape) {
    uint64_t q = uint64_t{shape.heads} * shape.head_dim;
    uint64_t kv = uint64_t{shape.kv_heads} * shape.head_dim;
    uint64_t model = shape.model_dim;
    return shape.layers * (model * (2 * q + 2 * kv) + 3 * model * shape.ffn_dim);
}

double linearFlops(const ModelShape &shape) {
    return 2 * real(layerParameters(shape));
}

double headFlops(const ModelShape &shape) {
    return 2 * real(shape.model_dim) * real(shape.vocab);
}

double attentionFlops(const ModelShape &shape, double pairs) {
    return 4.0 * shape.heads * shape.head_dim * pairs;
}

uint64_t cacheTokenBytes(const ModelShape &shape, CacheType k, CacheType v) {
    return shape.kv_heads *
           (rowBytes(k, shape.head_dim_padded) + rowBytes(v, shape.head_dim_padded));
}

double readingPairs(const LayerReading &reading, uint64_t n) {
    const Pattern &pattern = reading.pattern;
    if (reading.eviction.whileReading())
        return evictingPairs(reading, n);
    if (pattern.kind() == PatternKind::vertical_slash)
        return capped(n, numberOf(pattern, 0) + numberOf(pattern, 1));
    if (pattern.kind() == PatternKind::top_blocks)
        return capped(n, numberOf(pattern, 0) * numberOf(pattern, 1));
    return pattern.headPairs(n, reading.heads) / reading.heads;
}

// Vertical-slash and FlexPrefill score the last rows of every chunk with all keys before;
// XAttention and our own choice of blocks sum along antidiagonals: one product for `stride` pairs.
double choosingFlops(const ModelShape &shape, const LayerReading &reading, uint64_t n) {
    const Pattern &pattern = reading.pattern;
    double product = 2.0 * shape.heads * shape.head_dim;
    double chunks = real(n) / reading.chunk_tokens;
    double seen = chunks * (real(n) + reading.chunk_tokens) / 2; // keys before the chunks' ends
    switch (pattern.kind()) {
    case PatternKind::vertical_slash:
        return product * 64 * seen;
    case PatternKind::flexprefill:
        return product * 128 * seen;
    case PatternKind::xattention:
        return product * capped(n, UINT64_MAX) / real(numberOf(pattern, 1));
    case PatternKind::top_blocks:
        return product * capped(n, UINT64_MAX) / 16;
    default:
        return 0;
    }
}

double writingKeys(const LayerReading &reading, uint64_t t) {
    const Eviction &eviction = reading.eviction;
    double all = reading.pattern.headKeys(t, reading.heads) / reading.heads;
    if (eviction.kind == EvictionKind::none || t + 1 <= eviction.keep)
        return all;
    if (eviction.kind != EvictionKind::quest)
        return std::min(all, real(eviction.keep + 1)); // what was kept, and the token's own key
    if (reading.layer < kQuestDenseLayers)
        return all;
    return real(eviction.keep) + 2 * real(t + 1) / eviction.page;
}

} // namespace longscope::attention
