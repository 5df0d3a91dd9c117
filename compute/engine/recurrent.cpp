#include "compute/engine/recurrent.h"

#include "compute/engine/kernels.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace longscope::engine {
namespace {

constexpr uint32_t kSubgroupLanes = 8; // of the family `lanes`

uint32_t ceilDiv(uint64_t a, uint64_t b) {
    return static_cast<uint32_t>((a + b - 1) / b);
}

uint64_t addressOf(const gpu::Buffer *buffer) {
    return buffer ? buffer->address() : 0;
}

/// Whether rows of fours of floats may be read there.
bool isAligned(std::initializer_list<RowPart> all) {
    return std::ranges::all_of(
        all, [](const RowPart &c) { return c.address % 16 == 0 && c.stride % 4 == 0; });
}

const gpu::Kernel *scanKernel(Mixer mixer) {
    switch (mixer) {
    case Mixer::mamba1:
        return &kScanMamba1;
    case Mixer::mamba2:
        return &kScanMamba2;
    case Mixer::delta_net:
        return &kDeltaNet;
    case Mixer::rwkv6:
        return &kWkv;
    case Mixer::short_conv:
        break;
    }
    return nullptr;
}

uint32_t convFlags(const RecurrentShape &shape) {
    uint32_t flags = shape.conv_bias ? CONV_BIAS : 0;
    return flags | (shape.mixer == Mixer::short_conv ? CONV_GATE_IN | CONV_GATE_OUT : CONV_SILU);
}

uint32_t scanFlags(const RecurrentShape &shape) {
    bool gated = shape.mixer == Mixer::mamba1 || shape.mixer == Mixer::mamba2;
    return (gated ? SCAN_GATE : 0) | (shape.modulo_heads ? SCAN_MODULO : 0);
}

} // namespace

RowPart partOf(const Activations &rows, uint32_t column) {
    return {&rows.buffer, rows.address(0, column), rows.stride, rows.stride - column};
}

ScanTile chooseScanTile(const Tiling &tiling, uint32_t keys) {
    // Two values an invocation where the state is long: 1.4 times as fast as one, because half as
    // much is read; four, or two of 256 keys, outgrow what the compiler keeps in registers
    // (measured on 2 cores of EPYC: tests/bench/results).
    bool two = keys >= 64 && keys <= 128;
    if (tiling.family == KernelFamily::lanes)
        return {kSubgroupLanes, 1, kSubgroupLanes, two ? 2u : 1u};
    // So many that 16 to 32 numbers of the state stay with an invocation (by reasoning: registers
    // of any device hold them, and a head fills several subgroups).
    uint32_t split = 1;
    while (split < 8 && keys / split >= 32)
        split *= 2;
    return {tiling.shared_local, split, 0};
}

Recurrent::Recurrent(gpu::Device &device, const Tiling &tiling, const RecurrentShape &shape)
    : shape_(shape), tiling_(tiling), tile_(chooseScanTile(tiling, shape.keys)) {
    checkRecurrentShape(shape);
    const gpu::PipelineOptions shared{.local_size = tiling.shared_local};
    if (shape.mixer == Mixer::rwkv6) {
        for (uint32_t flags = 0; flags < 4; ++flags)
            shift_[flags] = &gpu::findPipeline(device, kTokenShift, {{SPEC_FLAGS, flags}}, shared);
        auto mapping = [&](uint32_t function, uint32_t flags) {
            return &gpu::findPipeline(device, kRecurrentMap,
                                      {{SPEC_TILE_A, function}, {SPEC_FLAGS, flags}}, shared);
        };
        tanh_ = mapping(MAP_TANH, 0);
        decay_ = mapping(MAP_DECAY, MAP_BIAS);
        sigmoid_times_ = mapping(MAP_SIGMOID_TIMES, 0);
    } else {
        conv_ =
            &gpu::findPipeline(device, kShortConv,
                               {{SPEC_TILE_A, shape.taps}, {SPEC_FLAGS, convFlags(shape)}}, shared);
    }
    const gpu::Kernel *kernel = scanKernel(shape.mixer);
    if (!kernel)
        return;
    uint32_t decay_flags = shape.mixer == Mixer::rwkv6 ? DECAY_EXP : 0;
    decay_mean_ = &gpu::findPipeline(device, kDecayMean, {{SPEC_FLAGS, decay_flags}}, shared);
    auto scanning = [&](uint32_t more_flags) {
        return &gpu::findPipeline(device, *kernel,
                                  {{SPEC_FLAGS, scanFlags(shape) | more_flags},
                                   {SPEC_SCAN_KEYS, shape.keys},
                                   {SPEC_SCAN_SPLIT, tile_.split},
                                   {SPEC_SCAN_LANES, tile_.lanes},
                                   {SPEC_SCAN_WIDE, tile_.wide}},
                                  {.local_size = tile_.local, .subgroup_size = tile_.lanes});
    };
    scan_ = scanning(0);
    scan_aligned_ = shape.keys % 4 == 0 ? scanning(SCAN_ALIGNED) : scan_;
}

