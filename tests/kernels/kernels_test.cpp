// The kernels that both families share, against their scalar twins. Those that touch the KV cache:
// cache_test.cpp.
#include "compute/engine/kernels.h"
#include "compute/reference/kernels.h"
#include "tests/support/kernel_check.h"

#include <format>

namespace longscope::test {
namespace {

using model::QuantType;

gpu::Specialization with(gpu::Specialization base, const gpu::Specialization &more) {
    base.insert(base.end(), more.begin(), more.end());
    return base;
}

/// Columns that suit the blocks of the type: few for the small ones.
uint64_t columnsFor(QuantType type, uint64_t small) {
    uint64_t block = model::traitsOf(type).block_elements;
    return (small + block - 1) / block * block;
}

void checkEmbed(QuantType type, uint32_t interleave, uint64_t columns, bool add = false) {
    Random random(1);
    RandomTensor table = randomTensor(type, 41, columns, random);
    DeviceMatrix matrix = uploadMatrix(table.tensor, interleave);
    std::vector<int32_t> tokens = {0, 40, 7, 8, 15, 33, 0};
    auto rows = static_cast<uint32_t>(tokens.size());
    uint32_t stride = matrix.layout.columns;
    std::vector<float> before = random.normals(rows * stride);
    gpu::Buffer ids = upload(tokens), x = add ? upload(before) : poisoned(rows * stride);
    params::Embed params{.table = matrix.matrix,
                         .tokens = ids.address(),
                         .x = x.address(),
                         .rows = rows,
                         .columns = stride,
                         .scale = 1.5f,
                         .unused = 0};
    gpu::Specialization constants = {{SPEC_LOCAL_SIZE, 8}, {SPEC_FLAGS, add ? EMBED_ADD : 0u}};
    runKernel(engine::kEmbed, with(constants, matrix.constants), params, {&x},
              {groupsFor(stride / 8, 8), rows});

    std::vector<float> twin = reference::embed(table.tensor, tokens, 1.5f);
    std::vector<float> wanted(rows * stride, 0.0f); // padding columns are zero weights
    for (uint32_t i = 0; i < rows; ++i)
        std::copy_n(&twin[i * columns], columns, &wanted[i * stride]);
    if (add)
        wanted = reference::sum(wanted, before);
    // One rounding here, two there: products of scales and codes fit 24 bits in most formats.
    auto tolerance = [&](size_t i) {
        return 5e-7 * (std::abs(static_cast<double>(wanted[i])) + (add ? 4 : 0)) + 1e-7;
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

TEST(EmbedKernel, AddsLearnedPositions) {
    for (QuantType type : {QuantType::f32, QuantType::q8_0, QuantType::q6_k})
        checkEmbed(type, 8, columnsFor(type, 96), true);
}

TEST(EmbedKernel, PadsColumns) {
    checkEmbed(QuantType::f32, 1, 40);
    checkEmbed(QuantType::f16, 8, 34);
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
