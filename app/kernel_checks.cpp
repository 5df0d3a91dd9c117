#include "app/kernel_checks.h"

#include "app/attention_checks.h"
#include "app/block_checks.h"
#include "app/workbench.h"
#include "compute/core/error.h"
#include "compute/engine/kernels.h"
#include "compute/reference/kernels.h"

#include <algorithm>

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
            bench_.run([&](auto &operations, auto &recorder) {
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
    for (const KernelCheck &check : checkBlocks(bench))
        tell(check);
    tell(checks.multiply(false));
    tell(checks.multiply(true));
    for (const KernelCheck &check : checkAttention(bench))
        tell(check);
}

} // namespace longscope::app
