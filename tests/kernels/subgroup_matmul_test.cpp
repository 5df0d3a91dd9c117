// The matrix kernels of the subgroup family against their scalar twin: every weight type, odd
// sizes, every tile shape that tiling may choose, poisoned outputs.
#include "compute/engine/kernels.h"
#include "compute/reference/kernels.h"
#include "tests/support/kernel_check.h"

#include <format>

namespace longscope::test {
namespace {

using model::QuantType;

struct MatmulCase {
    QuantType type = QuantType::f32;
    uint32_t rows = 1, k = 32, n = 32; ///< of the tensor, before padding
    uint32_t flags = 0;
    uint32_t local = 128, tile_a = 64, tile_b = 64;

    std::string describe() const {
        return std::format("{} rows {} k {} n {} flags {} local {} tile {} x {}",
                           model::traitsOf(type).name, rows, k, n, flags, local, tile_a, tile_b);
    }
};

/// Inputs of one case, padded as the engine pads them, and what must come out.
struct MatmulData {
    RandomTensor weight;
    DeviceMatrix matrix;
    std::vector<float> x, bias, residual, wanted;
    std::vector<double> magnitude; ///< sum of |w x|, the scale of rounding errors
    uint32_t x_stride = 0, y_stride = 0;
};

constexpr float kScale = 0.75f;

std::vector<float> dropPadding(const std::vector<float> &x, uint32_t rows, uint32_t stride,
                               uint32_t columns) {
    std::vector<float> dense;
    for (uint32_t i = 0; i < rows; ++i)
        dense.insert(dense.end(), x.begin() + i * stride, x.begin() + i * stride + columns);
    return dense;
}

std::vector<double> magnitudes(const std::vector<float> &x, const std::vector<float> &w,
                               const MatmulCase &c, const MatmulData &data) {
    std::vector<double> sums(c.rows * data.y_stride, 0.0);
    for (uint32_t i = 0; i < c.rows; ++i)
        for (uint32_t column = 0; column < c.n; ++column)
            for (uint32_t at = 0; at < c.k; ++at)
                sums[i * data.y_stride + column] +=
                    std::abs(static_cast<double>(x[i * c.k + at]) *
                             static_cast<double>(w[column * c.k + at]));
    return sums;
}

MatmulData makeData(const MatmulCase &c) {
    Random random(c.rows * 7919 + c.k * 31 + c.n);
    MatmulData data;
    data.weight = randomTensor(c.type, c.n, c.k, random);
    data.matrix = uploadMatrix(data.weight.tensor, 1);
    uint32_t n = data.matrix.layout.rows;
    data.x_stride = data.matrix.layout.columns + 32;
    data.y_stride = n + 64;
    data.x = random.normals(c.rows * data.x_stride);
    data.bias = random.normals(n);
    data.residual = random.normals(c.rows * data.y_stride);

    std::vector<float> x = dropPadding(data.x, c.rows, data.x_stride, c.k);
    std::vector<float> w = reference::dequantize(data.weight.tensor);
    std::vector<float> twin =
        reference::matmul(x, w, c.k, {.scale = kScale, .bias = {}, .residual = {}});
    data.magnitude = magnitudes(x, w, c, data);
    float poison;
    std::memcpy(&poison, &kPoison, sizeof poison);
    data.wanted.assign(c.rows * data.y_stride, poison);
    for (uint32_t i = 0; i < c.rows; ++i)
        for (uint32_t column = 0; column < n; ++column) {
            float value = column < c.n ? twin[i * c.n + column] : 0; // padding rows are zero
            if (c.flags & MATMUL_BIAS)
                value += data.bias[column];
            if (c.flags & MATMUL_RESIDUAL)
                value += data.residual[i * data.y_stride + column];
            data.wanted[i * data.y_stride + column] = value;
        }
    // x beyond k meets weights of zero; it must be finite, as the engine's is.
    return data;
}

void check(const gpu::Kernel &kernel, const MatmulCase &c, gpu::Groups groups,
           gpu::Specialization tile) {
    MatmulData data = makeData(c);
    gpu::Buffer x = upload(data.x), bias = upload(data.bias);
    bool adds = (c.flags & MATMUL_RESIDUAL) != 0;
    gpu::Buffer y = adds ? upload(data.residual) : poisoned(data.wanted.size()); // in place
    params::Matmul params{.w = data.matrix.matrix,
                          .x = x.address(),
                          .y = y.address(),
                          .bias = bias.address(),
                          .residual = y.address(),
                          .rows = c.rows,
                          .k = data.matrix.layout.columns,
                          .n = data.matrix.layout.rows,
                          .x_stride = data.x_stride,
                          .y_stride = data.y_stride,
                          .scale = kScale};
    tile.insert(tile.end(), data.matrix.constants.begin(), data.matrix.constants.end());
    tile.emplace_back(SPEC_FLAGS, c.flags);
    runKernel(kernel, tile, params, {&y}, groups);

    std::vector<float> got = download<float>(y, data.wanted.size());
    std::string parameters = std::string(kernel.name) + " " + c.describe();
    uint32_t n = data.matrix.layout.rows;
    for (uint32_t i = 0; i < c.rows; ++i) // what lies between the rows of y stays as it was
        for (uint32_t column = n; column < data.y_stride; ++column) {
            size_t at = i * data.y_stride + column;
            if (adds)
                EXPECT_EQ(got[at], data.residual[at]) << parameters << " wrote column " << column;
            else
                EXPECT_TRUE(isPoison(got[at])) << parameters << " wrote column " << column;
            got[at] = data.wanted[at] = 0;
        }
    // Sums of up to 768 f32 products: 24 bits of each, errors adding like a random walk; codes with
    // an offset are summed before the offset is taken away, which costs two bits more.
    expectClose(
        got, data.wanted, [&](size_t i) { return 2e-6 * data.magnitude[i] + 1e-6; }, parameters);
}

void checkMatmul(const MatmulCase &c) {
    check(engine::kMatmulSubgroup, c,
          {groupsFor(engine::padded(c.n), c.tile_b), groupsFor(c.rows, c.tile_a)},
          {{SPEC_LOCAL_SIZE, c.local}, {SPEC_TILE_A, c.tile_a}, {SPEC_TILE_B, c.tile_b}});
}

void checkMatvec(const MatmulCase &c) {
    check(engine::kMatvecSubgroup, c, {groupsFor(engine::padded(c.n), c.tile_a)},
          {{SPEC_LOCAL_SIZE, c.local}, {SPEC_TILE_A, c.tile_a}});
}

/// Columns that the type allows, near the wanted ones.
uint32_t columnsFor(QuantType type, uint32_t wanted) {
    uint32_t block = model::traitsOf(type).block_elements;
    return block * groupsFor(wanted, block);
}

} // namespace

TEST(MatmulSubgroupKernel, EveryTypeAndOddSizes) {
    for (QuantType type : allTypes())
        for (auto [rows, k, n] :
             {std::array{1u, 32u, 96u}, {3u, 96u, 32u}, {33u, 288u, 96u}, {65u, 576u, 33u}})
            checkMatmul({.type = type, .rows = rows, .k = columnsFor(type, k), .n = n});
}

TEST(MatmulSubgroupKernel, BiasAndResidualInPlace) {
    for (uint32_t flags : {MATMUL_BIAS, MATMUL_RESIDUAL, MATMUL_BIAS | MATMUL_RESIDUAL})
        for (uint32_t rows : {3u, 64u})
            checkMatmul({.type = QuantType::q4_1, .rows = rows, .k = 96, .n = 288, .flags = flags});
}

TEST(MatmulSubgroupKernel, TileShapes) {
    for (auto [local, tile_a, tile_b] : {std::array{128u, 64u, 64u},
                                         {64u, 32u, 64u},
                                         {32u, 32u, 32u},
                                         {64u, 64u, 32u},
                                         {128u, 32u, 64u},
                                         {16u, 8u, 32u},
                                         {128u, 96u, 32u}})
        for (uint32_t rows : {1u, 33u})
            checkMatmul({.type = QuantType::q6_k,
                         .rows = rows,
                         .k = 256,
                         .n = 96,
                         .local = local,
                         .tile_a = tile_a,
                         .tile_b = tile_b});
}

TEST(MatmulSubgroupKernel, PaddedColumns) {
    checkMatmul({.type = QuantType::f32, .rows = 3, .k = 40, .n = 40});
    checkMatmul({.type = QuantType::bf16, .rows = 3, .k = 34, .n = 31});
}

TEST(MatvecSubgroupKernel, EveryTypeAndOddSizes) {
    for (QuantType type : allTypes())
        for (auto [rows, k, n] : {std::array{1u, 32u, 96u},
                                  {1u, 576u, 33u},
                                  {2u, 96u, 32u},
                                  {3u, 288u, 40u},
                                  {4u, 576u, 96u}})
            checkMatvec({.type = type,
                         .rows = rows,
                         .k = columnsFor(type, k),
                         .n = n,
                         .local = 32,
                         .tile_a = 4});
}

TEST(MatvecSubgroupKernel, BiasResidualAndTileShapes) {
    for (uint32_t local : {8u, 32u, 64u, 128u})
        for (uint32_t tile : {1u, 2u, 5u})
            for (uint32_t flags : {0, MATMUL_BIAS, MATMUL_BIAS | MATMUL_RESIDUAL})
                checkMatvec({.type = QuantType::q4_1,
                             .rows = 2,
                             .k = 288,
                             .n = 96,
                             .flags = flags,
                             .local = local,
                             .tile_a = tile});
}

} // namespace longscope::test
