// One kernel, one dispatch at a time: medians of the time it takes.
#pragma once

#include "compute/engine/kernels.h"
#include "compute/gpu/recorder.h"
#include "compute/model/quant.h"
#include "shaders/params.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace longscope::engine {

struct Timing {
    double ms = 0;       ///< median
    double first_ms = 0; ///< what the first dispatch took longer
};

inline gpu::Buffer makeBuffer(gpu::Device &device, uint64_t bytes) {
    return gpu::Buffer(device, "bench", bytes, gpu::Memory::device);
}

/// Small normal numbers: denormals and infinities would be timed instead of the kernel.
inline gpu::Buffer randomFloats(gpu::Device &device, uint64_t count, bool half = false) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float &value : values)
        value = normal(random);
    std::vector<uint16_t> halves(half ? count : 0);
    for (size_t i = 0; i < halves.size(); ++i)
        halves[i] = model::floatToHalf(values[i]);
    auto bytes = half ? std::as_bytes(std::span(halves)) : std::as_bytes(std::span(values));
    gpu::Buffer buffer = makeBuffer(device, bytes.size());
    gpu::uploadBytes(device, buffer, 0, bytes);
    return buffer;
}

class Bench {
  public:
    Bench(gpu::Device &device, bool wall)
        : device_(device), wall_(wall || device.facts().type != gpu::DeviceType::cpu) {
        params_.data = probe_.address();
        params_.result = probe_.address() + 256;
        params_.iterations = 2000;
    }

    gpu::Device &device() { return device_; }

    template <class Params>
    Timing time(const gpu::Kernel &kernel, const gpu::Specialization &constants,
                const Params &params, gpu::Groups groups) {
        const gpu::PipelineOptions options{.local_size = 8, .subgroup_size = 8};
        const gpu::Pipeline *pipeline = &gpu::findPipeline(device_, kernel, constants, options);
        double first = runOnce(*pipeline, params, groups);
        std::vector<double> times;
        double total = 0;
        while (times.size() < 5 || (total < 60 && times.size() < 25)) {
            times.push_back(runOnce(*pipeline, params, groups));
            total += times.back();
        }
        std::ranges::nth_element(times, times.begin() + static_cast<long>(times.size() / 2));
        double median = times[times.size() / 2];
        // One thread compiles.
        double threads = wall_ ? 1 : std::thread::hardware_concurrency();
        return {median, std::max(first - median, 0.0) * threads};
    }

    /// GFLOP/s of multiply-adds from registers: the best seen, asked again before each figure.
    double peak() {
        const gpu::Specialization constants = {{SPEC_LOCAL_SIZE, 8}};
        const uint32_t groups = 64;
        Timing timing = time(kProbePeak, constants, params_, {groups});
        double flops = double{groups} * 8 * params_.iterations * PROBE_PEAK_FLOPS;
        peak_ = std::max(peak_, flops / timing.ms * 1e-6);
        return peak_;
    }

  private:
    template <class Params>
    double runOnce(const gpu::Pipeline &pipeline, const Params &params, gpu::Groups groups) {
        gpu::Recorder recorder(device_, true);
        recorder.dispatch(pipeline, params, {}, {}, groups);
        std::clock_t before = std::clock();
        recorder.run();
        double processor_ms = 1e3 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
        return wall_ ? recorder.times().front().ms
                     : processor_ms / std::thread::hardware_concurrency();
    }

    gpu::Device &device_;
    bool wall_;
    gpu::Buffer probe_ = makeBuffer(device_, 65536);
    params::Probe params_{};
    double peak_ = 0;
};

inline void printFlops(Bench &bench, const std::string &label, double flops, const Timing &timing) {
    double gflops = flops / timing.ms * 1e-6;
    std::printf("%-52s %9.3f ms %7.1f GFLOP/s %3.0f %% of peak, first +%.2f s\n", label.c_str(),
                timing.ms, gflops, 100 * gflops / bench.peak(), timing.first_ms * 1e-3);
    std::fflush(stdout);
}

inline void printBytes(const std::string &label, double bytes, const Timing &timing) {
    std::printf("%-52s %9.3f ms %7.2f GB/s, first +%.2f s\n", label.c_str(), timing.ms,
                bytes / timing.ms * 1e-6, timing.first_ms * 1e-3);
    std::fflush(stdout);
}

/// experts_bench.cpp: expert layers beside plain ones.
void benchExperts(gpu::Device &device);
/// attention_bench.cpp: prefill, decode and patterns.
void benchAttention(Bench &bench, const std::set<std::string> &wanted);
/// recurrent_bench.cpp
void benchRecurrent(Bench &bench, bool tiles);

} // namespace longscope::engine
