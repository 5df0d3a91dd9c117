// Speed of the `lanes` kernels, one dispatch at a time: GFLOP/s as a share of the multiply-add peak
// probed beside it, or GB/s of packed bytes, and what the first dispatch costs (the driver compiles
// there; its disk cache is off). Medians. On a software device a time is the processor time of the
// process over the number of processors, so that a busy machine does not show; `wall` prints what
// the device's timestamps say instead. Shapes are those of a 135M model. `tiles` tries other tiles
// than those of compute/engine/tiling_lanes.h.
#include "compute/core/error.h"
#include "compute/engine/kernels.h"
#include "compute/engine/packing.h"
#include "compute/engine/tiling_lanes.h"
#include "shaders/params.h"
#include "tests/bench/bench_timing.h"

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <format>
#include <random>
#include <set>
#include <string>

namespace longscope::engine {
namespace {

constexpr uint32_t kLanes = 8;

struct NamedFormat {
    const char *name;
    WeightFormat format;
};
constexpr NamedFormat kFormats[] = {
    {"q4_1", {4, SCALE_PAIR_F16, 32, 0}},   {"q8_0", {8, SCALE_PAIR_F16, 32, 128}},
    {"q4_k", {4, SCALE_TWO_LEVEL, 32, 0}},  {"q5_1", {5, SCALE_PAIR_F16, 32, 0}},
    {"q6_k", {6, SCALE_TWO_LEVEL, 16, 32}}, {"f16", {16, SCALE_NONE, 32, 0}},
    {"f32", {32, SCALE_NONE, 32, 0}},
};

/// Planes of random codes with plain scales.
struct BenchMatrix {
    BenchMatrix(gpu::Device &device, const WeightFormat &format, uint32_t n, uint32_t k)
        : layout(layoutOf(format, n, k, kLanes)), buffer(makeBuffer(device, layout.bytes)) {
        std::mt19937 random(1);
        std::vector<uint32_t> words(layout.bytes / 4);
        for (uint32_t &word : words) {
            word = static_cast<uint32_t>(random());
            if (format.code_bits >= 16) // halves or floats near 1
                word = (word & 0x03ff03ffu) | 0x3c003c00u;
        }
        uint64_t end = format.scale_kind == SCALE_TWO_LEVEL ? layout.supers : layout.scales;
        if (format.scale_kind != SCALE_NONE)
            std::fill(words.begin() + static_cast<long>(end / 4), words.end(), 0x2c002c00u);
        gpu::uploadBytes(device, buffer, 0, std::as_bytes(std::span(words)));
        uint64_t base = buffer.address();
        matrix = {base + layout.codes, base + layout.high, base + layout.scales,
                  base + layout.supers};
    }

