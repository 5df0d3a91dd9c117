// The products of the `lanes` family against a plain loop over the planes, read bit by bit as
// params.h describes them: every weight format, odd sizes, poisoned results.
#include "compute/engine/kernels.h"
#include "compute/engine/packing.h"
#include "compute/engine/tiling_lanes.h"
#include "compute/gpu/recorder.h"
#include "compute/model/quant.h"
#include "shaders/params.h"
#include "tests/support/device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

namespace longscope::engine {
namespace {

constexpr uint32_t kLanes = 8;
constexpr uint32_t kPoison = 0x7fc0dead; // a NaN

bool isTwoLevel(const WeightFormat &format) {
    return format.scale_kind == SCALE_TWO_LEVEL || format.scale_kind == SCALE_TWO_LEVEL_F32;
}

/// Random planes of one matrix, and their weights by the text of params.h.
class RandomMatrix {
  public:
    RandomMatrix(const WeightFormat &format, uint32_t rows, uint32_t columns, uint32_t seed)
        : layout_(layoutOf(format, rows, columns, kLanes)), planes_(layout_.bytes), random_(seed) {
        for (std::byte &byte : planes_)
            byte = static_cast<std::byte>(random_());
        if (format.code_bits >= 16)
            fillDense();
        else
            fillScales();
    }

    const PackedLayout &layout() const { return layout_; }
    const std::vector<std::byte> &planes() const { return planes_; }

    double weight(uint32_t row, uint32_t column) const {
        uint64_t n = number(row, column, 32);
        uint32_t e = column % 32;
        switch (layout_.format.code_bits) {
        case 32:
            return std::bit_cast<float>(word(layout_.codes + 128 * n + 4 * e));
        case 16:
            return model::halfToFloat(half(layout_.codes + 64 * n + 2 * e));
        case 17:
            return std::bit_cast<float>(uint32_t{half(layout_.codes + 64 * n + 2 * e)} << 16);
        default:
            break;
        }
        int code = static_cast<int>(codeOf(n, e)) - static_cast<int>(layout_.format.offset);
        auto [scale, minimum] = scalesOf(row, column);
        return scale * code - minimum;
    }

  private:
    float uniform(float low, float high) {
        return std::uniform_real_distribution<float>(low, high)(random_);
    }

    void fillDense() {
        uint32_t bits = layout_.format.code_bits;
        uint64_t count = uint64_t{layout_.rows} * layout_.columns;
        for (uint64_t i = 0; i < count; ++i) {
            float value = uniform(-1, 1);
            if (bits == 32) {
                std::memcpy(&planes_[layout_.codes + 4 * i], &value, 4);
                continue;
            }
            uint16_t kept = bits == 16
                                ? model::floatToHalf(value)
                                : static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
            std::memcpy(&planes_[layout_.codes + 2 * i], &kept, 2);
        }
    }

    /// Integer scales of two levels stay as random as they are.
    void fillScales() {
        uint64_t blocks = uint64_t{layout_.rows} * (layout_.columns / 32);
        uint32_t kind = layout_.format.scale_kind;
        bool two_level = isTwoLevel(layout_.format);
        for (uint64_t i = 0; i < (two_level ? blocks / 8 : blocks); ++i) {
            float pair[2] = {uniform(-0.02f, 0.05f), uniform(-0.1f, 0.2f)};
            uint16_t halves[2] = {model::floatToHalf(pair[0]), model::floatToHalf(pair[1])};
            if (kind == SCALE_PAIR_F32)
                std::memcpy(&planes_[layout_.scales + 8 * i], pair, 8);
            else if (kind == SCALE_TWO_LEVEL_F32)
                std::memcpy(&planes_[layout_.supers + 4 * i], pair, 4);
            else
                std::memcpy(&planes_[(two_level ? layout_.supers : layout_.scales) + 4 * i], halves,
                            4);
        }
    }

