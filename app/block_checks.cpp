#include "app/block_checks.h"

#include "compute/engine/kernels.h"
#include "compute/reference/kernels.h"

#include <array>
#include <cstring>

namespace longscope::app {
namespace {

using model::ActivationKind;
using model::NormKind;

/// Allows a share of each wanted value and of 1: where sums cancel, only that is certain.
auto nearTo(const std::vector<float> &want, double share) {
    return
        [&want, share](size_t i) { return share * (std::abs(static_cast<double>(want[i])) + 1); };
}

class BlockChecks {
  public:
    explicit BlockChecks(Workbench &bench) : bench_(bench) {}

    KernelCheck embed() {
        Collector collector(engine::kEmbed);
        const std::vector<int32_t> tokens = {0, 40, 7, 8, 15, 33, 0};
        auto rows = static_cast<uint32_t>(tokens.size());
        uint32_t columns = bench_.config.model_dim;
        std::memcpy(bench_.scratch.tokens.mapped().data(), tokens.data(), tokens.size() * 4);
        for (model::QuantType type : kTypes) {
            RandomTensor table(type, bench_.config.vocab, columns, bench_.random);
            engine::LinearGroup group = bench_.linear(table);
            engine::Activations x = poisoned(rows, columns);
            bench_.run([&](auto &operations, auto &recorder) {
                operations.embed(recorder, group.front(), bench_.scratch.tokens, x, rows);
                operations.embed(recorder, group.front(), bench_.scratch.tokens, x, rows, 2, true);
            });
            std::vector<float> want = reference::embed(table.tensor, tokens, 3);
            collector.compare(table.tensor.name, bench_.download(x, rows, columns), want,
                              relativeTo(want, 1e-6));
        }
        return collector.result();
    }

    KernelCheck norm() {
        Collector collector(engine::kNorm);
        for (uint32_t columns : {256u, 37u})
            for (NormKind kind : {NormKind::rms, NormKind::layer, NormKind::unit})
                checkRows(collector, kind, columns);
        for (bool before : {false, true})
            checkSegments(collector, before);
        return collector.result();
    }

    KernelCheck activation() {
        Collector collector(engine::kActivation);
        const std::array<std::pair<ActivationKind, const char *>, 6> kinds{
            {{ActivationKind::silu, "silu"},
             {ActivationKind::gelu, "gelu"},
             {ActivationKind::relu_squared, "relu squared"},
             {ActivationKind::sigmoid, "sigmoid"},
             {ActivationKind::tanh, "tanh"},
             {ActivationKind::oai, "oai"}}};
        for (auto [kind, name] : kinds)
            checkActivation(collector, kind, name);
        return collector.result();
    }

    KernelCheck adjust() {
        using Bound = engine::Adjust::Bound;
        Collector collector(engine::kAdjust);
        for (uint32_t columns : {256u, 37u})
            for (Bound bound : {Bound::none, Bound::clamp, Bound::cap}) {
                std::vector<float> x = random(columns), y = random(columns), s = random(1);
                engine::Activations from = uploaded(x, columns), to = uploaded(y, columns);
                engine::Activations scales = uploaded(s, 1);
                engine::Adjust how{.columns = columns,
                                   .factor = 3,
                                   .kind = bound,
                                   .bound = 0.7f,
                                   .scales = scales,
                                   .sigmoid = true,
                                   .add = true};
                bench_.run([&](auto &operations, auto &recorder) {
                    operations.adjust(recorder, how, from, to, kCheckedRows);
                });
                std::vector<float> want =
                    reference::sum(y, reference::adjust(x, columns,
                                                        {.factor = 3,
                                                         .clamp = bound == Bound::clamp ? 0.7f : 0,
                                                         .cap = bound == Bound::cap ? 0.7f : 0,
                                                         .scales = s,
                                                         .sigmoid = true}));
                collector.compare(std::format("bound {}, {} columns", int(bound), columns),
                                  bench_.download(to, kCheckedRows, columns), want,
                                  nearTo(want, 4e-6));
            }
        return collector.result();
    }

  private:
    std::vector<float> random(uint32_t columns) {
        return randomFloats(kCheckedRows * columns, bench_.random);
    }
    engine::Activations poisoned(uint32_t rows, uint32_t columns) {
        uint32_t stride = engine::padded(columns);
        engine::Activations made{gpu::Buffer(bench_.device, "selftest",
                                             uint64_t{rows} * stride * sizeof(float),
                                             gpu::Memory::device),
                                 stride};
        bench_.poison(made.buffer);
        return made;
    }
    engine::Activations uploaded(const std::vector<float> &values, uint32_t columns) {
        engine::Activations made = poisoned(kCheckedRows, columns);
        bench_.upload(made, values, kCheckedRows, columns);
        return made;
    }
    gpu::Buffer vector(const std::vector<float> &values) {
        gpu::Buffer buffer(bench_.device, "selftest", values.size() * sizeof(float),
                           gpu::Memory::device);
        gpu::uploadBytes(bench_.device, buffer, 0, std::as_bytes(std::span(values)));
        return buffer;
    }

