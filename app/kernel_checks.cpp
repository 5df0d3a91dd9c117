#include "app/kernel_checks.h"

#include "app/attention_checks.h"
#include "app/workbench.h"
#include "compute/core/error.h"
#include "compute/engine/kernels.h"
#include "compute/reference/kernels.h"

#include <algorithm>
#include <cstring>

namespace longscope::app {
namespace {

using model::QuantType;

std::vector<float> absolute(std::vector<float> values) {
    for (float &value : values)
        value = std::abs(value);
    return values;
}

class Checks {
  public:
    explicit Checks(Workbench &bench) : bench_(bench) {}

    KernelCheck embed() {
        Collector collector(engine::kEmbed);
        const std::vector<int32_t> tokens = {0, 40, 7, 8, 15, 33, 0};
        auto rows = static_cast<uint32_t>(tokens.size());
        std::memcpy(bench_.scratch.tokens.mapped().data(), tokens.data(), tokens.size() * 4);
        for (QuantType type : kTypes) {
            RandomTensor table(type, bench_.config.vocab, bench_.config.model_dim, bench_.random);
            engine::Weights weights;
            weights.widths = bench_.weights.widths;
            weights.embedding = bench_.linear(table);
            bench_.poison(bench_.scratch.x.buffer);
            bench_.run(weights, [&](auto &operations, auto &recorder) {
                operations.embed(recorder, bench_.scratch.tokens, bench_.scratch.x, rows);
            });
            std::vector<float> want = reference::embed(table.tensor, tokens, 1);
            collector.compare(table.tensor.name,
                              bench_.download(bench_.scratch.x, rows, bench_.config.model_dim),
                              want, relativeTo(want, 1e-6));
        }
        return collector.result();
    }

    KernelCheck norm() {
        Collector collector(engine::kRmsNorm);
        std::vector<float> x = randomFloats(kCheckedRows * bench_.config.model_dim, bench_.random);
        std::vector<float> weight = randomFloats(bench_.config.model_dim, bench_.random);
        bench_.upload(bench_.scratch.x, x, kCheckedRows, bench_.config.model_dim);
        gpu::Buffer weight_buffer(bench_.device, "selftest", weight.size() * 4,
                                  gpu::Memory::device);
        gpu::uploadBytes(bench_.device, weight_buffer, 0, std::as_bytes(std::span(weight)));
        bench_.poison(bench_.scratch.normed.buffer);
        bench_.run(bench_.weights, [&](auto &operations, auto &recorder) {
            operations.norm(recorder, bench_.scratch.x, weight_buffer, bench_.scratch.normed,
                            {0, kCheckedRows});
        });
        std::vector<float> want = reference::rmsNorm(x, weight, bench_.config.norm_eps);
        collector.compare(
            "33 rows",
            bench_.download(bench_.scratch.normed, kCheckedRows, bench_.config.model_dim), want,
            relativeTo(want, 4e-6));
        return collector.result();
    }

    /// Matrix times many rows, or times one.
    KernelCheck multiply(bool matvec) {
        Collector collector(
            matvec ? (bench_.hasLanes() ? engine::kMatvecLanes : engine::kMatvecSubgroup)
                   : (bench_.hasLanes() ? engine::kMatmulLanes : engine::kMatmulSubgroup));
        uint32_t rows = matvec ? 1 : kCheckedRows, k = bench_.config.model_dim,
                 n = bench_.config.ffn_dim;
        std::vector<float> x = randomFloats(rows * k, bench_.random);
        bench_.upload(bench_.scratch.x, x, rows, k);
        for (QuantType type : kTypes) {
            RandomTensor tensor(type, n, k, bench_.random);
            engine::LinearGroup group = bench_.linear(tensor);
            bench_.poison(bench_.scratch.gate_up.buffer);
            bench_.run(bench_.weights, [&](auto &operations, auto &recorder) {
                operations.multiply(recorder, group, bench_.scratch.x, bench_.scratch.gate_up,
                                    rows);
            });
            std::vector<float> w = reference::dequantize(tensor.tensor);
            std::vector<float> want = reference::matmul(x, w, k);
            // A sum of k rounded products: an error of some roundings of the sum of magnitudes.
            std::vector<float> magnitude = reference::matmul(absolute(x), absolute(w), k);
            auto allowed = [&](size_t i) {
                return 4e-6 * static_cast<double>(magnitude[i]) + 1e-9;
            };
            collector.compare(tensor.tensor.name, bench_.download(bench_.scratch.gate_up, rows, n),
                              want, allowed);
        }
        return collector.result();
    }

    KernelCheck gated() {
        Collector collector(engine::kGated);
        uint32_t columns = bench_.config.ffn_dim, up = bench_.weights.widths.layer[0].up_offset;
        std::vector<float> gate = randomFloats(kCheckedRows * columns, bench_.random);
        std::vector<float> second = randomFloats(kCheckedRows * columns, bench_.random);
        std::vector<float> both(size_t{kCheckedRows} * bench_.scratch.gate_up.stride, 0.0f);
        for (uint32_t row = 0; row < kCheckedRows; ++row) {
            float *to = &both[size_t{row} * bench_.scratch.gate_up.stride];
            std::copy_n(&gate[row * columns], columns, to);
            std::copy_n(&second[row * columns], columns, to + up);
        }
        bench_.upload(bench_.scratch.gate_up, both, kCheckedRows, bench_.scratch.gate_up.stride);
        bench_.poison(bench_.scratch.hidden.buffer);
        bench_.run(bench_.weights, [&](auto &operations, auto &recorder) {
            operations.gate(recorder, bench_.scratch.gate_up, bench_.scratch.hidden, kCheckedRows);
        });
        std::vector<float> want = reference::gated(gate, second);
        collector.compare("33 rows", bench_.download(bench_.scratch.hidden, kCheckedRows, columns),
                          want, relativeTo(want, 4e-6));
        return collector.result();
    }

  private:
    Workbench &bench_;
};

} // namespace

std::vector<engine::KernelFamily> familiesToCheck(const gpu::DeviceFacts &facts,
                                                  const std::string &wanted) {
    std::vector<engine::KernelFamily> families{engine::chooseFamily(facts, wanted)};
    if (wanted == "auto" && families.front() != engine::KernelFamily::subgroup)
        families.push_back(engine::KernelFamily::subgroup);
    return families;
}

void checkKernels(gpu::Device &device, engine::KernelFamily family,
                  const std::function<void(const KernelCheck &)> &on_kernel, std::stop_token stop) {
    Workbench bench(device, family);
    Checks checks(bench);
    auto tell = [&](const KernelCheck &check) {
        on_kernel(check);
        if (stop.stop_requested())
            fail(ErrorKind::stopped, "stopped");
    };
    tell(checks.embed());
    tell(checks.norm());
    tell(checks.gated());
    tell(checks.multiply(false));
    tell(checks.multiply(true));
    for (const KernelCheck &check : checkAttention(bench))
        tell(check);
}

} // namespace longscope::app