void Recurrent::conv(gpu::Recorder &recorder, const ConvInputs &in, const RecurrentState &state,
                     const RowPart &y, uint32_t rows) const {
    bool gated = shape_.mixer == Mixer::short_conv;
    assert(!gated || (in.gate_in.stride == in.u.stride && in.gate_out.stride == in.u.stride));
    assert(shape_.conv_bias == (in.bias != nullptr) && y.width >= shape_.channels);
    params::ShortConv params{.u = in.u.address,
                             .gate_in = in.gate_in.address,
                             .gate_out = in.gate_out.address,
                             .weight = in.weight->address(),
                             .bias = addressOf(in.bias),
                             .history = state.history.address(),
                             .y = y.address,
                             .rows = rows,
                             .channels = shape_.channels,
                             .columns = y.width,
                             .in_stride = in.u.stride,
                             .y_stride = y.stride,
                             .unused = 0};
    uint64_t elements = uint64_t{rows} * shape_.channels;
    recorder.dispatch(
        *conv_, params,
        {in.u.buffer, gated ? in.gate_in.buffer : in.u.buffer,
         gated ? in.gate_out.buffer : in.u.buffer, in.weight, in.bias ? in.bias : in.weight,
         &state.history},
        {y.buffer, &state.history},
        {ceilDiv(y.width, tiling_.shared_local), ceilDiv(rows, CONV_BLOCK_ROWS)},
        {.bytes = elements * (gated ? 4 : 2) * sizeof(float), .flops = elements * 2 * shape_.taps});
}

gpu::Groups Recurrent::scanGroups(const RowPart &y) const {
    assert(y.width >= shape_.inner());
    return {ceilDiv(shape_.head_dim + y.width - shape_.inner(), tile_.values()), shape_.heads};
}

/// The state is read and written once, whatever the rows.
gpu::Cost Recurrent::scanCost(uint32_t rows, uint64_t inputs) const {
    return {.bytes = (2 * shape_.stateFloats() + rows * (inputs + shape_.inner())) * sizeof(float),
            .flops = rows * shape_.stateFloats() * shape_.stateFlops()};
}