    /// A norm of rows with weight and bias, then the same added.
    void checkRows(Collector &collector, NormKind kind, uint32_t columns) {
        std::vector<float> x = random(columns);
        std::vector<float> weight = randomFloats(columns, bench_.random);
        std::vector<float> bias = randomFloats(columns, bench_.random);
        engine::Norm norm{.kind = kind,
                          .columns = columns,
                          .eps = 1e-5f,
                          .weight = vector(weight),
                          .bias = vector(bias)};
        engine::Activations from = uploaded(x, columns), to = poisoned(kCheckedRows, columns);
        bench_.run([&](auto &operations, auto &recorder) {
            operations.norm(recorder, norm, from, to, {0, kCheckedRows});
            operations.addNorm(recorder, norm, from, to, kCheckedRows);
        });
        std::vector<float> want = reference::normalise(x, {.kind = kind,
                                                           .eps = 1e-5f,
                                                           .columns = columns,
                                                           .weight = weight,
                                                           .bias = bias,
                                                           .factor = 2});
        collector.compare(std::format("kind {}, {} columns", int(kind), columns),
                          bench_.download(to, kCheckedRows, columns), want, nearTo(want, 4e-6));
    }

    /// Gated groups, in place.
    void checkSegments(Collector &collector, bool gate_before) {
        constexpr uint32_t kGroups = 3, kColumns = 20;
        std::vector<float> x = random(kGroups * kColumns), z = random(kGroups * kColumns);
        std::vector<float> weight = randomFloats(kGroups * kColumns, bench_.random);
        engine::Norm norm{.kind = NormKind::rms,
                          .columns = kColumns,
                          .eps = 1e-5f,
                          .weight = vector(weight),
                          .own_weights = true};
        engine::Activations rows = uploaded(x, kGroups * kColumns);
        engine::Activations gate = uploaded(z, kGroups * kColumns);
        engine::Segments segments{.count = kGroups,
                                  .gate = engine::NormGate{.z = gate, .before = gate_before}};
        bench_.run([&](auto &operations, auto &recorder) {
            operations.normSegments(recorder, norm, segments, rows, rows, kCheckedRows);
        });
        std::vector<float> want = reference::normalise(x, {.kind = NormKind::rms,
                                                           .eps = 1e-5f,
                                                           .columns = kColumns,
                                                           .segments = kGroups,
                                                           .weight = weight,
                                                           .gate = z,
                                                           .gate_before = gate_before});
        collector.compare(gate_before ? "gate before" : "gate after",
                          bench_.download(rows, kCheckedRows, kGroups * kColumns), want,
                          nearTo(want, 8e-6));
    }

    /// Gated by columns of the same rows; then not gated, in place and divided.
    void checkActivation(Collector &collector, ActivationKind kind, const char *name) {
        constexpr uint32_t kColumns = 160;
        std::vector<float> gate = random(kColumns), up = random(kColumns), both;
        std::vector<float> divisor = randomFloats(kColumns, bench_.random);
        for (float &value : divisor)
            value = std::abs(value) + 0.5f;
        for (size_t at = 0; at < gate.size(); at += kColumns)
            for (const auto *part : {&gate, &up})
                both.insert(both.end(), &(*part)[at], &(*part)[at] + kColumns);
        engine::Activations rows = uploaded(both, 2 * kColumns);
        engine::Activations hidden = poisoned(kCheckedRows, kColumns);
        bench_.run([&](auto &operations, auto &recorder) {
            operations.activate(recorder, {.kind = kind}, rows, {rows, kColumns}, hidden,
                                kCheckedRows);
        });
        std::vector<float> want = reference::activate(kind, gate, up);
        collector.compare(name, bench_.download(hidden, kCheckedRows, kColumns), want,
                          nearTo(want, 4e-6));
        if (kind == ActivationKind::oai)
            return;
        gpu::Buffer divisor_buffer = vector(divisor);
        engine::Activations plain = uploaded(up, kColumns);
        bench_.run([&](auto &operations, auto &recorder) {
            operations.activate(recorder, {.kind = kind, .divisor = &divisor_buffer}, plain, plain,
                                kCheckedRows);
        });
        want = reference::activate(kind, up);
        for (size_t i = 0; i < want.size(); ++i)
            want[i] /= divisor[i % kColumns];
        collector.compare(std::format("{}, no gate", name),
                          bench_.download(plain, kCheckedRows, kColumns), want, nearTo(want, 4e-6));
    }

    Workbench &bench_;
};

} // namespace

std::vector<KernelCheck> checkBlocks(Workbench &bench) {
    BlockChecks checks(bench);
    return {checks.embed(), checks.norm(), checks.activation(), checks.adjust()};
}

} // namespace longscope::app
