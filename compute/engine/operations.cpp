#include "compute/engine/operations.h"

#include "compute/engine/kernels.h"

#include <algorithm>
#include <cassert>
#include <initializer_list>

namespace longscope::engine {
namespace {

uint32_t ceilDiv(uint64_t a, uint64_t b) {
    return static_cast<uint32_t>((a + b - 1) / b);
}

uint64_t bytesOf(uint64_t rows, uint64_t columns) {
    return rows * columns * sizeof(float);
}

uint64_t addressOf(const Columns &columns, uint64_t row = 0) {
    return columns.rows->address(row, columns.first);
}

/// Columns from the first one to the end of the row.
uint32_t restOf(const Columns &columns) {
    return columns.rows->stride - columns.first;
}

/// Whether four floats may be read at a time.
bool isWide(std::initializer_list<uint64_t> addresses, std::initializer_list<uint32_t> counts) {
    return std::ranges::all_of(addresses, [](uint64_t address) { return address % 16 == 0; }) &&
           std::ranges::all_of(counts, [](uint32_t count) { return count % 4 == 0; });
}

const gpu::Pipeline &embedPipeline(gpu::Device &device, const Linear &table, uint32_t flags,
                                   uint32_t local) {
    const WeightFormat &format = table.layout.format;
    return gpu::findPipeline(device, kEmbed,
                             {{SPEC_CODE_BITS, format.code_bits},
                              {SPEC_SCALE_KIND, format.scale_kind},
                              {SPEC_GROUP, format.group},
                              {SPEC_OFFSET, format.offset},
                              {SPEC_INTERLEAVE, table.layout.interleave},
                              {SPEC_FLAGS, flags}},
                             {.local_size = local});
}

/// Names a table's format and the flags, for Variants.
uint64_t embedVariant(const PackedLayout &layout, uint32_t flags) {
    const WeightFormat &format = layout.format;
    uint64_t variant = flags;
    for (uint32_t part : {uint32_t{format.code_bits}, uint32_t{format.scale_kind},
                          uint32_t{format.group}, uint32_t{format.offset}, layout.interleave})
        variant = variant << 12 | part;
    return variant;
}

uint32_t flagsOf(const Norm &norm, const Segments &segments) {
    using model::NormKind;
    uint32_t flags = (norm.kind == NormKind::layer ? NORM_MEAN : 0u) |
                     (norm.kind == NormKind::unit ? NORM_SUM : 0u) |
                     (norm.weight ? NORM_WEIGHT : 0u) | (norm.bias ? NORM_BIAS : 0u) |
                     (segments.add ? NORM_ADD : 0u);
    if (segments.gate)
        flags |= segments.gate->before ? NORM_GATE_BEFORE : NORM_GATE_AFTER;
    return flags;
}

uint32_t kindOf(model::ActivationKind kind) {
    switch (kind) {
    case model::ActivationKind::silu:
        return ACTIVATION_SILU;
    case model::ActivationKind::gelu:
        return ACTIVATION_GELU;
    case model::ActivationKind::relu_squared:
        return ACTIVATION_RELU_SQUARED;
    case model::ActivationKind::sigmoid:
        return ACTIVATION_SIGMOID;
    case model::ActivationKind::tanh:
        return ACTIVATION_TANH;
    case model::ActivationKind::oai:
        return ACTIVATION_OAI;
    }
    return ACTIVATION_SILU;
}

uint32_t flagsOf(const Adjust &adjust) {
    return (adjust.add ? ADJUST_ADD : 0u) | (adjust.scales ? ADJUST_SCALES : 0u) |
           (adjust.scales && adjust.sigmoid ? ADJUST_SIGMOID : 0u) |
           (adjust.kind == Adjust::Bound::clamp ? ADJUST_CLAMP : 0u) |
           (adjust.kind == Adjust::Bound::cap ? ADJUST_CAP : 0u);
}

} // namespace

/// Where a norm reads and writes.
struct Operations::NormPlace {
    Columns x, y;
    uint64_t first_row; // of x
    uint32_t rows;
    uint32_t padding; // columns of y behind the last segment that become 0
};

void Operations::embed(gpu::Recorder &recorder, const Linear &table, const gpu::Buffer &ids,
                       const Activations &x, uint32_t rows, float scale, bool add) const {
    assert(x.stride == table.columns());
    const uint32_t flags = add ? EMBED_ADD : 0;
    const gpu::Pipeline &pipeline =
        embeds_.find(embedVariant(table.layout, flags), [&]() -> const gpu::Pipeline & {
            return embedPipeline(device_, table, flags, tiling_.shared_local);
        });
    params::Embed params{.table = table.matrix,
                         .tokens = ids.address(),
                         .x = x.address(),
                         .rows = rows,
                         .columns = x.stride,
                         .scale = scale,
                         .unused = 0};
    uint64_t row_bytes = table.layout.bytes / table.rows();
    recorder.dispatch(pipeline, params, {&ids, &table.planes, &x.buffer}, {&x.buffer},
                      {ceilDiv(x.stride / 8, tiling_.shared_local), rows},
                      {.bytes = rows * row_bytes + bytesOf(rows, x.stride)});
}

void Operations::norm(gpu::Recorder &recorder, const Norm &norm, const Activations &x,
                      const Activations &y, RowRange range) const {
    assert(norm.columns <= x.stride && norm.columns <= y.stride);
    normalise(recorder, norm, {}, {x, y, range.first, range.count, y.stride - norm.columns});
}

void Operations::addNorm(gpu::Recorder &recorder, const Norm &norm, const Activations &branch,
                         const Activations &x, uint32_t rows) const {
    assert(norm.columns <= branch.stride && norm.columns <= x.stride);
    normalise(recorder, norm, {.add = true}, {branch, x, 0, rows, 0});
}

void Operations::normSegments(gpu::Recorder &recorder, const Norm &norm, const Segments &segments,
                              Columns x, Columns y, uint32_t rows) const {
    normalise(recorder, norm, segments, {x, y, 0, rows, 0});
}

void Operations::normalise(gpu::Recorder &recorder, const Norm &norm, const Segments &segments,
                           const NormPlace &place) const {
    assert(norm && norm.columns > 0);
    auto distance = [&](uint32_t given) { return given ? given : norm.columns; };
    const NormGate *gate = segments.gate ? &*segments.gate : nullptr;
    const Activations &x = *place.x.rows, &y = *place.y.rows;
    params::Norm params{.x = addressOf(place.x, place.first_row),
                        .y = addressOf(place.y),
                        .weight = norm.weight ? norm.weight.address() : 0,
                        .bias = norm.bias ? norm.bias.address() : 0,
                        .gate = gate ? addressOf(gate->z) : 0,
                        .columns = norm.columns,
                        .x_stride = x.stride,
                        .y_stride = y.stride,
                        .gate_stride = gate ? gate->z.rows->stride : 0,
                        .x_segment = distance(segments.x_distance),
                        .y_segment = distance(segments.y_distance),
                        .gate_segment = gate ? distance(gate->distance) : 0,
                        .weight_segment = norm.own_weights ? norm.columns : 0,
                        .padding = place.padding,
                        .eps = norm.eps,
                        .factor = norm.factor,
                        .unused = 0};
    const bool wide = isWide({params.x, params.y, params.gate},
                             {params.columns, params.x_stride, params.y_stride, params.gate_stride,
                              params.x_segment, params.y_segment, params.gate_segment});
    const uint32_t flags = flagsOf(norm, segments) | (wide ? NORM_WIDE : 0u);
    // Heads are narrow: more invocations than quads would only wait.
    const uint32_t local =
        norm.columns <= 128 ? std::min(tiling_.shared_local, 32u) : tiling_.shared_local;
    const gpu::Pipeline &pipeline =
        norms_.find(uint64_t{local} << 32 | flags, [&]() -> const gpu::Pipeline & {
            return gpu::findPipeline(device_, kNorm, {{SPEC_FLAGS, flags}}, {.local_size = local});
        });
    const uint64_t count = uint64_t{place.rows} * segments.count * norm.columns;
    const uint64_t read = 1u + (gate ? 1u : 0u) + (segments.add ? 1u : 0u);
    recorder.dispatch(pipeline, params,
                      {&x.buffer, &y.buffer, gate ? &gate->z.rows->buffer : &x.buffer}, {&y.buffer},
                      {place.rows, segments.count},
                      {.bytes = (read + 1) * count * sizeof(float), .flops = 4 * count});
}

void Operations::multiply(gpu::Recorder &recorder, const LinearGroup &group, Columns x,
                          const Activations &y, uint32_t rows, float factor) const {
    for (const Linear &linear : group) {
        multiplyOne(recorder, linear, x, y, rows, factor);
        for (const LinearAdapter &adapter : linear.adapters) {
            multiplyOne(recorder, adapter.a, x, *adapted_, rows, 1);
            multiplyOne(recorder, adapter.b, *adapted_, y, rows, factor);
        }
    }
}

void Operations::multiplyOne(gpu::Recorder &recorder, const Linear &linear, Columns x,
                             const Activations &y, uint32_t rows, float factor) const {
    params::Matmul params{.w = linear.matrix,
                          .x = addressOf(x),
                          .y = y.address(0, linear.out_offset),
                          .bias = linear.bias ? linear.bias.address() : 0,
                          .residual = y.address(0, linear.out_offset),
                          .rows = rows,
                          .k = linear.columns(),
                          .n = linear.rows(),
                          .x_stride = x.rows->stride,
                          .y_stride = y.stride,
                          .scale = linear.scale * factor};
    uint64_t products = uint64_t{rows} * params.k * params.n;
    gpu::Cost cost{.bytes =
                       linear.layout.bytes + uint64_t{rows} * (params.k + params.n) * sizeof(float),
                   .flops = 2 * products};
    if (rows == 1)
        recorder.dispatch(*linear.matvec, params, {&x.rows->buffer, &y.buffer}, {&y.buffer},
                          {ceilDiv(params.n, tiling_.matvec_rows)}, cost);
    else
        recorder.dispatch(
            *linear.matmul, params, {&x.rows->buffer, &y.buffer}, {&y.buffer},
            {ceilDiv(params.n, tiling_.matmulColumns()), ceilDiv(rows, tiling_.matmul_rows)}, cost);
}

void Operations::multiplyHeads(gpu::Recorder &recorder, const ExpertLinear &heads,
                               const HeadParts &parts, Columns x, Columns y, uint32_t rows) const {
    assert(parts.results % 8 == 0 && parts.x_distance % 4 == 0 && x.first % 4 == 0);
    params::ExpertMatmul params{.experts = heads.table.address(),
                                .list = 0,
                                .tiles = 0,
                                .x = addressOf(x),
                                .y = addressOf(y),
                                .factor = 0,
                                .k = heads.layout.columns,
                                .n = parts.results,
                                .x_stride = x.rows->stride,
                                .y_stride = y.rows->stride,
                                .x_divisor = 1,
                                .heads = heads.experts,
                                .rows = rows,
                                .tile_rows = expertTileRows(tiling_),
                                .x_head = parts.x_distance,
                                .y_head = parts.y_distance};
    const uint64_t assignments = uint64_t{rows} * heads.experts;
    gpu::Cost cost{.bytes = heads.experts * heads.layout.bytes +
                            assignments * (params.k + params.n) * sizeof(float),
                   .flops = 2 * assignments * params.k * params.n};
    const bool matvec = rows == 1;
    gpu::Groups groups = matvec ? gpu::Groups{ceilDiv(params.n, tiling_.matvec_rows), heads.experts}
                                : gpu::Groups{heads.experts * ceilDiv(rows, params.tile_rows),
                                              ceilDiv(params.n, tiling_.matmulColumns())};
    recorder.dispatch(*(matvec ? heads.matvec : heads.matmul), params,
                      {&x.rows->buffer, &y.rows->buffer}, {&y.rows->buffer}, groups, cost);
}

void Operations::activate(gpu::Recorder &recorder, const Activation &activation, Columns gate,
                          Columns up, Columns hidden, uint32_t rows) const {
    runActivation(recorder, activation, &gate, up, hidden, rows);
}

void Operations::activate(gpu::Recorder &recorder, const Activation &activation, Columns up,
                          Columns hidden, uint32_t rows) const {
    assert(activation.kind != model::ActivationKind::oai);
    runActivation(recorder, activation, nullptr, up, hidden, rows);
}

void Operations::runActivation(gpu::Recorder &recorder, const Activation &activation,
                               const Columns *gate, Columns up, Columns hidden,
                               uint32_t rows) const {
    const uint32_t columns = activation.columns ? activation.columns : restOf(hidden);
    const Activations &gate_rows = gate ? *gate->rows : *up.rows;
    const bool segments = gate && activation.segment > 0;
    const bool whole_row = hidden.first == 0 && padded(columns) == hidden.rows->stride;
    params::Activation params{
        .gate = gate ? addressOf(*gate) : 0,
        .up = addressOf(up),
        .h = addressOf(hidden),
        .divisor = activation.divisor ? activation.divisor->address() : 0,
        .rows = rows,
        .columns = columns,
        .padded = whole_row ? hidden.rows->stride : columns,
        .gate_stride = gate_rows.stride,
        .up_stride = up.rows->stride,
        .h_stride = hidden.rows->stride,
        .segment = segments ? activation.segment : columns,
        .gate_segment = segments ? activation.gate_distance : 0,
    };
    const bool wide = isWide({params.gate, params.up, params.h},
                             {columns, params.padded, params.gate_stride, params.up_stride,
                              params.h_stride, params.segment, params.gate_segment});
    const uint32_t kind = kindOf(activation.kind);
    const uint32_t flags = (gate ? 0u : ACTIVATION_UNGATED) |
                           (activation.divisor ? ACTIVATION_DIVIDE : 0u) |
                           (segments ? ACTIVATION_SEGMENTS : 0u) | (wide ? ACTIVATION_WIDE : 0u);
    const gpu::Pipeline &pipeline =
        activations_.find(uint64_t{kind} << 32 | flags, [&]() -> const gpu::Pipeline & {
            return gpu::findPipeline(device_, kActivation,
                                     {{SPEC_FLAGS, flags}, {SPEC_TILE_A, kind}},
                                     {.local_size = tiling_.shared_local});
        });
    recorder.dispatch(
        pipeline, params, {&gate_rows.buffer, &up.rows->buffer}, {&hidden.rows->buffer},
        {ceilDiv(params.padded, 4ull * tiling_.shared_local), rows},
        {.bytes = bytesOf(rows, columns) * (gate ? 3 : 2), .flops = 4ull * rows * columns});
}

void Operations::adjust(gpu::Recorder &recorder, const Adjust &adjust, Columns x, Columns y,
                        uint32_t rows) const {
    const uint32_t columns = adjust.columns ? adjust.columns : std::min(restOf(x), restOf(y));
    const Columns *scales = adjust.scales ? &*adjust.scales : nullptr;
    params::Adjust params{.x = addressOf(x),
                          .y = addressOf(y),
                          .scales = scales ? addressOf(*scales) : 0,
                          .rows = rows,
                          .columns = columns,
                          .x_stride = x.rows->stride,
                          .y_stride = y.rows->stride,
                          .scale_stride = scales ? scales->rows->stride : 0,
                          .factor = adjust.factor,
                          .bound = adjust.bound,
                          .x_segment = adjust.x_distance,
                          .y_segment = adjust.y_distance,
                          .unused = 0};
    const bool wide = isWide({params.x, params.y}, {columns, params.x_stride, params.y_stride,
                                                    params.x_segment, params.y_segment});
    const uint64_t elements = uint64_t{rows} * adjust.segments * columns;
    const uint32_t flags = flagsOf(adjust) | (wide ? ADJUST_WIDE : 0u);
    const gpu::Pipeline &pipeline = adjusts_.find(flags, [&]() -> const gpu::Pipeline & {
        return gpu::findPipeline(device_, kAdjust, {{SPEC_FLAGS, flags}},
                                 {.local_size = tiling_.shared_local});
    });
    recorder.dispatch(
        pipeline, params,
        {&x.rows->buffer, &y.rows->buffer, scales ? &scales->rows->buffer : &x.rows->buffer},
        {&y.rows->buffer}, {ceilDiv(columns, 4ull * tiling_.shared_local), rows, adjust.segments},
        {.bytes = elements * sizeof(float) * (adjust.add ? 3 : 2), .flops = 2 * elements});
}

} // namespace longscope::engine
