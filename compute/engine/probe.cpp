#include "compute/engine/probe.h"

#include "compute/core/clock.h"
#include "compute/engine/kernels.h"
#include "compute/engine/tiling.h"
#include "compute/gpu/recorder.h"
#include "shaders/params.h"

#include <algorithm>
#include <chrono>
#include <functional>

namespace longscope::engine {
namespace {

constexpr double kLongEnough_s = 0.03; ///< against the cost of a submit; short of any time-out
constexpr int kRuns = 5;               ///< the best counts: others only disturb
constexpr uint32_t kMostRepeats = 1 << 16;
constexpr uint64_t kReadBytes = uint64_t{256} << 20;

/// Workgroups that fill the device: one subgroup each on the software device, where a workgroup is
/// a task of one thread, large ones on a GPU.
struct Shape {
    uint32_t local, peak_groups, read_loads;
};

Shape shapeFor(const gpu::DeviceFacts &facts) {
    if (chooseFamily(facts, "auto") == KernelFamily::lanes)
        return {.local = facts.subgroup_size, .peak_groups = 64, .read_loads = 64};
    uint32_t local = std::min(256u, facts.max_workgroup_invocations);
    return {.local = local, .peak_groups = 4096, .read_loads = 16};
}

const gpu::Pipeline *makePipeline(gpu::Device &device, const gpu::Kernel &kernel,
                                  const Shape &shape) {
    return &gpu::findPipeline(device, kernel, {{SPEC_LOCAL_SIZE, shape.local}},
                              {.local_size = shape.local, .subgroup_size = 0});
}

/// Seconds of one repeat, from submits that are long enough.
double bestSeconds(gpu::Device &device,
                   const std::function<void(gpu::Recorder &, uint32_t repeats)> &record) {
    gpu::Recorder recorder(device);
    auto timed = [&](uint32_t repeats) {
        record(recorder, repeats);
        auto start = Clock::now();
        recorder.run();
        return secondsSince(start) / repeats;
    };
    timed(1); // the driver compiles at the first dispatch
    uint32_t repeats = 1;
    double best = timed(repeats);
    while (best * repeats < kLongEnough_s && repeats < kMostRepeats)
        best = std::min(best, timed(repeats *= 2));
    for (int run = 0; run < kRuns; ++run)
        best = std::min(best, timed(repeats));
    return best;
}

double probeFlops(gpu::Device &device, const Shape &shape) {
    uint64_t invocations = uint64_t{shape.peak_groups} * shape.local;
    gpu::Buffer data(device, "probe", 256, gpu::Memory::device);
    gpu::Buffer result(device, "probe", invocations * sizeof(float), gpu::Memory::device);
    gpu::fillWords(device, data, 1);
    const gpu::Pipeline *pipeline = makePipeline(device, kProbePeak, shape);
    uint64_t flops_per_step = invocations * PROBE_PEAK_FLOPS;
    double seconds = bestSeconds(device, [&](gpu::Recorder &recorder, uint32_t repeats) {
        // Repeats are steps of one dispatch, so that only arithmetic grows.
        recorder.dispatch(*pipeline, params::Probe{data.address(), result.address(), repeats, 0},
                          {&data}, {&result}, {shape.peak_groups});
    });
    return static_cast<double>(flops_per_step) / seconds;
}

double probeBytes(gpu::Device &device, const Shape &shape) {
    const gpu::DeviceFacts &facts = device.facts();
    uint64_t run_bytes = uint64_t{shape.read_loads} * shape.local * 16;
    uint64_t most = std::min({kReadBytes, facts.max_buffer_bytes, facts.max_allocation_bytes,
                              facts.free_memory_bytes / 4});
    auto groups = static_cast<uint32_t>(std::max<uint64_t>(1, most / run_bytes));
    gpu::Buffer data(device, "probe", groups * run_bytes, gpu::Memory::device);
    gpu::Buffer result(device, "probe", uint64_t{groups} * shape.local * sizeof(float),
                       gpu::Memory::device);
    gpu::fillWords(device, data, 3);
    const gpu::Kernel &kernel = facts.has_int64 ? kProbeReadWide : kProbeRead;
    const gpu::Pipeline *pipeline = makePipeline(device, kernel, shape);
    double seconds = bestSeconds(device, [&](gpu::Recorder &recorder, uint32_t repeats) {
        for (uint32_t repeat = 0; repeat < repeats; ++repeat)
            recorder.dispatch(*pipeline,
                              params::Probe{data.address(), result.address(), shape.read_loads, 0},
                              {&data}, {&result}, {groups});
    });
    return static_cast<double>(groups * run_bytes) / seconds;
}

} // namespace

Peaks probePeaks(gpu::Device &device) {
    Shape shape = shapeFor(device.facts());
    return {.flops_per_second = probeFlops(device, shape),
            .bytes_per_second = probeBytes(device, shape)};
}

} // namespace longscope::engine
