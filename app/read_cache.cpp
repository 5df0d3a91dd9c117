#include "app/read_cache.h"

#include "app/cache_values.h"
#include "compute/attention/rope.h"
#include "compute/attention/slopes.h"
#include "compute/reference/kernels.h"

#include <cmath>

namespace longscope::app {
namespace {

/// The same model with all that some do to their scores.
model::Config withRules(model::Config config) {
    config.softcap = 3;
    config.alibi_bias = 8;
    return config;
}

} // namespace

ReadCache::ReadCache(Workbench &workbench, attention::CacheType cache_type, bool ruled)
    : bench(workbench), config(ruled ? withRules(bench.config) : bench.config), type(cache_type),
      name(std::string(attention::cacheTypeName(type)) + (ruled ? ", ruled" : "")),
      dim(bench.config.head_dim), kv_heads(bench.config.kv_heads),
      q_columns(bench.config.heads * dim), recorder(bench.device),
      sinks(ruled ? randomFloats(config.heads, bench.random) : std::vector<float>()),
      cache(engine::makeCache(bench.device, config, options(), kCheckedRows)),
      attending(bench.device, bench.tiling, config, bench.weights.widths, options(),
                ruled ? engine::Sinks{sinks} : engine::Sinks()) {
    bench.poison(layer().k);
    bench.poison(layer().v);
    drawRows();
}

engine::SessionOptions ReadCache::options() const {
    return {.context_tokens = kTokens, .k = type, .v = type};
}

engine::Flush ReadCache::flush() {
    return [this] {
        if (!recorder.empty())
            recorder.run();
    };
}

/// Random [q | k | v] of every token, and what rotation makes of them.
void ReadCache::drawRows() {
    const engine::WidthPlan &widths = bench.weights.widths;
    qkv_ = randomFloats(size_t{kTokens} * widths.qkv, bench.random);
    attention::RopeSettings settings;
    settings.dims = bench.config.rope().dims;
    std::vector<float> table(size_t{kTokens} * settings.dims);
    attention::fillRotation(attention::makeRope(settings), 0, kTokens, table);
    reference::RopeShape shape{bench.config.heads, dim, settings.dims, false};
    queries = reference::rope(columnsOf(qkv_, widths.qkv, 0, q_columns), table, shape);
    shape.heads = kv_heads;
    uint32_t kv_columns = kv_heads * dim;
    std::vector<float> k = columnsOf(qkv_, widths.qkv, widths.layer[0].k_offset, kv_columns);
    keys = cacheOrder(reference::rope(k, table, shape), kv_heads, dim);
    values = cacheOrder(columnsOf(qkv_, widths.qkv, widths.layer[0].v_offset, kv_columns), kv_heads,
                        dim);
}

void ReadCache::read(uint32_t first, uint32_t count) {
    engine::Scratch &scratch = bench.scratch;
    const float *rows = &qkv_[size_t{first} * bench.weights.widths.qkv];
    bench.upload(scratch.qkv, {rows, rows + size_t{count} * bench.weights.widths.qkv}, count,
                 bench.weights.widths.qkv);
    bench.poison(scratch.q.buffer);
    bench.poison(scratch.attended.buffer);
    bench.poison(scratch.state);
    bench.poison(scratch.partial);
    attending.begin({first, count, kTokens}, scratch);
    attending.rotate(recorder, scratch, cache, 0);
    attending.attend(recorder, scratch, cache, 0, flush(), count > 1);
    attending.end();
    flush()();
}

std::vector<float> ReadCache::stored(const gpu::Buffer &buffer) const {
    std::vector<uint8_t> bytes(buffer.bytes());
    gpu::downloadBytes(bench.device, buffer, 0, std::as_writable_bytes(std::span(bytes)));
    uint64_t rows = uint64_t{kv_heads} * kTokens, row_bytes = attention::dataBytes(type, dim);
    std::vector<float> elements;
    for (uint64_t row = 0; row < rows; ++row)
        for (uint32_t i = 0; i < dim; ++i)
            elements.push_back(elementOf(
                type, &bytes[row * row_bytes],
                &bytes[0] + rows * row_bytes + row * attention::scaleBytes(type, dim), i));
    return elements;
}

float ReadCache::scale() const {
    return 1 / std::sqrt(static_cast<float>(dim));
}

double ReadCache::slopeOf(uint32_t head) const {
    return attention::alibiSlope(static_cast<double>(config.alibi_bias), head, config.heads);
}

double ReadCache::score(const std::vector<float> &stored_keys, uint32_t head, uint32_t row,
                        uint32_t key) const {
    const float *q = &queries[(size_t{kBefore} + row) * q_columns + size_t{head} * dim];
    uint32_t kv_head = head / (bench.config.heads / kv_heads);
    const float *k = &stored_keys[(size_t{kv_head} * kTokens + key) * dim];
    double sum = 0;
    for (uint32_t i = 0; i < dim; ++i)
        sum += static_cast<double>(q[i]) * static_cast<double>(k[i]);
    sum *= static_cast<double>(scale());
    if (!isRuled())
        return sum;
    auto cap = static_cast<double>(config.softcap);
    double distance = static_cast<double>(kBefore + row) - key;
    return cap * std::tanh(sum / cap) - slopeOf(head) * distance;
}

gpu::Specialization ReadCache::specialization() const {
    return {{SPEC_HEAD_DIM, bench.weights.widths.head_dim},
            {SPEC_CACHE_K, static_cast<uint32_t>(type)},
            {SPEC_CACHE_V, static_cast<uint32_t>(type)}};
}

} // namespace longscope::app
