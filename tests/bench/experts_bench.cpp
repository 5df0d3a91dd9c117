// Expert layers beside a plain feed-forward block of the same active size: what choosing, sorting
// and tiles that are not full cost. The activation between the products is the same in both and is
// left out.
#include "compute/engine/experts.h"
#include "tests/bench/bench_timing.h"

#include <format>

namespace longscope::engine {
namespace {

struct Shape {
    uint32_t rows, experts, used, model, hidden; ///< hidden: of one expert
};

/// Random blocks of q4_0 with plain scales.
struct Weights4 {
    Weights4(uint64_t columns, uint64_t rows, uint64_t experts)
        : bytes(experts * rows * model::rowBytes(model::QuantType::q4_0, columns)) {
        std::mt19937 random(1);
        for (size_t at = 0; at < bytes.size(); ++at)
            bytes[at] = static_cast<std::byte>(at % 18 == 0 ? 0 : at % 18 == 1 ? 0x2c : random());
        tensor = {"bench", model::QuantType::q4_0, {columns, rows, experts}, bytes};
    }
    std::vector<std::byte> bytes;
    model::Tensor tensor;
};

template <class Record> double medianMs(gpu::Device &device, Record record) {
    std::vector<double> times;
    for (int run = 0; run < 12; ++run) {
        gpu::Recorder recorder(device);
        record(recorder);
        std::clock_t before = std::clock();
        recorder.run();
        times.push_back(1e3 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC /
                        std::thread::hardware_concurrency());
    }
    times.erase(times.begin()); // the driver compiled
    std::ranges::nth_element(times, times.begin() + static_cast<long>(times.size() / 2));
    return times[times.size() / 2];
}

Activations rowsOf(gpu::Device &device, uint64_t rows, uint32_t stride) {
    return {randomFloats(device, rows * stride), stride};
}

void multiplyPlain(gpu::Recorder &recorder, const Tiling &tiling, const Linear &linear,
                   const Activations &x, const Activations &y, uint32_t rows) {
    params::Matmul params{};
    params.w = linear.matrix;
    params.x = x.address();
    params.y = y.address();
    params.rows = rows;
    params.k = linear.columns();
    params.n = linear.rows();
    params.x_stride = x.stride;
    params.y_stride = y.stride;
    params.scale = 1;
    auto ceil_div = [](uint32_t a, uint32_t b) { return (a + b - 1) / b; };
    gpu::Groups groups = rows == 1 ? gpu::Groups{ceil_div(params.n, tiling.matvec_rows)}
                                   : gpu::Groups{ceil_div(params.n, tiling.matmulColumns()),
                                                 ceil_div(rows, tiling.matmul_rows)};
    recorder.dispatch(*(rows == 1 ? linear.matvec : linear.matmul), params, {&x.buffer},
                      {&y.buffer}, groups);
}

double plainMs(gpu::Device &device, const Tiling &tiling, const Shape &shape) {
    uint32_t hidden = shape.used * shape.hidden;
    Weights4 up(shape.model, 2 * hidden, 1), down(hidden, shape.model, 1);
    LinearGroup gate_up = makeLinears(device, tiling, {{.weight = &up.tensor}}, false);
    LinearGroup ffn_down = makeLinears(device, tiling, {{.weight = &down.tensor}}, false);
    Activations x = rowsOf(device, shape.rows, shape.model);
    Activations wide = rowsOf(device, shape.rows, 2 * hidden);
    Activations narrow = rowsOf(device, shape.rows, hidden);
    return medianMs(device, [&](gpu::Recorder &recorder) {
        multiplyPlain(recorder, tiling, gate_up.front(), x, wide, shape.rows);
        multiplyPlain(recorder, tiling, ffn_down.front(), narrow, x, shape.rows);
    });
}

struct ExpertTimes {
    double all = 0, route = 0;
};

ExpertTimes expertsMs(gpu::Device &device, Tiling tiling, const Shape &shape) {
    tiling.chunk_tokens = shape.rows;
    Weights4 up(shape.model, 2 * shape.hidden, shape.experts);
    Weights4 down(shape.hidden, shape.model, shape.experts);
    ExpertGroup gate_up = makeExperts(device, tiling, {{.weight = &up.tensor}}, false);
    ExpertGroup ffn_down = makeExperts(device, tiling, {{.weight = &down.tensor}}, false);
    RoutingRule rule{.experts = shape.experts, .used = shape.used, .normalize = true};
    ExpertWidths widths{.model = shape.model, .gate_up = 2 * shape.hidden, .hidden = shape.hidden};
    ExpertScratch scratch = makeExpertScratch(device, rule, widths, tiling);
    scratch.logits = rowsOf(device, shape.rows, padded(shape.experts));
    Experts experts(device, tiling, rule);
    Activations x = rowsOf(device, shape.rows, shape.model);
    ExpertTimes times;
    times.route = medianMs(device, [&](gpu::Recorder &recorder) {
        experts.route(recorder, nullptr, scratch, shape.rows);
    });
    times.all = medianMs(device, [&](gpu::Recorder &recorder) {
        experts.route(recorder, nullptr, scratch, shape.rows);
        experts.multiply(recorder, gate_up, x, Experts::Input::of_row, scratch.gate_up, scratch,
                         shape.rows);
        experts.multiply(recorder, ffn_down, scratch.hidden, Experts::Input::of_assignment,
                         scratch.results, scratch, shape.rows);
        experts.combine(recorder, scratch, x, Experts::Into::added, shape.rows);
    });
    return times;
}

} // namespace

void benchExperts(gpu::Device &device) {
    const Tiling tiling = chooseTiling(device.facts(), chooseFamily(device.facts(), "auto"));
    for (const Shape &shape :
         {Shape{256, 64, 8, 576, 192}, Shape{256, 32, 4, 1024, 512}, Shape{256, 128, 8, 1024, 256},
          Shape{32, 64, 8, 576, 192}, Shape{8, 64, 8, 576, 192}, Shape{4, 64, 8, 576, 192},
          Shape{2, 64, 8, 576, 192}, Shape{1, 64, 8, 576, 192}}) {
        double plain = plainMs(device, tiling, shape);
        ExpertTimes experts = expertsMs(device, tiling, shape);
        std::printf("experts %3u rows, %u of %3u, %4u x %3u %9.3f ms (choice %.3f), plain %9.3f "
                    "ms, ratio %.2f\n",
                    shape.rows, shape.used, shape.experts, shape.model, shape.hidden, experts.all,
                    experts.route, plain, experts.all / plain);
        std::fflush(stdout);
    }
}

} // namespace longscope::engine