    uint64_t number(uint32_t row, uint32_t column, uint32_t span) const {
        return (uint64_t{row / kLanes} * (layout_.columns / span) + column / span) * kLanes +
               row % kLanes;
    }
    uint32_t word(uint64_t offset) const {
        uint32_t value;
        std::memcpy(&value, &planes_[offset], 4);
        return value;
    }
    uint16_t half(uint64_t offset) const {
        uint16_t value;
        std::memcpy(&value, &planes_[offset], 2);
        return value;
    }

    uint32_t codeOf(uint64_t n, uint32_t e) const {
        uint32_t code = word(layout_.codes + 16 * n + 4 * (e / 8)) >> (4 * (e % 8)) & 15;
        switch (layout_.format.code_bits) {
        case 5:
            return code | (word(layout_.high + 4 * n) >> e & 1) << 4;
        case 6:
            return code | (word(layout_.high + 8 * n + 4 * (e / 16)) >> (2 * (e % 16)) & 3) << 4;
        case 8:
            return code | (word(layout_.high + 16 * n + 4 * (e / 8)) >> (4 * (e % 8)) & 15) << 4;
        default:
            return code;
        }
    }

    /// What multiplies code - offset, and what is subtracted.
    std::pair<double, double> scalesOf(uint32_t row, uint32_t column) const {
        uint64_t n = number(row, column, 32);
        const WeightFormat &format = layout_.format;
        if (format.scale_kind == SCALE_PAIR_F32)
            return {std::bit_cast<float>(word(layout_.scales + 8 * n)),
                    std::bit_cast<float>(word(layout_.scales + 8 * n + 4))};
        if (format.scale_kind == SCALE_PAIR_F16)
            return {model::halfToFloat(half(layout_.scales + 4 * n)),
                    model::halfToFloat(half(layout_.scales + 4 * n + 2))};
        if (format.scale_kind == SCALE_GROUPS_F16)
            return {model::halfToFloat(half(layout_.scales + 4 * n + 2 * (column % 32 / 16))), 0};
        uint64_t at = format.group == 16
                          ? layout_.scales + 4 * n + 2 * (column % 32 / 16)
                          : layout_.scales + 4 * number(row, column, 64) + 2 * (column / 32 % 2);
        auto scale = static_cast<int8_t>(planes_[at]);
        auto minimum = static_cast<uint8_t>(planes_[at + 1]);
        uint64_t super = layout_.supers + 4 * number(row, column, 256);
        if (format.scale_kind == SCALE_TWO_LEVEL_F32) {
            double d = std::bit_cast<float>(word(super));
            return {d * scale, d * minimum};
        }
        return {double{model::halfToFloat(half(super))} * scale,
                double{model::halfToFloat(half(super + 2))} * minimum};
    }

