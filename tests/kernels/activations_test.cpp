// Activations, gates and adjustments of rows, and the factor of a product, through the engine's
// verbs, against their scalar twins.
#include "compute/reference/blocks.h"
#include "tests/support/rows_check.h"

#include <array>
#include <format>

namespace longscope::test {
namespace {

using model::ActivationKind;

struct NamedKind {
    ActivationKind kind;
    const char *name;
};
constexpr std::array<NamedKind, 6> kKinds{{{ActivationKind::silu, "silu"},
                                           {ActivationKind::gelu, "gelu"},
                                           {ActivationKind::relu_squared, "relu squared"},
                                           {ActivationKind::sigmoid, "sigmoid"},
                                           {ActivationKind::tanh, "tanh"},
                                           {ActivationKind::oai, "oai"}}};

/// Normal values, some of them far into both tails.
std::vector<float> wideRange(Random &random, size_t count) {
    std::vector<float> values = random.normals(count);
    for (size_t i = 0; i < count; i += 7)
        values[i] *= 100;
    return values;
}

/// exp is exact to 3 + 2|x| units in the last place (Vulkan, precision of GLSL.std.450), and no
/// activation takes more of it than |x| = 80 of the argument; tanh has an absolute error.
auto allowed(const std::vector<float> &wanted, const std::vector<float> &argument,
             const std::vector<float> &factor) {
    return [&](size_t i) {
        double x = std::min(2 * std::abs(static_cast<double>(argument[i])), 80.0);
        double scale = std::abs(static_cast<double>(factor[i])) + 1;
        return (1e-6 + 2.4e-7 * x) * std::abs(static_cast<double>(wanted[i])) + 5e-7 * scale;
    };
}

/// Gate and up in one row, as a joined matrix writes them.
void checkJoined(const NamedKind &named, uint32_t local, uint32_t rows, uint32_t columns) {
    Random random(columns);
    std::vector<float> gate = wideRange(random, size_t{rows} * columns);
    std::vector<float> up = random.normals(size_t{rows} * columns), both;
    uint32_t up_at = engine::padded(columns);
    for (uint32_t i = 0; i < rows; ++i) {
        both.insert(both.end(), &gate[i * columns], &gate[i * columns] + columns);
        both.insert(both.end(), up_at - columns, std::nanf(""));
        both.insert(both.end(), &up[i * columns], &up[i * columns] + columns);
    }
    engine::Activations in = placed(both, rows, 2 * up_at), out = unwritten(rows, up_at);
    run(local, [&](auto &op, auto &recorder) {
        op.activate(recorder, {.kind = named.kind, .columns = columns}, in, {in, up_at}, out, rows);
    });
    std::vector<float> wanted = reference::activate(named.kind, gate, up);
    std::string text =
        std::format("{} local {} rows {} columns {}", named.name, local, rows, columns);
    expectClose(taken(out, rows, columns), wanted, allowed(wanted, gate, up), text);
    expectOutside(out, rows, 0, columns, isZero, text);
}

/// Without a gate, in place, from a column on; divided or not.
void checkUngated(const NamedKind &named, uint32_t local, uint32_t columns, bool divide) {
    constexpr uint32_t kRowCount = 3;
    const uint32_t first = divide ? 0 : 33;
    Random random(columns);
    std::vector<float> x = wideRange(random, kRowCount * columns),
                       divisor = random.normals(columns);
    for (float &value : divisor)
        value = 0.5f + std::abs(value);
    gpu::Buffer divisor_buffer = upload(divisor);
    engine::Activations rows = placed(x, kRowCount, engine::padded(columns) + 64, first);
    engine::Activation activation{.kind = named.kind, .columns = columns};
    if (divide)
        activation.divisor = &divisor_buffer;
    run(local, [&](auto &op, auto &recorder) {
        engine::Columns part(rows, first);
        op.activate(recorder, activation, part, part, kRowCount);
    });
    std::vector<float> wanted = reference::activate(named.kind, x);
    for (size_t i = 0; divide && i < wanted.size(); ++i)
        wanted[i] /= divisor[i % columns];
    std::string text = std::format("{} without gate, local {} columns {} divided {}", named.name,
                                   local, columns, divide);
    std::vector<float> one(x.size(), 1.0f);
    expectClose(taken(rows, kRowCount, columns, first), wanted, allowed(wanted, x, one), text);
    expectOutside(rows, kRowCount, first, columns, isKept, text);
}

/// attended *= sigmoid(gate) in place, with [q | gate] of each head in one row (qwen3next).
void checkGatedHeads(uint32_t local, uint32_t heads, uint32_t head_dim) {
    constexpr uint32_t kRowCount = 3;
    Random random(head_dim);
    const uint32_t columns = heads * head_dim;
    std::vector<float> attended = random.normals(kRowCount * columns);
    std::vector<float> gate = random.normals(kRowCount * columns), q_gate;
    for (size_t i = 0; i < gate.size(); i += head_dim) {
        q_gate.insert(q_gate.end(), head_dim, std::nanf(""));
        q_gate.insert(q_gate.end(), &gate[i], &gate[i] + head_dim);
    }
    engine::Activations from = placed(q_gate, kRowCount, engine::padded(2 * columns));
    engine::Activations rows = placed(attended, kRowCount, engine::padded(columns));
    engine::Activation activation{.kind = ActivationKind::sigmoid,
                                  .columns = columns,
                                  .segment = head_dim,
                                  .gate_distance = 2 * head_dim};
    run(local, [&](auto &op, auto &recorder) {
        op.activate(recorder, activation, {from, head_dim}, rows, rows, kRowCount);
    });
    std::vector<float> wanted = reference::activate(ActivationKind::sigmoid, gate, attended);
    std::string text = std::format("gated heads, local {}: {} of {}", local, heads, head_dim);
    expectClose(taken(rows, kRowCount, columns), wanted, allowed(wanted, gate, attended), text);
    expectOutside(rows, kRowCount, 0, columns, isZero, text);
}

struct AdjustCase {
    uint32_t local = 8, columns = 64, first = 0;
    engine::Adjust::Bound bound = engine::Adjust::Bound::none;
    bool scales = false, sigmoid = false, add = false, in_place = false;
    std::string text() const {
        return std::format("adjust local {} columns {} from {} bound {} scales {} sigmoid {} add "
                           "{} in place {}",
                           local, columns, first, int(bound), scales, sigmoid, add, in_place);
    }
};

void checkAdjust(const AdjustCase &at) {
    using Bound = engine::Adjust::Bound;
    constexpr uint32_t kRowCount = 5;
    Random random(at.columns);
    std::vector<float> x = wideRange(random, kRowCount * at.columns), s = random.normals(kRowCount);
    std::vector<float> y = at.in_place ? x : random.normals(kRowCount * at.columns);
    const uint32_t stride = engine::padded(at.first + at.columns);
    engine::Activations from = placed(x, kRowCount, stride, at.first);
    engine::Activations other = placed(y, kRowCount, engine::padded(at.columns));
    engine::Activations scales = placed(s, kRowCount, 7, 3);
    engine::Adjust how{.columns = at.columns,
                       .factor = 0.75f,
                       .kind = at.bound,
                       .bound = 1.5f,
                       .sigmoid = at.sigmoid,
                       .add = at.add};
    if (at.scales)
        how.scales = engine::Columns(scales, 3);
    engine::Columns in(from, at.first), out = at.in_place ? in : engine::Columns(other);
    run(at.local, [&](auto &op, auto &recorder) { op.adjust(recorder, how, in, out, kRowCount); });
    std::vector<float> wanted = reference::adjust(
        x, at.columns,
        {.factor = 0.75f,
         .clamp = at.bound == Bound::clamp ? 1.5f : 0,
         .cap = at.bound == Bound::cap ? 1.5f : 0,
         .scales = at.scales ? std::span<const float>(s) : std::span<const float>(),
         .sigmoid = at.sigmoid});
    if (at.add)
        wanted = reference::sum(y, wanted);
    const engine::Activations &rows = at.in_place ? from : other;
    const uint32_t first = at.in_place ? at.first : 0;
    expectClose(taken(rows, kRowCount, at.columns, first), wanted, near(wanted, 2e-6), at.text());
    expectOutside(rows, kRowCount, first, at.columns, isKept, at.text());
}

} // namespace

TEST(ActivationKernel, GateAndUpInOneRow) {
    for (const NamedKind &named : kKinds)
        for (uint32_t columns : kWidths)
            checkJoined(named, 8, 3, columns);
    for (uint32_t local : kLocals)
        for (uint32_t rows : {1u, 33u})
            for (uint32_t columns : {37u, 1536u})
                checkJoined(kKinds[0], local, rows, columns);
}

TEST(ActivationKernel, WithoutGateInPlace) {
    for (const NamedKind &named : kKinds)
        for (uint32_t columns : {1u, 20u, 37u, 576u})
            for (bool divide : {false, true})
                if (named.kind != ActivationKind::oai)
                    checkUngated(named, columns == 37 ? 64 : 8, columns, divide);
}

TEST(ActivationKernel, GatedHeads) {
    for (uint32_t local : kLocals)
        for (uint32_t head_dim : {1u, 3u, 20u, 37u, 64u, 128u})
            checkGatedHeads(local, 3, head_dim);
}

TEST(ActivationKernel, ExtremeValues) {
    const std::vector<float> x = {0,     -0.0f,  1e-30f, -1e-30f, 30,    -30,    79.9f, -79.9f,
                                  80.1f, -80.1f, 1e5f,   -1e5f,   1e12f, -1e12f, 3e37f, -3e37f};
    const auto columns = static_cast<uint32_t>(x.size());
    std::vector<float> one(columns, 1.0f), half(columns, 0.5f);
    for (const NamedKind &named : kKinds) {
        engine::Activations gate = placed(x, 1, 32), up = placed(half, 1, 32), h = unwritten(1, 32);
        run(8, [&](auto &op, auto &recorder) {
            op.activate(recorder, {.kind = named.kind, .columns = columns}, gate, up, h, 1);
        });
        std::vector<float> wanted = reference::activate(named.kind, x, half);
        std::vector<float> got = taken(h, 1, columns);
        for (uint32_t i = 0; i < columns; ++i)
            if (std::isinf(wanted[i])) { // the square of 1e37
                EXPECT_EQ(std::exchange(got[i], 0.0f), std::exchange(wanted[i], 0.0f));
            }
        expectClose(got, wanted, allowed(wanted, x, one), named.name);
    }
}

TEST(AdjustKernel, EveryUse) {
    using Bound = engine::Adjust::Bound;
    for (uint32_t local : kLocals)
        for (uint32_t columns : kWidths)
            for (uint32_t first : {0u, 3u, 32u}) {
                const AdjustCase plain{.local = local, .columns = columns, .first = first};
                auto check = [&](auto change) {
                    AdjustCase at = plain;
                    change(at);
                    checkAdjust(at);
                };
                check([](AdjustCase &at) { at.scales = at.in_place = true; }); // temperature
                check([](AdjustCase &at) {                                     // clamped q, k, v
                    at.bound = Bound::clamp;
                    at.in_place = true;
                });
                check([](AdjustCase &at) { // logits
                    at.bound = Bound::cap;
                    at.in_place = at.first != 32;
                });
                check([](AdjustCase &at) { at.scales = at.sigmoid = at.add = true; }); // expert
                check([](AdjustCase &at) { at.add = true; });
                check([](AdjustCase &at) { at.in_place = true; }); // rescaled residual
            }
}

TEST(AdjustKernel, CapOfExtremeValues) {
    const std::vector<float> x = {0, 1e-20f, 29, -29, 1e3f, -1e3f, 1e30f, -1e30f};
    engine::Activations rows = placed(x, 1, 32);
    engine::Adjust how{.columns = 8, .kind = engine::Adjust::Bound::cap, .bound = 30};
    run(8, [&](auto &op, auto &recorder) { op.adjust(recorder, how, rows, rows, 1); });
    std::vector<float> wanted = reference::adjust(x, 8, {.cap = 30});
    expectClose(
        taken(rows, 1, 8), wanted, [](size_t) { return 1e-5; }, "cap 30");
}

TEST(Multiply, TakesAFactor) {
    Random random(9);
    gpu::Device &device = gpu::testDevice();
    engine::Tiling tiling =
        engine::chooseTiling(device.facts(), engine::chooseFamily(device.facts(), "auto"));
    RandomTensor weight = randomTensor(model::QuantType::q8_0, 64, 96, random);
    engine::LinearGroup group =
        engine::makeLinears(device, tiling, {{.weight = &weight.tensor}}, false);
    for (uint32_t rows : {1u, 3u}) {
        engine::Activations x = placed(random.normals(rows * 96), rows, 96);
        engine::Activations plain = unwritten(rows, 64), scaled = unwritten(rows, 64);
        engine::Operations op(device, tiling);
        gpu::Recorder recorder(device);
        op.multiply(recorder, group, x, plain, rows);
        op.multiply(recorder, group, x, scaled, rows, 0.25f);
        recorder.run();
        std::vector<float> wanted = taken(plain, rows, 64);
        for (float &value : wanted)
            value *= 0.25f; // a power of two: no rounding
        EXPECT_EQ(taken(scaled, rows, 64), wanted) << rows << " rows";
    }
}

} // namespace longscope::test
