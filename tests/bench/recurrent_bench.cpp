// Speed of the kernels of recurrent layers over 256 rows and over one: milliseconds, tokens/s of
// one such layer and thread-independent GFLOP/s.
#include "compute/engine/recurrent.h"
#include "tests/bench/bench_timing.h"

#include <format>

namespace longscope::engine {
namespace {

void printRows(Bench &bench, const std::string &label, uint32_t rows, double flops,
               const Timing &timing) {
    printFlops(bench,
               std::format("{} rows {} ({:.0f} tokens/s)", label, rows, rows / timing.ms * 1e3),
               flops, timing);
}

gpu::Specialization scanConstants(uint32_t keys, uint32_t wide, uint32_t flags) {
    return {{SPEC_LOCAL_SIZE, 8}, {SPEC_FLAGS, flags},  {SPEC_SCAN_KEYS, keys},
            {SPEC_SCAN_SPLIT, 1}, {SPEC_SCAN_LANES, 8}, {SPEC_SCAN_WIDE, wide}};
}

void benchMamba(Bench &bench, bool second, uint32_t inner, uint32_t keys, uint32_t wide,
                uint32_t rows) {
    uint32_t heads = second ? inner / 64 : 1;
    gpu::Buffer in = randomFloats(bench.device(), uint64_t{rows} * (3 * inner + 2 * keys));
    gpu::Buffer decay(bench.device(), "bench", uint64_t{inner} * keys * 4, gpu::Memory::device);
    gpu::fillWords(bench.device(), decay, 0xbd800000u); // -1/16
    gpu::Buffer state = randomFloats(bench.device(), uint64_t{inner} * keys);
    gpu::Buffer y = makeBuffer(bench.device(), uint64_t{rows} * inner * 4);
    params::ScanMamba params{};
    params.u = in.address();
    params.z = in.address() + inner * 4;
    params.dt = in.address() + inner * 8;
    params.b = in.address() + inner * 12;
    params.c = params.b + keys * 4;
    params.dt_bias = params.a = params.d = decay.address();
    params.state = state.address();
    params.y = y.address();
    params.rows = rows;
    params.heads = heads;
    params.groups = 1;
    params.head_dim = inner / heads;
    params.columns = params.y_stride = inner;
    params.u_stride = params.z_stride = params.dt_stride = params.bc_stride = 3 * inner + 2 * keys;
    Timing timing = bench.time(second ? kScanMamba2 : kScanMamba1,
                               scanConstants(keys, wide, SCAN_ALIGNED | SCAN_GATE), params,
                               {params.head_dim / 8 / wide, heads});
    printRows(bench, std::format("mamba-{} {} x {} wide {}", second ? 2 : 1, inner, keys, wide),
              rows, (second ? 5.0 : 7.0) * rows * inner * keys, timing);
}

void benchDelta(Bench &bench, uint32_t heads, uint32_t keys, uint32_t wide, uint32_t rows) {
    uint32_t stride = 3 * heads * keys + 64;
    std::vector<float> values(uint64_t{rows} * stride);
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0, 0.08f); // keys of length near 1
    for (float &value : values)
        value = normal(random);
    gpu::Buffer in = makeBuffer(bench.device(), values.size() * 4);
    gpu::uploadBytes(bench.device(), in, 0, std::as_bytes(std::span(values)));
    gpu::Buffer state = randomFloats(bench.device(), uint64_t{heads} * keys * keys);
    gpu::Buffer y = makeBuffer(bench.device(), uint64_t{rows} * heads * keys * 4);
    params::DeltaNet params{};
    params.q = in.address();
    params.k = params.q + uint64_t{heads} * keys * 4;
    params.v = params.k + uint64_t{heads} * keys * 4;
    params.alpha = params.beta = params.v + uint64_t{heads} * keys * 4;
    params.dt_bias = params.a = in.address();
    params.state = state.address();
    params.y = y.address();
    params.rows = rows;
    params.heads = params.gate_heads = heads;
    params.key_heads = heads / 2;
    params.head_dim = keys;
    params.columns = params.y_stride = heads * keys;
    params.qkv_stride = params.gate_stride = stride;
    params.scale = 0.1f;
    Timing timing = bench.time(kDeltaNet, scanConstants(keys, wide, SCAN_ALIGNED), params,
                               {keys / 8 / wide, heads});
    printRows(bench, std::format("delta net {} x {} x {} wide {}", heads, keys, keys, wide), rows,
              7.0 * rows * heads * keys * keys, timing);
}

void benchWkv(Bench &bench, uint32_t heads, uint32_t keys, uint32_t wide, uint32_t rows) {
    uint32_t width = heads * keys;
    gpu::Buffer in = randomFloats(bench.device(), uint64_t{rows} * 3 * width);
    gpu::Buffer w(bench.device(), "bench", uint64_t{rows} * width * 4, gpu::Memory::device);
    gpu::fillWords(bench.device(), w, 0x3f400000u); // 0.75
    gpu::Buffer state = randomFloats(bench.device(), uint64_t{width} * keys);
    gpu::Buffer y = makeBuffer(bench.device(), uint64_t{rows} * width * 4);
    params::Wkv params{};
    params.r = in.address();
    params.k = params.r + width * 4;
    params.v = params.r + width * 8;
    params.w = w.address();
    params.bonus = in.address();
    params.state = state.address();
    params.y = y.address();
    params.rows = rows;
    params.heads = heads;
    params.columns = params.w_stride = params.y_stride = width;
    params.in_stride = 3 * width;
    Timing timing =
        bench.time(kWkv, scanConstants(keys, wide, SCAN_ALIGNED), params, {keys / 8 / wide, heads});
    printRows(bench, std::format("wkv {} x {} x {} wide {}", heads, keys, keys, wide), rows,
              7.0 * rows * width * keys, timing);
}

void benchConv(Bench &bench, uint32_t channels, uint32_t rows) {
    gpu::Buffer in = randomFloats(bench.device(), uint64_t{rows} * channels);
    gpu::Buffer weight = randomFloats(bench.device(), uint64_t{channels} * 8);
    gpu::Buffer y = makeBuffer(bench.device(), uint64_t{rows} * channels * 4);
    params::ShortConv params{};
    params.u = in.address();
    params.weight = params.bias = weight.address();
    params.history = weight.address() + channels * 16;
    params.y = y.address();
    params.rows = rows;
    params.channels = params.columns = params.in_stride = params.y_stride = channels;
    Timing timing = bench.time(
        kShortConv, {{SPEC_LOCAL_SIZE, 8}, {SPEC_FLAGS, CONV_BIAS | CONV_SILU}, {SPEC_TILE_A, 4}},
        params, {channels / 8, (rows + CONV_BLOCK_ROWS - 1) / CONV_BLOCK_ROWS});
    printRows(bench, std::format("conv {} x 4", channels), rows, 8.0 * rows * channels, timing);
}

} // namespace

void benchRecurrent(Bench &bench, bool tiles) {
    Tiling lanes;
    lanes.family = KernelFamily::lanes;
    auto wides = [&](uint32_t keys) {
        return tiles ? std::vector<uint32_t>{1, 2, 4}
                     : std::vector{chooseScanTile(lanes, keys).wide};
    };
    for (uint32_t rows : {256u, 1u}) {
        benchConv(bench, 8192, rows);
        for (uint32_t wide : wides(16))
            benchMamba(bench, false, 4096, 16, wide, rows);
        for (uint32_t wide : wides(128))
            benchMamba(bench, true, 4096, 128, wide, rows);
        for (uint32_t wide : wides(256))
            benchMamba(bench, true, 2048, 256, wide, rows);
        for (uint32_t wide : wides(128))
            benchDelta(bench, 32, 128, wide, rows);
        for (uint32_t wide : wides(64))
            benchWkv(bench, 32, 64, wide, rows);
    }
}

} // namespace longscope::engine
