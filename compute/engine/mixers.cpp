#include "compute/engine/mixers.h"

#include "compute/engine/forward.h"

#include <cassert>

namespace longscope::engine {

using model::Recurrence;

Mixers::Mixers(gpu::Device &device, const Tiling &tiling, const model::Config &config,
               const RecurrentMemory &memory)
    : config_(config), widths_(mixerWidths(config)), verbs_(device, tiling, mixerShape(config)),
      memory_(memory) {}

const RecurrentState &Mixers::stateOf(const Step &step) const {
    return memory_.of(step.layer);
}

void Mixers::mix(const Step &step, const Activations &in, const Activations &out) const {
    const Operations &op = step.pass.operations;
    const MixerScratch &scratch = step.pass.scratch.mixer;
    const MixerWeights &own = step.weights().mixer;
    const uint32_t rows = step.chunk.rows;
    const Recurrence kind = step.kind().recurrence;

    if (kind == Recurrence::rwkv6) {
        mixTimes(step, in);
    } else {
        op.multiply(step.recorder, own.inputs, in, scratch.inputs, rows);
        convolve(step);
    }
    if (kind == Recurrence::mamba1)
        scanMamba1(step);
    if (kind == Recurrence::mamba2)
        scanMamba2(step);
    if (kind == Recurrence::delta_net)
        learnDeltas(step);
    const bool only_convolved = kind == Recurrence::short_conv;
    op.multiply(step.recorder, own.output, only_convolved ? scratch.convolved : scratch.result, out,
                rows);
}

void Mixers::convolve(const Step &step) const {
    const MixerScratch &scratch = step.pass.scratch.mixer;
    const MixerWeights &own = step.weights().mixer;
    verbs_.conv(step.recorder,
                {.u = partOf(scratch.inputs, widths_.u),
                 .gate_in = partOf(scratch.inputs, widths_.gate_in),
                 .gate_out = partOf(scratch.inputs, widths_.z),
                 .weight = &own.conv,
                 .bias = own.conv_bias ? &own.conv_bias : nullptr},
                stateOf(step), partOf(scratch.convolved), step.chunk.rows);
}

void Mixers::meanLogDecay(const Step &step, const gpu::Buffer &result) const {
    const MixerScratch &scratch = step.pass.scratch.mixer;
    const MixerWeights &own = step.weights().mixer;
    DecayInputs in;
    in.bias = &own.dt_bias;
    in.a = &own.a;
    switch (step.kind().recurrence) {
    case Recurrence::mamba1:
        in.raw = partOf(scratch.dt);
        break;
    case Recurrence::mamba2:
        in.raw = partOf(scratch.inputs, widths_.rates);
        break;
    case Recurrence::delta_net:
        in.raw = partOf(scratch.inputs, widths_.alpha);
        in.gate_heads = gateHeads();
        in.gate_step = 2 * gateHeads();
        break;
    case Recurrence::rwkv6:
        in.raw = partOf(scratch.raw_decay);
        in.bias = &own.rwkv6.decay;
        in.a = nullptr;
        break;
    case Recurrence::short_conv:
    case Recurrence::none:
        assert(false); // nothing decays
        return;
    }
    verbs_.meanLogDecay(step.recorder, in, result, step.chunk.rows);
}

/// What the scan of u needs beside it is made from u.
void Mixers::scanMamba1(const Step &step) const {
    const Operations &op = step.pass.operations;
    const MixerScratch &scratch = step.pass.scratch.mixer;
    const MixerWeights &own = step.weights().mixer;
    const uint32_t rows = step.chunk.rows;
    const Activations &parts = scratch.dt_b_c;
    op.multiply(step.recorder, own.dt_b_c, scratch.convolved, parts, rows);
    for (auto [norm, column] :
         {std::pair{&own.dt_norm, 0u}, {&own.b_norm, widths_.b}, {&own.c_norm, widths_.c}})
        if (*norm)
            op.normSegments(step.recorder, *norm, {}, {parts, column}, {parts, column}, rows);
    op.multiply(step.recorder, own.dt, parts, scratch.dt, rows);
    verbs_.scan(step.recorder,
                {.u = partOf(scratch.convolved),
                 .z = partOf(scratch.inputs, widths_.z),
                 .b = partOf(parts, widths_.b),
                 .c = partOf(parts, widths_.c),
                 .dt = partOf(scratch.dt),
                 .dt_bias = &own.dt_bias,
                 .a = &own.a,
                 .d = &own.d},
                stateOf(step), partOf(scratch.result), rows);
}

void Mixers::scanMamba2(const Step &step) const {
    const MixerScratch &scratch = step.pass.scratch.mixer;
    const MixerWeights &own = step.weights().mixer;
    const RecurrentShape &shape = verbs_.shape();
    const uint32_t rows = step.chunk.rows;
    verbs_.scan(step.recorder,
                {.u = partOf(scratch.convolved),
                 .z = partOf(scratch.inputs, widths_.z),
                 .b = partOf(scratch.convolved, shape.inner()),
                 .c = partOf(scratch.convolved, shape.inner() + shape.groups * shape.keys),
                 .dt = partOf(scratch.inputs, widths_.rates),
                 .dt_bias = &own.dt_bias,
                 .a = &own.a,
                 .d = &own.d},
                stateOf(step), partOf(scratch.result), rows);
    if (own.norm)
        step.pass.operations.normSegments(step.recorder, own.norm, {.count = shape.groups},
                                          scratch.result, scratch.result, rows);
}

/// Delta net: heads whose alphas lie side by side, behind as many betas.
uint32_t Mixers::gateHeads() const {
    const RecurrentShape &shape = verbs_.shape();
    return shape.modulo_heads ? shape.heads : shape.heads / shape.groups;
}

void Mixers::learnDeltas(const Step &step) const {
    const Operations &op = step.pass.operations;
    const MixerScratch &scratch = step.pass.scratch.mixer;
    const MixerWeights &own = step.weights().mixer;
    const RecurrentShape &shape = verbs_.shape();
    const uint32_t rows = step.chunk.rows, keys = shape.groups * shape.keys;
    const Activations &qkv = scratch.convolved;
    op.normSegments(step.recorder, own.qk_norm, {.count = 2 * shape.groups}, qkv, qkv, rows);
    verbs_.delta(step.recorder,
                 {.q = partOf(qkv),
                  .k = partOf(qkv, keys),
                  .v = partOf(qkv, 2 * keys),
                  .alpha = partOf(scratch.inputs, widths_.alpha),
                  .beta = partOf(scratch.inputs, widths_.rates),
                  .gate_heads = gateHeads(),
                  .gate_step = 2 * gateHeads(),
                  .dt_bias = &own.dt_bias,
                  .a = &own.a},
                 stateOf(step), partOf(scratch.result), rows);
    op.normSegments(step.recorder, own.norm,
                    {.count = shape.heads, .gate = NormGate{.z = {scratch.inputs, widths_.z}}},
                    scratch.result, scratch.result, rows);
}

} // namespace longscope::engine
