// The layers of RWKV-6 (Peng 2024, arXiv 2404.05892): two branches that both look at the row
// before.
#include "compute/engine/forward.h"
#include "compute/engine/mixers.h"

namespace longscope::engine {
namespace {

enum Mix : uint32_t { kW, kK, kV, kR, kG, kMixes }; // as the file orders them

/// The columns of one part of rows of equal parts.
RowPart partAt(const Activations &rows, uint32_t part, uint32_t columns) {
    RowPart found = partOf(rows, part * columns);
    found.width = columns;
    return found;
}

} // namespace

/// Five mixes of each row with the one before, by shares that depend on the row.
void Mixers::mixTimes(const Step &step, const Activations &in) const {
    const Operations &op = step.pass.operations;
    const MixerScratch &scratch = step.pass.scratch.mixer;
    const Rwkv6Weights &own = step.weights().mixer.rwkv6;
    gpu::Recorder &recorder = step.recorder;
    const uint32_t rows = step.chunk.rows;
    verbs_.shift(recorder, {.x = partOf(in), .add = {}, .lerp = &own.lerp_x}, stateOf(step),
                 partOf(scratch.shifted), rows);
    op.multiply(recorder, own.mix_down, scratch.shifted, scratch.low, rows);
    verbs_.tanh(recorder, partOf(scratch.low), partOf(scratch.low), rows);
    for (uint32_t mix = 0; mix < kMixes; ++mix)
        op.multiply(recorder, own.mix_up[mix], {scratch.low, mix * widths_.mix_rank},
                    scratch.shares, rows);
    verbs_.shift(recorder,
                 {.x = partOf(in),
                  .add = partOf(scratch.shares),
                  .lerp = &own.lerps,
                  .mixes = kMixes,
                  .keep = true},
                 stateOf(step), partOf(scratch.mixes), rows);
    decay(step);
    project(step);
}

void Mixers::decay(const Step &step) const {
    const Operations &op = step.pass.operations;
    const MixerScratch &scratch = step.pass.scratch.mixer;
    const Rwkv6Weights &own = step.weights().mixer.rwkv6;
    const uint32_t rows = step.chunk.rows;
    op.multiply(step.recorder, own.decay_down, {scratch.mixes, kW * scratch.shifted.stride},
                scratch.decay_low, rows);
    verbs_.tanh(step.recorder, partOf(scratch.decay_low), partOf(scratch.decay_low), rows);
    op.multiply(step.recorder, own.decay_up, scratch.decay_low, scratch.raw_decay, rows);
    verbs_.decay(step.recorder, partOf(scratch.raw_decay), own.decay, partOf(scratch.decay), rows);
}

void Mixers::project(const Step &step) const {
    const Operations &op = step.pass.operations;
    const MixerScratch &scratch = step.pass.scratch.mixer;
    const Rwkv6Weights &own = step.weights().mixer.rwkv6;
    const uint32_t rows = step.chunk.rows, dim = scratch.shifted.stride;
    for (auto [linear, mix] :
         {std::pair{&own.receptance, kR}, {&own.key, kK}, {&own.value, kV}, {&own.gate, kG}})
        op.multiply(step.recorder, *linear, {scratch.mixes, mix * dim}, scratch.projected, rows);
    const Activations &result = scratch.result;
    verbs_.wkv(step.recorder,
               {.r = partAt(scratch.projected, 0, dim),
                .k = partAt(scratch.projected, 1, dim),
                .v = partAt(scratch.projected, 2, dim),
                .w = partOf(scratch.decay),
                .bonus = &own.bonus},
               stateOf(step), partOf(result), rows);
    op.normSegments(
        step.recorder, own.norm,
        {.count = verbs_.shape().heads, .gate = NormGate{.z = {scratch.projected, 3 * dim}}},
        result, result, rows);
}

void Mixers::mixChannels(const Step &step, const Activations &in, const Activations &out) const {
    const Operations &op = step.pass.operations;
    const MixerScratch &scratch = step.pass.scratch.mixer;
    const Rwkv6Weights &own = step.weights().mixer.rwkv6;
    gpu::Recorder &recorder = step.recorder;
    const uint32_t rows = step.chunk.rows, dim = scratch.shifted.stride;
    RowPart mixes = partOf(scratch.mixes); // k and r
    mixes.width = 2 * dim;
    verbs_.shift(recorder,
                 {.x = partOf(in),
                  .add = {},
                  .lerp = &own.channel_lerps,
                  .mixes = 2,
                  .of = ShiftOf::channel_mix,
                  .keep = true},
                 stateOf(step), mixes, rows);
    op.multiply(recorder, own.channel_key, scratch.mixes, scratch.hidden, rows);
    op.activate(
        recorder,
        {.kind = model::ActivationKind::relu_squared, .columns = config_.recurrent.channel_dim},
        scratch.hidden, scratch.hidden, rows);
    const Activations &value = scratch.projected; // value | receptance
    op.multiply(recorder, own.channel_value, scratch.hidden, value, rows);
    op.multiply(recorder, own.channel_receptance, {scratch.mixes, dim}, value, rows);
    op.activate(recorder, {.kind = model::ActivationKind::sigmoid, .columns = config_.model_dim},
                {value, dim}, value, value, rows);
    op.adjust(recorder, {.columns = config_.model_dim, .add = true}, value, out, rows);
    const uint32_t every = config_.recurrent.rescale_every;
    if (every > 0 && (step.layer + 1) % every == 0)
        op.adjust(recorder, {.factor = 0.5f}, out, out, rows);
}

} // namespace longscope::engine