void Recurrent::scan(gpu::Recorder &recorder, const MambaInputs &in, const RecurrentState &state,
                     const RowPart &y, uint32_t rows) const {
    assert(shape_.mixer == Mixer::mamba1 || shape_.mixer == Mixer::mamba2);
    assert(in.b.stride == in.c.stride);
    params::ScanMamba params{.u = in.u.address,
                             .b = in.b.address,
                             .c = in.c.address,
                             .dt = in.dt.address,
                             .z = in.z.address,
                             .dt_bias = in.dt_bias->address(),
                             .a = in.a->address(),
                             .d = in.d->address(),
                             .state = state.state.address(),
                             .y = y.address,
                             .rows = rows,
                             .heads = shape_.heads,
                             .groups = shape_.groups,
                             .head_dim = shape_.head_dim,
                             .columns = y.width,
                             .u_stride = in.u.stride,
                             .bc_stride = in.b.stride,
                             .dt_stride = in.dt.stride,
                             .z_stride = in.z.stride,
                             .y_stride = y.stride};
    bool first = shape_.mixer == Mixer::mamba1;
    uint64_t inputs = 2ull * shape_.inner() + 2ull * shape_.groups * shape_.keys +
                      (first ? shape_.inner() : shape_.heads);
    recorder.dispatch(isAligned({in.b, in.c}) ? *scan_aligned_ : *scan_, params,
                      {in.u.buffer, in.b.buffer, in.c.buffer, in.dt.buffer, in.z.buffer, in.dt_bias,
                       in.a, in.d, &state.state},
                      {y.buffer, &state.state}, scanGroups(y),
                      scanCost(rows, inputs));
}

void Recurrent::delta(gpu::Recorder &recorder, const DeltaInputs &in, const RecurrentState &state,
                      const RowPart &y, uint32_t rows) const {
    assert(shape_.mixer == Mixer::delta_net && in.alpha.stride == in.beta.stride);
    assert(in.q.stride == in.k.stride && in.k.stride == in.v.stride);
    params::DeltaNet params{.q = in.q.address,
                            .k = in.k.address,
                            .v = in.v.address,
                            .alpha = in.alpha.address,
                            .beta = in.beta.address,
                            .dt_bias = in.dt_bias->address(),
                            .a = in.a->address(),
                            .state = state.state.address(),
                            .y = y.address,
                            .rows = rows,
                            .heads = shape_.heads,
                            .key_heads = shape_.groups,
                            .head_dim = shape_.head_dim,
                            .columns = y.width,
                            .qkv_stride = in.q.stride,
                            .gate_stride = in.alpha.stride,
                            .gate_heads = in.gate_heads,
                            .gate_step = in.gate_step,
                            .y_stride = y.stride,
                            .scale = 1 / std::sqrt(static_cast<float>(shape_.keys)),
                            .unused = 0};
    uint64_t inputs = shape_.inner() + 2ull * shape_.groups * shape_.keys + 2ull * shape_.heads;
    recorder.dispatch(isAligned({in.q, in.k}) ? *scan_aligned_ : *scan_, params,
                      {in.q.buffer, in.k.buffer, in.v.buffer, in.alpha.buffer, in.beta.buffer,
                       in.dt_bias, in.a, &state.state},
                      {y.buffer, &state.state}, scanGroups(y), scanCost(rows, inputs));
}

void Recurrent::wkv(gpu::Recorder &recorder, const WkvInputs &in, const RecurrentState &state,
                    const RowPart &y, uint32_t rows) const {
    assert(shape_.mixer == Mixer::rwkv6 && shape_.head_dim == shape_.keys);
    assert(in.r.stride == in.k.stride && in.k.stride == in.v.stride);
    params::Wkv params{.r = in.r.address,
                       .k = in.k.address,
                       .v = in.v.address,
                       .w = in.w.address,
                       .bonus = in.bonus->address(),
                       .state = state.state.address(),
                       .y = y.address,
                       .rows = rows,
                       .heads = shape_.heads,
                       .columns = y.width,
                       .in_stride = in.r.stride,
                       .w_stride = in.w.stride,
                       .y_stride = y.stride};
    recorder.dispatch(isAligned({in.r, in.k, in.w}) ? *scan_aligned_ : *scan_, params,
                      {in.r.buffer, in.k.buffer, in.v.buffer, in.w.buffer, in.bonus, &state.state},
                      {y.buffer, &state.state}, scanGroups(y),
                      scanCost(rows, 4ull * shape_.inner()));
}

