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
#include "compute/gpu/recorder.h"
#include "shaders/params.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <format>
#include <random>
#include <set>
#include <string>
#include <thread>

namespace longscope::engine {
namespace {

constexpr uint32_t kLanes = 8;

struct Timing {
    double ms = 0;       ///< median
    double first_ms = 0; ///< what the first dispatch took longer
};

gpu::Buffer makeBuffer(gpu::Device &device, uint64_t bytes) {
    return gpu::Buffer(device, "bench", bytes, gpu::Memory::device);
}

/// Small normal numbers: denormals and infinities would be timed instead of the kernel.
gpu::Buffer randomFloats(gpu::Device &device, uint64_t count, bool half = false) {
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

void printFlops(Bench &bench, const std::string &label, double flops, const Timing &timing) {
    double gflops = flops / timing.ms * 1e-6;
    std::printf("%-52s %9.3f ms %7.1f GFLOP/s %3.0f %% of peak, first +%.2f s\n", label.c_str(),
                timing.ms, gflops, 100 * gflops / bench.peak(), timing.first_ms * 1e-3);
    std::fflush(stdout);
}

void printBytes(const std::string &label, double bytes, const Timing &timing) {
    std::printf("%-52s %9.3f ms %7.2f GB/s, first +%.2f s\n", label.c_str(), timing.ms,
                bytes / timing.ms * 1e-6, timing.first_ms * 1e-3);
    std::fflush(stdout);
}

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
            for (auto [rows, groups] : kTiles)
                benchProduct(bench, named, 256, 1536, 576, rows, groups);
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

struct AttentionCase {
    uint32_t heads = 9, kv_heads = 3, head_dim = 64;
    bool half = true;
};

gpu::Specialization constantsOf(const AttentionCase &c, lanes::HeadsKeys tile) {
    uint32_t type = c.half ? CACHE_F16 : CACHE_F32;
    return {{SPEC_LOCAL_SIZE, 8}, {SPEC_HEAD_DIM, c.head_dim}, {SPEC_CACHE_K, type},
            {SPEC_CACHE_V, type}, {SPEC_TILE_A, tile.heads},   {SPEC_TILE_B, tile.keys}};
}

std::string labelOf(const AttentionCase &c) {
    return std::format("{}/{} heads of {} {}", c.heads, c.kv_heads, c.head_dim,
                       c.half ? "f16" : "f32");
}

constexpr uint32_t kCapacity = 4096 + 256;

struct AttentionBuffers {
    AttentionBuffers(gpu::Device &device, const AttentionCase &c, uint32_t rows)
        : q(randomFloats(device, uint64_t{rows} * c.heads * c.head_dim)),
          k(randomFloats(device, uint64_t{c.kv_heads} * kCapacity * c.head_dim, c.half)),
          v(randomFloats(device, uint64_t{c.kv_heads} * kCapacity * c.head_dim, c.half)),
          out(makeBuffer(device, 64ull * rows * c.heads * (c.head_dim + 2))) {}
    gpu::Buffer q, k, v, out;
};

void benchPrefillCase(Bench &bench, const AttentionCase &c, lanes::HeadsKeys tile,
                      std::initializer_list<uint32_t> positions) {
    const uint32_t rows = 256;
    AttentionBuffers buffers(bench.device(), c, rows);
    for (uint32_t position : positions) {
        params::AttentionPrefill params{.q = buffers.q.address(),
                                        .k = buffers.k.address(),
                                        .v = buffers.v.address(),
                                        .result = buffers.out.address(),
                                        .rows = rows,
                                        .position = position,
                                        .heads = c.heads,
                                        .kv_heads = c.kv_heads,
                                        .head_dim = c.head_dim,
                                        .capacity = kCapacity,
                                        .out_stride = c.heads * c.head_dim,
                                        .scale = 1 / std::sqrt(static_cast<float>(c.head_dim))};
        Timing timing = bench.time(kAttentionPrefillLanes, constantsOf(c, tile), params,
                                   {rows / 8, c.heads / tile.heads});
        double pairs = double{rows} * position + rows * (rows + 1) / 2.0;
        printFlops(bench,
                   std::format("prefill {} after {} tile {}x{}", labelOf(c), position, tile.heads,
                               tile.keys),
                   4 * pairs * c.heads * c.head_dim, timing);
    }
}

void benchPrefill(Bench &bench, bool tiles) {
    if (tiles) {
        struct Sweep {
            uint32_t group, head_dim;
            std::vector<lanes::HeadsKeys> tiles;
        };
        const Sweep sweeps[] = {
            {4, 32, {{4, 4}, {2, 6}, {1, 8}}},  {3, 32, {{3, 5}}},
            {4, 64, {{4, 2}, {2, 4}, {1, 8}}},  {3, 64, {{3, 2}, {3, 3}, {3, 4}}},
            {4, 96, {{2, 3}, {1, 4}}},          {3, 96, {{3, 2}}},
            {4, 128, {{2, 2}, {1, 4}, {4, 1}}}, {4, 160, {{1, 3}}},
            {4, 256, {{1, 2}, {1, 3}}},
        };
        for (const Sweep &sweep : sweeps)
            for (lanes::HeadsKeys tile : sweep.tiles)
                for (bool half : {true, false})
                    benchPrefillCase(bench, {2 * sweep.group, 2, sweep.head_dim, half}, tile,
                                     {4096});
        return;
    }
    for (bool half : {true, false})
        benchPrefillCase(bench, {.half = half}, lanes::prefillTile(3, 64), {0, 2048, 4096});
    for (auto [heads, kv_heads, head_dim] :
         {std::tuple{8u, 2u, 64u}, {8u, 2u, 96u}, {8u, 2u, 128u}, {4u, 1u, 256u}})
        benchPrefillCase(bench, {heads, kv_heads, head_dim},
                         lanes::prefillTile(heads / kv_heads, head_dim), {2048});
}

void benchDecodeCase(Bench &bench, const AttentionCase &c, uint32_t keys, lanes::HeadsKeys tile) {
    const uint32_t splits = std::min(lanes::kDecodeSplits, (keys + 255) / 256);
    AttentionBuffers buffers(bench.device(), c, 1);
    params::AttentionDecode params{.q = buffers.q.address(),
                                   .k = buffers.k.address(),
                                   .v = buffers.v.address(),
                                   .partial = buffers.out.address(),
                                   .keys = keys,
                                   .splits = splits,
                                   .keys_per_split = (keys + splits - 1) / splits,
                                   .heads = c.heads,
                                   .kv_heads = c.kv_heads,
                                   .capacity = kCapacity,
                                   .scale = 1 / std::sqrt(static_cast<float>(c.head_dim)),
                                   .unused = 0};
    Timing timing = bench.time(kAttentionDecodeLanes, constantsOf(c, tile), params,
                               {splits, c.heads / tile.heads});
    double bytes = 2.0 * keys * c.kv_heads * c.head_dim * (c.half ? 2 : 4);
    printBytes(
        std::format("decode {} keys {} tile {}x{}", labelOf(c), keys, tile.heads, 8 * tile.keys),
        bytes, timing);
}

void benchDecode(Bench &bench, bool tiles) {
    if (tiles) {
        for (uint32_t heads : {1u, 3u})
            for (uint32_t key_groups : {1u, 2u, 3u, 4u})
                benchDecodeCase(bench, {}, 4096, {heads, key_groups});
        return;
    }
    for (uint32_t keys : {512u, 4096u})
        for (bool half : {true, false})
            benchDecodeCase(bench, {.half = half}, keys, {lanes::decodeHeads(3, 64), 1});
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
    if (all || wanted.contains("prefill"))
        benchPrefill(bench, tiles);
    if (all || wanted.contains("decode"))
        benchDecode(bench, tiles);
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
