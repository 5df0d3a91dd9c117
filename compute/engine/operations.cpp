#include "compute/engine/operations.h"

#include "compute/engine/kernels.h"

namespace longscope::engine {
namespace {

uint32_t ceilDiv(uint64_t a, uint64_t b) {
    return static_cast<uint32_t>((a + b - 1) / b);
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
                       const Weights &weights)
    : tiling_(tiling), config_(config), weights_(weights) {
    const gpu::PipelineOptions shared{.local_size = tiling.shared_local};
    embed_ = embedPipeline(device, weights.embedding.front(), tiling.shared_local);
    norm_ = &gpu::findPipeline(device, kRmsNorm, {}, shared);
    gate_ = &gpu::findPipeline(device, kGated, {}, shared);
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

void Operations::gate(gpu::Recorder &recorder, const Activations &gate_up,
                      const Activations &hidden, uint32_t rows) const {
    params::Gated params{.gate = gate_up.address(),
                         .up = gate_up.address(0, weights_.widths.layer.front().up_offset),
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