    PackedLayout layout;
    gpu::Buffer buffer;
    params::Matrix matrix{};
};

gpu::Specialization constantsOf(const WeightFormat &format, uint32_t tile_a, uint32_t tile_b) {
    return {{SPEC_LOCAL_SIZE, 8},
            {SPEC_CODE_BITS, format.code_bits},
            {SPEC_SCALE_KIND, format.scale_kind},
            {SPEC_GROUP, format.group},
            {SPEC_OFFSET, format.offset},
            {SPEC_INTERLEAVE, kLanes},
            {SPEC_TILE_A, tile_a},
            {SPEC_TILE_B, tile_b}};
}

void benchProduct(Bench &bench, const NamedFormat &named, uint32_t rows, uint32_t n, uint32_t k,
                  uint32_t tile_a, uint32_t tile_b) {
    BenchMatrix w(bench.device(), named.format, n, k);
    gpu::Buffer x = randomFloats(bench.device(), uint64_t{rows} * k);
    gpu::Buffer y = makeBuffer(bench.device(), uint64_t{rows} * n * sizeof(float));
    params::Matmul params{};
    params.w = w.matrix;
    params.x = x.address();
    params.y = y.address();
    params.rows = rows;
    params.k = params.x_stride = k;
    params.n = params.y_stride = n;
    params.scale = 1;
    gpu::Specialization constants = constantsOf(named.format, tile_a, tile_b);
    std::string shape = std::format("{:5} {} x {} x {}", named.name, rows, n, k);
    if (rows == 1) {
        Timing timing = bench.time(kMatvecLanes, constants, params, {(n + tile_a - 1) / tile_a});
        printBytes(std::format("matvec {} tile {}", shape, tile_a),
                   static_cast<double>(w.layout.bytes), timing);
        return;
    }
    uint32_t columns = tile_b * kLanes;
    Timing timing = bench.time(kMatmulLanes, constants, params,
                               {(n + columns - 1) / columns, (rows + tile_a - 1) / tile_a});
    printFlops(bench, std::format("matmul {} tile {}x{}", shape, tile_a, tile_b),
               2.0 * rows * n * k, timing);
}

void benchMatmul(Bench &bench, bool tiles) {
    if (tiles) {
        constexpr lanes::HeadsKeys kTiles[] = {{16, 4}, {12, 4}, {8, 4}, {8, 8}, {12, 6}, {24, 4}};
        for (const NamedFormat &named : {kFormats[0], kFormats[1]})
            for (const auto &[rows, groups, lane_rows] : kTiles)
                benchProduct(bench, named, 256, 1536, 576, rows, groups * lane_rows);
        return;
    }
    for (const NamedFormat &named : {kFormats[0], kFormats[1]})
        for (auto [n, k] : {std::pair{960u, 576u}, {576u, 576u}, {3072u, 576u}, {576u, 1536u}})
            benchProduct(bench, named, 256, n, k, lanes::kMatmulRows, lanes::kMatmulGroups);
    for (size_t i = 2; i < std::size(kFormats); ++i)
        benchProduct(bench, kFormats[i], 256, 1536, 512, lanes::kMatmulRows, lanes::kMatmulGroups);
}

void benchMatvec(Bench &bench, bool tiles) {
    if (tiles) {
        for (const NamedFormat &named : {kFormats[0], kFormats[1]})
            for (uint32_t tile : {16u, 32u, 64u, 96u, 128u})
                benchProduct(bench, named, 1, 49152, 1536, tile, 0);
        return;
    }
    for (const NamedFormat &named : {kFormats[0], kFormats[1]}) {
        for (auto [n, k] : {std::pair{960u, 576u}, {576u, 576u}, {3072u, 576u}, {576u, 1536u}})
            benchProduct(bench, named, 1, n, k, lanes::kMatvecRows, 0);
        benchProduct(bench, named, 1, 49152, 576, lanes::kMatvecRows, 0);
    }
    for (const NamedFormat &named : kFormats) // larger than the caches
        benchProduct(bench, named, 1, 49152, 1536, lanes::kMatvecRows, 0);
}

void runBenches(const std::set<std::string> &wanted) {
    gpu::Device device({.wanted = "", .validation = false});
    std::printf("%s, %s\n", device.facts().name.c_str(), device.facts().driver_info.c_str());
    Bench bench(device, wanted.contains("wall"));
    std::printf("multiply-add peak %.1f GFLOP/s\n", bench.peak());
    bool tiles = wanted.contains("tiles");
    bool all = wanted.size() == wanted.count("tiles") + wanted.count("wall");
    if (all || wanted.contains("matmul"))
        benchMatmul(bench, tiles);
    if (all || wanted.contains("matvec"))
        benchMatvec(bench, tiles);
    if (all || wanted.contains("experts"))
        benchExperts(device);
    if (all || wanted.contains("recurrent"))
        benchRecurrent(bench, tiles);
    benchAttention(bench, wanted);
}

} // namespace
} // namespace longscope::engine

int main(int count, char **arguments) {
    setenv("MESA_SHADER_CACHE_DISABLE", "true", 0); // so that "first" shows the driver compiling
    try {
        longscope::engine::runBenches({arguments + 1, arguments + count});
    } catch (const longscope::Error &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
