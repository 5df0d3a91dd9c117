// The kernels that both families share, against their scalar twins. Those that touch the KV cache:
// cache_test.cpp.
#include "compute/engine/kernels.h"
#include "compute/reference/kernels.h"
#include "tests/support/kernel_check.h"

#include <format>

namespace longscope::test {
namespace {

using model::QuantType;

gpu::Specialization localSize(uint32_t size) {
    return {{SPEC_LOCAL_SIZE, size}};
}

gpu::Specialization with(gpu::Specialization base, const gpu::Specialization &more) {
    base.insert(base.end(), more.begin(), more.end());
    return base;
}

/// Columns that suit the blocks of the type: few for the small ones.
uint64_t columnsFor(QuantType type, uint64_t small) {
    uint64_t block = model::traitsOf(type).block_elements;
    return (small + block - 1) / block * block;
}

void checkEmbed(QuantType type, uint32_t interleave, uint64_t columns) {
    Random random(1);
    RandomTensor table = randomTensor(type, 41, columns, random);
    DeviceMatrix matrix = uploadMatrix(table.tensor, interleave);
    std::vector<int32_t> tokens = {0, 40, 7, 8, 15, 33, 0};
    auto rows = static_cast<uint32_t>(tokens.size());
    uint32_t stride = matrix.layout.columns;
    gpu::Buffer ids = upload(tokens), x = poisoned(rows * stride);
    params::Embed params{.table = matrix.matrix,
                         .tokens = ids.address(),
                         .x = x.address(),
                         .rows = rows,
                         .columns = stride,
                         .scale = 1.5f,
                         .unused = 0};
    runKernel(engine::kEmbed, with(localSize(8), matrix.constants), params, {&x},
              {groupsFor(stride / 8, 8), rows});

    std::vector<float> twin = reference::embed(table.tensor, tokens, 1.5f);
    std::vector<float> wanted(rows * stride, 0.0f); // padding columns are zero weights
    for (uint32_t i = 0; i < rows; ++i)
        std::copy_n(&twin[i * columns], columns, &wanted[i * stride]);
    // One rounding here, two there: products of scales and codes fit 24 bits in most formats.
    auto tolerance = [&](size_t i) {
        return 5e-7 * std::abs(static_cast<double>(wanted[i])) + 1e-7;
    };
    expectClose(
        download<float>(x, wanted.size()), wanted, tolerance,
        std::format("embed {} interleave {} columns {}", table.tensor.name, interleave, columns));
}

} // namespace

TEST(EmbedKernel, EveryTypeAndInterleave) {
    for (QuantType type : allTypes())
        for (uint32_t interleave : {1u, 8u})
            for (uint64_t columns : {96u, 576u})
                checkEmbed(type, interleave, columnsFor(type, columns));
}

TEST(EmbedKernel, PadsColumns) {
    checkEmbed(QuantType::f32, 1, 40);
    checkEmbed(QuantType::f16, 8, 34);
}

TEST(RmsNormKernel, OddSizesAndLocalSizes) {
    Random random(2);
    for (uint32_t local : {8u, 64u, 128u})
        for (uint32_t rows : {1u, 3u, 33u})
            for (uint32_t columns : {32u, 37u, 96u, 576u, 1536u}) {
                uint32_t stride = engine::padded(columns);
                std::vector<float> dense = random.normals(rows * columns);
                std::vector<float> weight = random.normals(columns);
                // Beyond the last column lies NaN, which must not count.
                std::vector<float> x(rows * stride, std::nanf(""));
                for (uint32_t i = 0; i < rows; ++i)
                    std::copy_n(&dense[i * columns], columns, &x[i * stride]);
                gpu::Buffer x_buffer = upload(x), weight_buffer = upload(weight);
                gpu::Buffer y = poisoned(rows * stride);
                params::RmsNorm params{.x = x_buffer.address(),
                                       .weight = weight_buffer.address(),
                                       .y = y.address(),
                                       .rows = rows,
                                       .columns = columns,
                                       .stride = stride,
                                       .eps = 1e-5f};
                runKernel(engine::kRmsNorm, localSize(local), params, {&y}, {rows});

                std::vector<float> twin = reference::rmsNorm(dense, weight, 1e-5f);
                std::vector<float> wanted(rows * stride, 0.0f);
                for (uint32_t i = 0; i < rows; ++i)
                    std::copy_n(&twin[i * columns], columns, &wanted[i * stride]);
                // A sum of squares has no cancellation: a few units in the last place.
                expectClose(
                    download<float>(y, wanted.size()), wanted,
                    [&](size_t i) { return 2e-6 * std::abs(static_cast<double>(wanted[i])); },
                    std::format("rms_norm local {} rows {} columns {}", local, rows, columns));
            }
}

TEST(GatedKernel, StridesAndLargeValues) {
    Random random(3);
    for (uint32_t rows : {1u, 3u, 33u})
        for (uint32_t columns : {32u, 96u, 1536u}) {
            uint32_t in_stride = 2 * columns + 32, out_stride = columns + 32;
            std::vector<float> gate_up = random.normals(rows * in_stride);
            for (size_t i = 0; i < gate_up.size(); i += 7)
                gate_up[i] *= 100; // far into both tails of the sigmoid
            gpu::Buffer in = upload(gate_up), out = poisoned(rows * out_stride);
            params::Gated params{.gate = in.address(),
                                 .up = in.address() + columns * sizeof(float),
                                 .h = out.address(),
                                 .rows = rows,
                                 .columns = columns,
                                 .in_stride = in_stride,
                                 .out_stride = out_stride};
            runKernel(engine::kGated, localSize(64), params, {&out},
                      {groupsFor(columns / 4, 64), rows});

            std::vector<float> got = download<float>(out, rows * out_stride);
            std::string parameters = std::format("gated rows {} columns {}", rows, columns);
            for (uint32_t i = 0; i < rows; ++i) {
                std::span<const float> row = std::span(gate_up).subspan(i * in_stride);
                std::vector<float> wanted =
                    reference::gated(row.first(columns), row.subspan(columns, columns));
                std::vector<float> own(&got[i * out_stride], &got[i * out_stride] + columns);
                // exp is exact to 3 + 2|x| units in the last place (Vulkan, precision of GLSL.std)
                auto tolerance = [&](size_t c) {
                    double gate = std::abs(static_cast<double>(row[c]));
                    return (1e-6 + 2.4e-7 * std::min(gate, 80.0)) *
                               std::abs(static_cast<double>(wanted[c])) +
                           1e-30;
                };
                expectClose(own, wanted, tolerance, parameters + std::format(" row {}", i));
                for (uint32_t c = columns; c < out_stride; ++c)
                    EXPECT_TRUE(isPoison(got[i * out_stride + c])) << parameters << " wrote beyond";
            }
        }
}

TEST(AttentionMergeKernel, EmptyRangesDoNotCount) {
    Random random(5);
    for (uint32_t splits : {1u, 2u, 7u, 32u})
        for (uint32_t head_dim : {32u, 80u, 256u}) {
            constexpr uint32_t kHeads = 3;
            uint32_t dim = engine::padded(head_dim), record = dim + 2;
            std::vector<reference::Attended> parts;
            std::vector<float> partial(splits * kHeads * record, std::nanf(""));
            for (uint32_t split = 0; split < splits; ++split) {
                reference::Attended part{random.normals(kHeads * head_dim), {}, {}};
                for (uint32_t head = 0; head < kHeads; ++head) {
                    bool empty = split % 3 == 1; // such a range holds NaN but for its l
                    part.m.push_back(20 * static_cast<double>(random.normal()));
                    part.l.push_back(empty ? 0 : 1 + random.below(100));
                    float *to = &partial[(split * kHeads + head) * record];
                    if (!empty) {
                        std::copy_n(&part.out[head * head_dim], head_dim, to);
                        to[dim] = static_cast<float>(part.m.back() / std::log(2.0));
                    }
                    to[dim + 1] = static_cast<float>(part.l.back());
                }
                parts.push_back(std::move(part));
            }
            gpu::Buffer in = upload(partial), out = poisoned(kHeads * head_dim);
            params::AttentionMerge params{};
            params.partial = in.address();
            params.result = out.address();
            params.splits = splits;
            params.heads = kHeads;
            params.head_dim = head_dim;
            runKernel(engine::kAttentionMerge, {{SPEC_LOCAL_SIZE, 64}, {SPEC_HEAD_DIM, dim}},
                      params, {&out}, {kHeads});
            std::vector<float> wanted = reference::merge(parts, head_dim).out;
            // m of up to 60 has an error of 2^-19 in base 2 after rounding to f32.
            expectClose(
                download<float>(out, wanted.size()), wanted, [](size_t) { return 2e-5; },
                std::format("attention_merge splits {} head_dim {}", splits, head_dim));
        }
}

} // namespace longscope::test