void Recurrent::shift(gpu::Recorder &recorder, const ShiftInputs &in, const RecurrentState &state,
                      const RowPart &y, uint32_t rows) const {
    assert(y.width / in.mixes >= shape_.channels);
    uint64_t previous = static_cast<uint64_t>(in.of) * shape_.channels * sizeof(float);
    uint32_t flags = (in.add.buffer ? SHIFT_ADD : 0) | (in.keep ? SHIFT_KEEP : 0);
    params::TokenShift params{.x = in.x.address,
                              .lerp = in.lerp->address(),
                              .add = in.add.address,
                              .previous = state.history.address() + previous,
                              .y = y.address,
                              .rows = rows,
                              .channels = shape_.channels,
                              .columns = y.width / in.mixes,
                              .mixes = in.mixes,
                              .x_stride = in.x.stride,
                              .add_stride = in.add.stride,
                              .y_stride = y.stride,
                              .unused = 0};
    uint64_t elements = uint64_t{rows} * shape_.channels;
    recorder.dispatch(
        *shift_[flags], params,
        {in.x.buffer, in.lerp, in.add.buffer ? in.add.buffer : in.x.buffer, &state.history},
        {y.buffer, &state.history}, {ceilDiv(params.columns, tiling_.shared_local), rows},
        {.bytes = elements * (1 + in.mixes * (in.add.buffer ? 2 : 1)) * sizeof(float),
         .flops = elements * (1 + 2 * in.mixes)});
}

void Recurrent::map(gpu::Recorder &recorder, const gpu::Pipeline &pipeline, const RowPart &x,
                    const gpu::Buffer *bias, const RowPart &y, uint32_t columns,
                    uint32_t rows) const {
    params::RecurrentMap params{.x = x.address,
                                .bias = addressOf(bias),
                                .y = y.address,
                                .rows = rows,
                                .columns = columns,
                                .x_stride = x.stride,
                                .y_stride = y.stride};
    uint64_t elements = uint64_t{rows} * columns;
    recorder.dispatch(pipeline, params, {x.buffer, y.buffer, bias ? bias : x.buffer}, {y.buffer},
                      {ceilDiv(columns, tiling_.shared_local), rows},
                      {.bytes = elements * 2 * sizeof(float), .flops = elements * 4});
}

void Recurrent::tanh(gpu::Recorder &recorder, const RowPart &x, const RowPart &y,
                     uint32_t rows) const {
    map(recorder, *tanh_, x, nullptr, y, y.width, rows);
}

void Recurrent::decay(gpu::Recorder &recorder, const RowPart &x, const gpu::Buffer &bias,
                      const RowPart &y, uint32_t rows) const {
    map(recorder, *decay_, x, &bias, y, shape_.inner(), rows);
}

void Recurrent::sigmoidTimes(gpu::Recorder &recorder, const RowPart &x, const RowPart &y,
                             uint32_t rows) const {
    map(recorder, *sigmoid_times_, x, nullptr, y, y.width, rows);
}

void Recurrent::meanLogDecay(gpu::Recorder &recorder, const DecayInputs &in,
                             const gpu::Buffer &result, uint32_t rows) const {
    const uint32_t heads = shape_.decays();
    params::DecayMean params{.raw = in.raw.address,
                             .bias = in.bias->address(),
                             .a = addressOf(in.a),
                             .result = result.address(),
                             .rows = rows,
                             .heads = heads,
                             .keys = shape_.mixer == Mixer::mamba1 ? shape_.keys : 1,
                             .stride = in.raw.stride,
                             .gate_heads = in.gate_heads,
                             .gate_step = in.gate_step};
    uint64_t elements = uint64_t{rows} * heads;
    recorder.dispatch(*decay_mean_, params, {in.raw.buffer, in.bias, in.a ? in.a : in.bias},
                      {&result}, {ceilDiv(heads, tiling_.shared_local)},
                      {.bytes = elements * sizeof(float), .flops = 8 * elements});
}

} // namespace longscope::engine
