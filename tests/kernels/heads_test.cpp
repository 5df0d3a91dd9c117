// Each head's part of a row times the head's own matrix, and parts of heads that are copied from one
// layout of a row to another: the verbs that latent attention is made of.
#include "compute/reference/kernels.h"
#include "tests/support/rows_check.h"

#include <format>

namespace longscope::test {
namespace {

using engine::KernelFamily;
using model::QuantType;

std::vector<KernelFamily> families() {
    if (engine::chooseFamily(gpu::testDevice().facts(), "auto") == KernelFamily::lanes)
        return {KernelFamily::lanes, KernelFamily::subgroup};
    return {KernelFamily::subgroup};
}

struct HeadsCase {
    KernelFamily family = KernelFamily::lanes;
    QuantType type = QuantType::f32;
    uint32_t rows = 1, heads = 3, in = 32, out = 32;
    uint32_t x_distance = 40, y_distance = 36, y_first = 4;

    std::string text() const {
        return std::format("{} {}: {} rows of {} heads, {} -> {}, apart {} -> {}, from {}",
                           engine::familyName(family), model::traitsOf(type).name, rows, heads, in,
                           out, x_distance, y_distance, y_first);
    }
};

/// [rows, heads, columns] from rows in which heads lie apart.
std::vector<float> headsOf(const std::vector<float> &all, const HeadsCase &c, uint32_t stride,
                           uint32_t first, uint32_t distance, uint32_t columns) {
    std::vector<float> dense;
    for (uint32_t row = 0; row < c.rows; ++row)
        for (uint32_t head = 0; head < c.heads; ++head) {
            auto from = all.begin() + (size_t{row} * stride + first + head * distance);
            dense.insert(dense.end(), from, from + columns);
        }
    return dense;
}

/// The product of head `head` alone, [rows, out].
std::vector<float> ofHead(const std::vector<float> &x, const std::vector<float> &w,
                          const HeadsCase &c, uint32_t head) {
    std::vector<float> own;
    for (uint32_t row = 0; row < c.rows; ++row) {
        auto from = x.begin() + (size_t{row} * c.heads + head) * c.in;
        own.insert(own.end(), from, from + c.in);
    }
    size_t size = size_t{c.in} * c.out;
    return reference::matmul(own, std::span(w).subspan(head * size, size), c.in, {});
}

void expectPoisonBetween(const std::vector<float> &all, const HeadsCase &c, uint32_t stride) {
    for (size_t i = 0; i < all.size(); ++i) {
        size_t column = i % stride, in_heads = column - c.y_first;
        bool is_result = column >= c.y_first && in_heads / c.y_distance < c.heads &&
                         in_heads % c.y_distance < c.out;
        ASSERT_TRUE(is_result || isPoison(all[i])) << c.text() << ": column " << column;
    }
}

void checkHeads(const HeadsCase &c) {
    Random random(c.rows * 31 + c.out);
    engine::Tiling tiling = engine::chooseTiling(gpu::testDevice().facts(), c.family);
    RandomTensor weight = randomTensor(c.type, uint64_t{c.heads} * c.out, c.in, random);
    weight.tensor.shape = {c.in, c.out, c.heads};
    engine::ExpertLinear linear =
        engine::makeHeads(gpu::testDevice(), tiling, {.weight = &weight.tensor});
    // What is read beyond a head meets zeros: it must be finite, no more.
    const uint32_t x_stride = engine::padded(c.heads * c.x_distance) + 32;
    const uint32_t y_stride = engine::padded(c.y_first + c.heads * c.y_distance);
    std::vector<float> x = random.normals(size_t{c.rows} * x_stride);
    engine::Activations from{upload(x), x_stride}, to = unwritten(c.rows, y_stride);
    engine::Operations operations(gpu::testDevice(), tiling);
    gpu::Recorder recorder(gpu::testDevice());
    operations.multiplyHeads(
        recorder, linear,
        {.results = c.out, .x_distance = c.x_distance, .y_distance = c.y_distance}, from,
        {to, c.y_first}, c.rows);
    recorder.run();

    std::vector<float> all = download<float>(to.buffer, size_t{c.rows} * y_stride);
    expectPoisonBetween(all, c, y_stride);
    std::vector<float> got = headsOf(all, c, y_stride, c.y_first, c.y_distance, c.out);
    std::vector<float> w = reference::dequantize(weight.tensor);
    std::vector<float> dense = headsOf(x, c, x_stride, 0, c.x_distance, c.in);
    std::vector<float> size_w = w, size_x = dense; // the scale of rounding errors
    for (auto *values : {&size_w, &size_x})
        for (float &value : *values)
            value = std::abs(value);
    std::vector<float> wanted(got.size()), sizes(got.size());
    for (uint32_t head = 0; head < c.heads; ++head) {
        std::vector<float> own = ofHead(dense, w, c, head);
        std::vector<float> size = ofHead(size_x, size_w, c, head);
        for (size_t i = 0; i < own.size(); ++i) {
            size_t at = (i / c.out * c.heads + head) * c.out + i % c.out;
            wanted[at] = own[i];
            sizes[at] = size[i];
        }
    }
    expectClose(
        got, wanted,
        [&](size_t i) { return 2e-6 * static_cast<double>(sizes[i]) + 1e-6; }, c.text());
}

} // namespace

TEST(HeadProduct, OddCountsOfRowsAndHeads) {
    for (KernelFamily family : families())
        for (uint32_t rows : {1u, 3u, 8u, 33u, 70u})
            for (uint32_t heads : {1u, 6u, 16u})
                checkHeads({.family = family, .rows = rows, .heads = heads});
}

TEST(HeadProduct, PartsThatAreNoMultipleOfABlock) {
    for (KernelFamily family : families())
        for (uint32_t rows : {1u, 33u})
            for (uint32_t out : {8u, 16u, 40u, 72u})
                checkHeads({.family = family,
                            .rows = rows,
                            .in = 20,
                            .out = out,
                            .x_distance = 24,
                            .y_distance = out, // they touch: nothing may be written beyond
                            .y_first = 3});
}

TEST(HeadProduct, TypesOfWeights) {
    for (KernelFamily family : families())
        for (QuantType type : {QuantType::f16, QuantType::bf16, QuantType::q8_0, QuantType::q4_0})
            for (uint32_t rows : {1u, 33u})
                checkHeads({.family = family,
                            .type = type,
                            .rows = rows,
                            .in = 64,
                            .out = 48,
                            .x_distance = 96,
                            .y_distance = 64});
}

TEST(HeadParts, AreCopiedFromOneLayoutToAnother) {
    for (uint32_t local : kLocals)
        for (uint32_t columns : {2u, 8u, 64u}) {
            HeadsCase c{.rows = 3, .heads = 5, .out = columns};
            c.x_distance = columns + 16;
            c.y_distance = columns + 6;
            c.y_first = 2;
            Random random(columns);
            const uint32_t x_stride = engine::padded(c.heads * c.x_distance);
            const uint32_t y_stride = engine::padded(c.y_first + c.heads * c.y_distance);
            std::vector<float> x = random.normals(size_t{c.rows} * x_stride);
            engine::Activations from{upload(x), x_stride}, to = unwritten(c.rows, y_stride);
            engine::Adjust how{.columns = columns,
                               .segments = c.heads,
                               .x_distance = c.x_distance,
                               .y_distance = c.y_distance,
                               .factor = 2};
            run(local, [&](auto &op, auto &recorder) {
                op.adjust(recorder, how, {from, 16}, {to, c.y_first}, c.rows);
            });
            std::vector<float> all = download<float>(to.buffer, size_t{c.rows} * y_stride);
            expectPoisonBetween(all, c, y_stride);
            std::vector<float> wanted = headsOf(x, c, x_stride, 16, c.x_distance, columns);
            for (float &value : wanted)
                value *= 2;
            EXPECT_EQ(headsOf(all, c, y_stride, c.y_first, c.y_distance, columns), wanted);
        }
}

} // namespace longscope::test
