#include "compute/engine/operations.h"

#include "compute/engine/kernels.h"

#include <cmath>

namespace longscope::engine {
namespace {

uint32_t ceilDiv(uint64_t a, uint64_t b) {
    return static_cast<uint32_t>((a + b - 1) / b);
}

uint32_t cacheConstant(CacheType type) {
    return type == CacheType::f32 ? CACHE_F32 : CACHE_F16;
}

uint64_t bytesOf(const Activations &a, uint64_t rows) {
    return rows * a.stride * sizeof(float);
}

const gpu::Pipeline *embedPipeline(gpu::Device &device, const Linear &table, uint32_t local) {
    const WeightFormat &format = table.layout.format;
    return &gpu::findPipeline(device, kEmbed,
                              {{SPEC_CODE_BITS, format.code_bits},
                               {SPEC_SCALE_KIND, format.scale_kind},
                               {SPEC_GROUP, format.group},
                               {SPEC_OFFSET, format.offset},
                               {SPEC_INTERLEAVE, table.layout.interleave}},
                              {.local_size = local});
}

} // namespace

Operations::Operations(gpu::Device &device, const Tiling &tiling, const model::Config &config,
                       const Weights &weights, CacheType k, CacheType v)
    : tiling_(tiling), config_(config), weights_(weights),
      prefill_tile_(
          choosePrefillTile(tiling, config.heads, config.kv_heads, weights.widths.head_dim)),
      decode_tile_(
          chooseDecodeTile(tiling, config.heads, config.kv_heads, weights.widths.head_dim)),
      score_scale_(1.0f / std::sqrt(static_cast<float>(config.head_dim))) {
    bool lanes = tiling.family == KernelFamily::lanes;
    uint32_t rope_flags =
        config.architecture->rope_layout == model::RopeLayout::neox ? ROPE_NEOX : 0u;
    const gpu::Specialization cache = {{SPEC_HEAD_DIM, weights.widths.head_dim},
                                       {SPEC_CACHE_K, cacheConstant(k)},
                                       {SPEC_CACHE_V, cacheConstant(v)}};
    auto with = [](gpu::Specialization base, const gpu::Specialization &more) {
        base.insert(base.end(), more.begin(), more.end());
        return base;
    };
    const gpu::PipelineOptions shared{.local_size = tiling.shared_local};

    embed_ = embedPipeline(device, weights.embedding.front(), tiling.shared_local);
    norm_ = &gpu::findPipeline(device, kRmsNorm, {}, shared);
    gate_ = &gpu::findPipeline(device, kGated, {}, shared);
    rope_ = &gpu::findPipeline(device, kRope, with(cache, {{SPEC_FLAGS, rope_flags}}), shared);
    merge_ = &gpu::findPipeline(device, kAttentionMerge, {{SPEC_HEAD_DIM, weights.widths.head_dim}},
                                shared);
    auto attention = [&](const gpu::Kernel &kernel, const AttentionTile &tile) {
        return &gpu::findPipeline(
            device, kernel, with(cache, {{SPEC_TILE_A, tile.heads}, {SPEC_TILE_B, tile.keys}}),
            {.local_size = tile.local, .subgroup_size = lanes ? 8u : 0u});
    };
    prefill_ = attention(lanes ? kAttentionPrefillLanes : kAttentionPrefillSubgroup, prefill_tile_);
    decode_groups_ = lanes ? config.heads / decode_tile_.heads : config.kv_heads;
    decode_ = attention(lanes ? kAttentionDecodeLanes : kAttentionDecodeSubgroup, decode_tile_);
}

void Operations::embed(gpu::Recorder &recorder, const gpu::Buffer &tokens, const Activations &x,
                       uint32_t rows) const {
    const Linear &table = weights_.embedding.front();
    params::Embed params{.table = table.matrix,
                         .tokens = tokens.address(),
                         .x = x.address(),
                         .rows = rows,
                         .columns = x.stride,
                         .scale = 1,
                         .unused = 0};
    uint64_t row_bytes = table.layout.bytes / table.rows();
    recorder.dispatch(*embed_, params, {&tokens, &table.planes}, {&x.buffer},
                      {ceilDiv(x.stride / 8, tiling_.shared_local), rows},
                      {.bytes = rows * row_bytes + bytesOf(x, rows)});
}

void Operations::norm(gpu::Recorder &recorder, const Activations &x, const gpu::Buffer &weight,
                      const Activations &y, RowRange range) const {
    params::RmsNorm params{.x = x.address(range.first),
                           .weight = weight.address(),
                           .y = y.address(),
                           .rows = range.count,
                           .columns = config_.model_dim,
                           .stride = x.stride,
                           .eps = config_.norm_eps};
    recorder.dispatch(
        *norm_, params, {&x.buffer, &weight}, {&y.buffer}, {range.count},
        {.bytes = 2 * bytesOf(x, range.count), .flops = 4ull * range.count * config_.model_dim});
}

void Operations::multiply(gpu::Recorder &recorder, const LinearGroup &group, const Activations &x,
                          const Activations &y, uint32_t rows) const {
    for (const Linear &linear : group) {
        params::Matmul params{.w = linear.matrix,
                              .x = x.address(),
                              .y = y.address(0, linear.out_offset),
                              .bias = linear.bias ? linear.bias.address() : 0,
                              .residual = y.address(0, linear.out_offset),
                              .rows = rows,
                              .k = linear.columns(),
                              .n = linear.rows(),
                              .x_stride = x.stride,
                              .y_stride = y.stride,
                              .scale = linear.scale};
        uint64_t products = uint64_t{rows} * params.k * params.n;
        gpu::Cost cost{.bytes = linear.layout.bytes +
                                uint64_t{rows} * (params.k + params.n) * sizeof(float),
                       .flops = 2 * products};
        if (rows == 1)
            recorder.dispatch(*linear.matvec, params, {&x.buffer, &y.buffer}, {&y.buffer},
                              {ceilDiv(params.n, tiling_.matvec_rows)}, cost);
        else
            recorder.dispatch(
                *linear.matmul, params, {&x.buffer, &y.buffer}, {&y.buffer},
                {ceilDiv(params.n, tiling_.matmulColumns()), ceilDiv(rows, tiling_.matmul_rows)},
                cost);
    }
}

void Operations::rotate(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                        uint32_t layer, Chunk chunk) const {
    const CacheLayer &own = cache.layers[layer];
    const WidthPlan &widths = weights_.widths;
    params::Rope params{.qkv = scratch.qkv.address(),
                        .rotation = scratch.rotation.address(),
                        .q = scratch.q.address(),
                        .k = own.k.address(),
                        .v = own.v.address(),
                        .rows = chunk.rows,
                        .position = static_cast<uint32_t>(chunk.position),
                        .heads = config_.heads,
                        .kv_heads = config_.kv_heads,
                        .head_dim = config_.head_dim,
                        .rope_dims = config_.rope_dims,
                        .qkv_stride = scratch.qkv.stride,
                        .k_offset = widths.k_offset,
                        .v_offset = widths.v_offset,
                        .capacity = static_cast<uint32_t>(cache.capacity_tokens)};
    uint32_t heads = config_.heads + 2 * config_.kv_heads;
    recorder.dispatch(
        *rope_, params, {&scratch.qkv.buffer, &scratch.rotation},
        {&scratch.q.buffer, &own.k, &own.v},
        {ceilDiv(uint64_t{heads} * widths.head_dim / 2, tiling_.shared_local), chunk.rows},
        {.bytes = 2 * bytesOf(scratch.qkv, chunk.rows)});
}

void Operations::attend(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                        uint32_t layer, Chunk chunk) const {
    if (chunk.rows == 1)
        attendOne(recorder, scratch, cache, layer, chunk.position);
    else
        attendChunk(recorder, scratch, cache, layer, chunk);
}

void Operations::attendChunk(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                             uint32_t layer, Chunk chunk) const {
    const auto [position, rows] = chunk;
    const CacheLayer &own = cache.layers[layer];
    const Activations &out = scratch.attended;
    params::AttentionPrefill params{.q = scratch.q.address(),
                                    .k = own.k.address(),
                                    .v = own.v.address(),
                                    .result = out.address(),
                                    .rows = rows,
                                    .position = static_cast<uint32_t>(position),
                                    .heads = config_.heads,
                                    .kv_heads = config_.kv_heads,
                                    .head_dim = config_.head_dim,
                                    .capacity = static_cast<uint32_t>(cache.capacity_tokens),
                                    .out_stride = out.stride,
                                    .scale = score_scale_};
    uint64_t pairs = uint64_t{rows} * position + uint64_t{rows} * (rows + 1) / 2;
    recorder.dispatch(*prefill_, params, {&scratch.q.buffer, &own.k, &own.v}, {&out.buffer},
                      {ceilDiv(rows, prefill_tile_.queries), config_.heads / prefill_tile_.heads},
                      {.bytes = (position + rows) * cacheRowBytes(cache),
                       .flops = 4 * pairs * config_.heads * config_.head_dim});
}

void Operations::attendOne(gpu::Recorder &recorder, const Scratch &scratch, const KvCache &cache,
                           uint32_t layer, uint64_t position) const {
    const CacheLayer &own = cache.layers[layer];
    uint64_t keys = position + 1;
    uint32_t splits = decodeSplits(tiling_, keys);
    params::AttentionDecode params{.q = scratch.q.address(),
                                   .k = own.k.address(),
                                   .v = own.v.address(),
                                   .partial = scratch.partial.address(),
                                   .keys = static_cast<uint32_t>(keys),
                                   .splits = splits,
                                   .keys_per_split = ceilDiv(keys, splits),
                                   .heads = config_.heads,
                                   .kv_heads = config_.kv_heads,
                                   .capacity = static_cast<uint32_t>(cache.capacity_tokens),
                                   .scale = score_scale_,
                                   .unused = 0};
    recorder.dispatch(*decode_, params, {&scratch.q.buffer, &own.k, &own.v}, {&scratch.partial},
                      {splits, decode_groups_},
                      {.bytes = keys * cacheRowBytes(cache),
                       .flops = 4 * keys * config_.heads * config_.head_dim});
    const Activations &out = scratch.attended;
    params::AttentionMerge merge{.partial = scratch.partial.address(),
                                 .result = out.address(),
                                 .splits = splits,
                                 .heads = config_.heads,
                                 .head_dim = config_.head_dim,
                                 .unused = 0};
    recorder.dispatch(*merge_, merge, {&scratch.partial}, {&out.buffer}, {config_.heads},
                      {.bytes = scratch.partial.bytes()});
}

uint64_t Operations::cacheRowBytes(const KvCache &cache) const {
    return uint64_t{config_.kv_heads} * weights_.widths.head_dim *
           (bytesPerElement(cache.k_type) + bytesPerElement(cache.v_type));
}

void Operations::gate(gpu::Recorder &recorder, const Activations &gate_up,
                      const Activations &hidden, uint32_t rows) const {
    params::Gated params{.gate = gate_up.address(),
                         .up = gate_up.address(0, weights_.widths.up_offset),
                         .h = hidden.address(),
                         .rows = rows,
                         .columns = hidden.stride,
                         .in_stride = gate_up.stride,
                         .out_stride = hidden.stride};
    recorder.dispatch(*gate_, params, {&gate_up.buffer}, {&hidden.buffer},
                      {ceilDiv(hidden.stride / 4, tiling_.shared_local), rows},
                      {.bytes = bytesOf(gate_up, rows) + bytesOf(hidden, rows),
                       .flops = 4ull * rows * hidden.stride});
}

} // namespace longscope::engine
