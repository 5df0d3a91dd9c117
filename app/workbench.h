// What the checks of kernels share: a small made-up model with random numbers on a device, and the
// comparison of results with their twins.
#pragma once

#include "app/kernel_checks.h"
#include "app/random_tensor.h"
#include "compute/engine/operations.h"
#include "compute/gpu/recorder.h"

#include <cmath>
#include <format>

namespace longscope::app {

constexpr uint32_t kPoison = 0x7fc00000; ///< NaN: results start so, that nothing left out passes
constexpr uint32_t kCheckedRows = 33;    ///< of a chunk: no multiple of a tile

/// The results so far of one kernel.
class Collector {
  public:
    explicit Collector(const gpu::Kernel &kernel) { check_.kernel = kernel.name; }

    /// `allowed(i)` is the largest error of element i, above 0.
    template <class Allowed>
    void compare(const std::string &what, const std::vector<float> &got,
                 const std::vector<float> &want, Allowed allowed) {
        ++check_.cases;
        for (size_t i = 0; i < want.size(); ++i) {
            double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
            double share = error / allowed(i);
            bool passes = share <= 1; // false for NaN
            check_.worst = std::max(check_.worst, std::isnan(share) ? 1e9 : share);
            if (!passes && check_.failure.empty())
                check_.failure = std::format("{}: element {} of {} is {}, wanted {} within {:.2g}",
                                             what, i, want.size(), got[i], want[i], allowed(i));
        }
    }
    const KernelCheck &result() const { return check_; }

  private:
    KernelCheck check_;
};

/// Allows a share of each wanted value.
inline auto relativeTo(const std::vector<float> &want, double share) {
    return
        [&want, share](size_t i) { return share * std::abs(static_cast<double>(want[i])) + 1e-7; };
}

/// Allows nothing.
inline auto exactly() {
    return [](size_t) { return 1e-30; };
}

class Workbench {
  public:
    Workbench(gpu::Device &on_device, engine::KernelFamily family);
    Workbench(const Workbench &) = delete;
    Workbench &operator=(const Workbench &) = delete;

    bool hasLanes() const { return tiling.family == engine::KernelFamily::lanes; }
    engine::LinearGroup linear(const RandomTensor &tensor) const;
    void poison(gpu::Buffer &buffer) const { gpu::fillWords(device, buffer, kPoison); }
    /// [rows, columns] to and from rows of activations.
    void upload(engine::Activations &to, const std::vector<float> &values, uint32_t rows,
                uint32_t columns) const;
    std::vector<float> download(const engine::Activations &from, uint32_t rows,
                                uint32_t columns) const;
    std::vector<float> download(const gpu::Buffer &from, size_t count) const;
    template <class Record> void run(Record record) {
        engine::Operations operations(device, tiling);
        gpu::Recorder recorder(device);
        record(operations, recorder);
        recorder.run();
    }

    gpu::Device &device;
    engine::Tiling tiling;
    model::Config config;
    std::mt19937 random{1};
    engine::Weights weights; ///< the widths only
    engine::Scratch scratch;
};

} // namespace longscope::app