    PackedLayout layout_;
    std::vector<std::byte> planes_;
    std::mt19937 random_;
};

struct Case {
    uint32_t rows, n, k;
    uint32_t tile_rows = lanes::kMatmulRows, tile_groups = lanes::kMatmulGroups;
    uint32_t flags = 0;
    bool in_place = false; ///< the residual is the result's buffer
};

std::vector<float> randomFloats(size_t count, uint32_t seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(count);
    for (float &value : values)
        value = normal(random);
    return values;
}

gpu::Buffer uploaded(std::span<const std::byte> bytes) {
    gpu::Buffer buffer(gpu::testDevice(), "test", bytes.size(), gpu::Memory::device);
    gpu::uploadBytes(gpu::testDevice(), buffer, 0, bytes);
    return buffer;
}

gpu::Buffer uploaded(const std::vector<float> &values) {
    return uploaded(std::as_bytes(std::span(values)));
}

const gpu::Pipeline &pipelineOf(const WeightFormat &format, const Case &c, bool matvec) {
    gpu::Specialization constants = {{SPEC_LOCAL_SIZE, 8},
                                     {SPEC_CODE_BITS, format.code_bits},
                                     {SPEC_SCALE_KIND, format.scale_kind},
                                     {SPEC_GROUP, format.group},
                                     {SPEC_OFFSET, format.offset},
                                     {SPEC_INTERLEAVE, kLanes},
                                     {SPEC_FLAGS, c.flags},
                                     {SPEC_TILE_A, matvec ? lanes::kMatvecRows : c.tile_rows}};
    if (!matvec)
        constants.emplace_back(SPEC_TILE_B, c.tile_groups);
    return gpu::findPipeline(gpu::testDevice(), matvec ? kMatvecLanes : kMatmulLanes, constants,
                             {.local_size = 8, .subgroup_size = 8});
}

/// Runs one product and compares it with the loop; what lies beyond the result must stay poison.
void checkProduct(const WeightFormat &format, const Case &c, bool matvec) {
    SCOPED_TRACE(testing::Message()
                 << (matvec ? "matvec" : "matmul") << " bits " << format.code_bits << " kind "
                 << format.scale_kind << " group " << format.group << " offset " << format.offset
                 << " rows " << c.rows << " n " << c.n << " k " << c.k << " tile " << c.tile_rows
                 << "x" << c.tile_groups);
    const float scale = 0.75f;
    const uint32_t x_stride = c.k + 4, y_stride = c.n + 4;
    RandomMatrix matrix(format, c.n, c.k, c.rows + c.n + c.k);
    std::vector<float> x = randomFloats(uint64_t{c.rows} * x_stride, 1);
    std::vector<float> bias = randomFloats(c.n, 2);
    std::vector<float> residual = randomFloats(uint64_t{c.rows + 1} * y_stride, 3);
    std::vector<float> poison(residual.size(), std::bit_cast<float>(kPoison));

    gpu::Buffer planes = uploaded(matrix.planes());
    gpu::Buffer x_buffer = uploaded(x), bias_buffer = uploaded(bias);
    gpu::Buffer residual_buffer = uploaded(residual);
    gpu::Buffer y_buffer = uploaded(c.in_place ? residual : poison);
    const PackedLayout &layout = matrix.layout();
    uint64_t base = planes.address();
    params::Matmul params{
        .w = {base + layout.codes, base + layout.high, base + layout.scales, base + layout.supers},
        .x = x_buffer.address(),
        .y = y_buffer.address(),
        .bias = bias_buffer.address(),
        .residual = c.in_place ? y_buffer.address() : residual_buffer.address(),
        .rows = c.rows,
        .k = c.k,
        .n = c.n,
        .x_stride = x_stride,
        .y_stride = y_stride,
        .scale = scale};
    uint32_t columns = matvec ? lanes::kMatvecRows : kLanes * c.tile_groups;
    gpu::Recorder recorder(gpu::testDevice());
    recorder.dispatch(pipelineOf(format, c, matvec), params,
                      {&planes, &x_buffer, &bias_buffer, &residual_buffer}, {&y_buffer},
                      {(c.n + columns - 1) / columns,
                       matvec ? c.rows : (c.rows + c.tile_rows - 1) / c.tile_rows});
    recorder.run();
    std::vector<float> y(poison.size());
    gpu::downloadBytes(gpu::testDevice(), y_buffer, 0, std::as_writable_bytes(std::span(y)));

    // Sums of k floats in another order: a few units in the last place of the largest term each.
    const double tolerance = 1e-6 * std::sqrt(c.k);
    for (uint32_t row = 0; row <= c.rows; ++row)
        for (uint32_t column = 0; column < y_stride; ++column) {
            uint64_t at = uint64_t{row} * y_stride + column;
            if (row == c.rows || column >= c.n) {
                uint32_t before = c.in_place ? std::bit_cast<uint32_t>(residual[at]) : kPoison;
                ASSERT_EQ(std::bit_cast<uint32_t>(y[at]), before)
                    << "written beyond the result at [" << row << ", " << column << "]";
                continue;
            }
            double want = 0, largest = 1;
            for (uint32_t i = 0; i < c.k; ++i) {
                double w = matrix.weight(column, i);
                want += w * x[uint64_t{row} * x_stride + i];
                largest = std::max(largest, std::abs(w) * 4);
            }
            want = want * scale + (c.flags & MATMUL_BIAS ? bias[column] : 0) +
                   (c.flags & MATMUL_RESIDUAL ? residual[at] : 0);
            ASSERT_NEAR(y[at], want, tolerance * largest) << "at [" << row << ", " << column << "]";
        }
}

std::vector<WeightFormat> allFormats() {
    std::vector<WeightFormat> formats;
    for (uint32_t type = 0; type < 64; ++type) {
        const model::QuantTraits *traits = model::findQuantTraits(type);
        if (traits && traits->supported)
            if (WeightFormat format = formatOf(traits->type);
                std::ranges::find(formats, format) == formats.end())
                formats.push_back(format);
    }
    return formats;
}

std::vector<uint32_t> columnsFor(const WeightFormat &format) {
    if (isTwoLevel(format))
        return {256, 768};
    return {32, 96, 576};
}

TEST(LanesMatmul, EveryFormatAtOddSizes) {
    for (const WeightFormat &format : allFormats())
        for (uint32_t k : columnsFor(format))
            for (uint32_t n : {32u, 96u})
                for (uint32_t rows : {1u, 7u, 8u, 9u, 33u}) {
                    checkProduct(format, {.rows = rows, .n = n, .k = k}, false);
                    if (HasFatalFailure())
                        return;
                }
}

TEST(LanesMatvec, EveryFormatAtOddSizes) {
    for (const WeightFormat &format : allFormats())
        for (uint32_t k : columnsFor(format))
            for (uint32_t n : {32u, 96u, 160u})
                for (uint32_t rows : {1u, 3u}) {
                    checkProduct(format, {.rows = rows, .n = n, .k = k}, true);
                    if (HasFatalFailure())
                        return;
                }
}

TEST(LanesMatmul, OtherTilesBiasAndResidual) {
    const WeightFormat q4_0 = formatOf(model::QuantType::q4_0);
    for (bool matvec : {false, true})
        for (uint32_t flags : {0u, 1u, 2u, 3u})
            for (bool in_place : {false, true}) {
                Case c{.rows = 17, .n = 96, .k = 64, .tile_rows = 3, .tile_groups = 5};
                c.flags = flags;
                c.in_place = in_place && (flags & MATMUL_RESIDUAL) != 0;
                checkProduct(q4_0, c, matvec);
            }
}

/// A case for the eye: one weight of 1 in each row picks one element of x.
TEST(LanesMatvec, OneHotRowsPickElements) {
    const uint32_t n = 32, k = 64;
    PackedLayout layout = layoutOf({.code_bits = 32}, n, k, kLanes);
    std::vector<std::byte> planes(layout.bytes);
    for (uint32_t row = 0; row < n; ++row) {
        uint32_t column = 2 * row;
        uint64_t block = (row / kLanes * (k / 32) + column / 32) * kLanes + row % kLanes;
        const float one = 1;
        std::memcpy(&planes[layout.codes + 128 * block + 4 * (column % 32)], &one, 4);
    }
    std::vector<float> x(k);
    for (uint32_t i = 0; i < k; ++i)
        x[i] = static_cast<float>(i);
    gpu::Buffer planes_buffer = uploaded(planes), x_buffer = uploaded(x);
    gpu::Buffer y_buffer = uploaded(std::vector<float>(n, -1.0f));
    params::Matmul params{};
    params.w.codes = planes_buffer.address() + layout.codes;
    params.x = x_buffer.address();
    params.y = y_buffer.address();
    params.rows = 1;
    params.k = params.x_stride = k;
    params.n = params.y_stride = n;
    params.scale = 1;
    gpu::Recorder recorder(gpu::testDevice());
    recorder.dispatch(pipelineOf(layout.format, {}, true), params, {&planes_buffer, &x_buffer},
                      {&y_buffer}, {1});
    recorder.run();
    std::vector<float> y(n);
    gpu::downloadBytes(gpu::testDevice(), y_buffer, 0, std::as_writable_bytes(std::span(y)));
    for (uint32_t row = 0; row < n; ++row)
        EXPECT_EQ(y[row], static_cast<float>(2 * row)) << "row " << row;
}

} // namespace
} // namespace longscope::engine
