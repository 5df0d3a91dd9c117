// The verbs of delta nets and of RWKV-6 as the forward pass will call them, in every family; what
// the matmuls between them would make is random here.
#include "compute/engine/recurrent.h"
#include "compute/reference/recurrent.h"
#include "tests/support/recurrent_check.h"

namespace longscope::test {
namespace {

using engine::Activations;
using engine::partOf;
using engine::Recurrent;
using engine::RecurrentShape;
using engine::RecurrentState;
using engine::RowPart;

constexpr uint32_t kRows = 6;

/// Calls check(tiling, name) for every family that the device can run.
template <class Check> void inEveryFamily(Check check) {
    const gpu::DeviceFacts &facts = gpu::testDevice().facts();
    check(engine::chooseTiling(facts, engine::KernelFamily::subgroup), "subgroup");
    if (facts.subgroup_size == 8)
        check(engine::chooseTiling(facts, engine::KernelFamily::lanes), "lanes");
}

Activations rowsOf(const std::vector<float> &values) {
    return {upload(values), static_cast<uint32_t>(values.size() / kRows)};
}

Activations poisonedRows(uint32_t stride) {
    return {poisoned(uint64_t{kRows} * stride), stride};
}

std::vector<float> read(const Activations &rows) {
    return download<float>(rows.buffer, uint64_t{kRows} * rows.stride);
}

/// RowPart first .. first + count of wide rows, dense.
std::vector<float> part(const std::vector<float> &wide, uint32_t first, uint32_t count) {
    size_t stride = wide.size() / kRows;
    std::vector<float> dense;
    for (size_t at = first; at < wide.size(); at += stride)
        dense.insert(dense.end(), &wide[at], &wide[at] + count);
    return dense;
}

void expectNear(const std::vector<float> &got, const std::vector<float> &wanted,
                const std::string &what) {
    double most = largest(wanted); // sums of a few dozen products, rounded to 24 bits
    expectClose(
        got, wanted, [&](size_t) { return 4e-6 * most; }, what);
}

} // namespace

// qwen3next: two value heads for each key head, gates [beta 2 | alpha 2] of each key head.
TEST(RecurrentVerbs, DeltaNetWithGatesOfKeyHeads) {
    constexpr uint32_t kGroups = 2, kHeads = 4, kKeys = 16, kQk = kGroups * kKeys;
    constexpr uint32_t kInner = kHeads * kKeys, kGates = 2 * kHeads;
    RecurrentShape shape;
    shape.mixer = engine::Mixer::delta_net;
    shape.channels = 2 * kQk + kInner;
    shape.taps = 4;
    shape.heads = kHeads;
    shape.groups = kGroups;
    shape.head_dim = shape.keys = kKeys;
    Random random(8);
    auto qkv = random.normals(kRows * shape.channels), ba = random.normals(kRows * kGates);
    for (float &value : qkv)
        value *= 0.25f; // keys of length near 1
    auto dt_bias = random.normals(kHeads);
    std::vector<float> a = {-0.1f, -1, -2, -0.5f};

    std::vector<float> alpha, beta; // [rows, heads]
    for (uint32_t at = 0; at < kRows * kGates; at += 4) {
        beta.insert(beta.end(), {ba[at], ba[at + 1]});
        alpha.insert(alpha.end(), {ba[at + 2], ba[at + 3]});
    }
    auto q = part(qkv, 0, kQk), k = part(qkv, kQk, kQk), v = part(qkv, 2 * kQk, kInner);
    std::vector<float> twin_state(shape.stateFloats());
    auto twin = reference::deltaNet(
        {q, k, v, alpha, beta, dt_bias, a, kRows, kHeads, kGroups, kKeys, kKeys, false, 0.25f},
        twin_state);
    auto twin_means = reference::meanLogDecay(alpha, dt_bias, a);

    inEveryFamily([&](const engine::Tiling &tiling, const std::string &family) {
        Recurrent verbs(gpu::testDevice(), tiling, shape);
        RecurrentState state = engine::makeRecurrentState(gpu::testDevice(), shape);
        Activations in = rowsOf(qkv), gates = rowsOf(ba), y = poisonedRows(kInner);
        gpu::Buffer biases = upload(dt_bias), as = upload(a), means = poisoned(kHeads);
        engine::DeltaInputs inputs;
        inputs.q = partOf(in);
        inputs.k = partOf(in, kQk);
        inputs.v = partOf(in, 2 * kQk);
        inputs.beta = partOf(gates);
        inputs.alpha = partOf(gates, 2);
        inputs.gate_heads = 2;
        inputs.gate_step = 4;
        inputs.dt_bias = &biases;
        inputs.a = &as;
        gpu::Recorder recorder(gpu::testDevice());
        verbs.delta(recorder, inputs, state, partOf(y), kRows);
        verbs.meanLogDecay(recorder, {partOf(gates, 2), 2, 4, &biases, &as}, means, kRows);
        recorder.run();
        expectNear(read(y), twin, family);
        expectNear(download<float>(state.state, twin_state.size()), twin_state, family + " state");
        expectNear(download<float>(means, kHeads), twin_means, family + " means");
    });
}

// The time mix of RWKV-6: shift, tanh, shift with what the low-rank matmuls add, decay, recurrence;
// then the channel mix, which has a history of its own.
TEST(RecurrentVerbs, TimeMixAndChannelMix) {
    constexpr uint32_t kHeads = 4, kKeys = 16, kDim = kHeads * kKeys, kMixes = 5;
    RecurrentShape shape;
    shape.mixer = engine::Mixer::rwkv6;
    shape.channels = kDim;
    shape.heads = kHeads;
    shape.head_dim = shape.keys = kKeys;
    Random random(9);
    auto x = random.normals(kRows * kDim), lerp = random.normals(kMixes * kDim);
    auto add = random.normals(kRows * kMixes * kDim), raw = random.normals(kRows * kDim);
    auto bias = random.normals(kDim), bonus = random.normals(kDim);
    auto channel_x = random.normals(kRows * kDim);

    std::vector<float> previous(kDim), previous_channel(kDim), twin_state(shape.stateFloats());
    auto mixed = reference::tokenShift(x, lerp, add, previous, true);
    auto channel_mixed =
        reference::tokenShift(channel_x, std::span(lerp).first(kDim), {}, previous_channel, true);
    using Function = reference::RecurrentFunction;
    std::vector<float> decays(raw.size()), squashed(raw.size()), gated(raw.size());
    for (size_t i = 0; i < raw.size(); ++i) {
        decays[i] = reference::recurrentMap(Function::decay, raw[i] + bias[i % kDim], 0);
        squashed[i] = reference::recurrentMap(Function::tanh, raw[i], 0);
    }
    auto k = part(mixed, kDim, kDim), v = part(mixed, 2 * kDim, kDim);
    auto r = part(mixed, 3 * kDim, kDim);
    auto twin = reference::wkv({r, k, v, decays, bonus, kRows, kHeads, kKeys}, twin_state);
    for (size_t i = 0; i < raw.size(); ++i)
        gated[i] = reference::recurrentMap(Function::sigmoid_times, raw[i], twin[i]);

    inEveryFamily([&](const engine::Tiling &tiling, const std::string &family) {
        Recurrent verbs(gpu::testDevice(), tiling, shape);
        RecurrentState state = engine::makeRecurrentState(gpu::testDevice(), shape);
        Activations in = rowsOf(x), in_channel = rowsOf(channel_x), adds = rowsOf(add);
        Activations raws = rowsOf(raw), mixes = poisonedRows(kMixes * kDim), y = poisonedRows(kDim);
        Activations w = poisonedRows(kDim), z = poisonedRows(kDim), channel = poisonedRows(kDim);
        gpu::Buffer lerps = upload(lerp), biases = upload(bias), bonuses = upload(bonus);

        gpu::Recorder recorder(gpu::testDevice());
        verbs.tanh(recorder, partOf(raws), partOf(z), kRows);
        engine::ShiftInputs shift;
        shift.x = partOf(in);
        shift.lerp = &lerps;
        shift.add = partOf(adds);
        shift.mixes = kMixes;
        shift.keep = true;
        verbs.shift(recorder, shift, state, partOf(mixes), kRows);
        verbs.decay(recorder, partOf(raws), biases, partOf(w), kRows);
        engine::WkvInputs inputs;
        inputs.k = partOf(mixes, kDim);
        inputs.v = partOf(mixes, 2 * kDim);
        inputs.r = partOf(mixes, 3 * kDim);
        inputs.w = partOf(w);
        inputs.bonus = &bonuses;
        verbs.wkv(recorder, inputs, state, partOf(y), kRows);
        verbs.sigmoidTimes(recorder, partOf(raws), partOf(y), kRows);
        shift.x = partOf(in_channel);
        shift.add = {};
        shift.mixes = 1;
        shift.of = engine::ShiftOf::channel_mix;
        verbs.shift(recorder, shift, state, partOf(channel), kRows);
        recorder.run();

        expectNear(read(mixes), mixed, family + " mixes");
        expectNear(read(z), squashed, family + " tanh");
        expectNear(read(w), decays, family + " decays");
        expectNear(read(y), gated, family + " result");
        expectNear(read(channel), channel_mixed, family + " channel mix");
        expectNear(download<float>(state.state, twin_state.size()), twin_state, family + " state");
        auto history = previous;
        history.insert(history.end(), previous_channel.begin(), previous_channel.end());
        EXPECT_EQ(download<float>(state.history, history.size()), history) << family;
    });
}

} // namespace longscope::test
