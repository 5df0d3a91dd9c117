// The golden fixture of attention: 8 tokens, one head of 4 dimensions, scale 1/2,
// Q[i][c] = sin(0.7i + 1.3c), K = cos(0.5i - 0.9c), V = sin(0.3ic + 0.2i + 0.1). A golden is the
// last row of the output and a checksum of all rows.
#pragma once

#include "compute/reference/kernels.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace longscope::reference {

constexpr uint64_t kTokens = 8, kDim = 4;
// Goldens have 6 to 10 digits, results are rounded to f32.
constexpr double kGolden = 2e-6;

inline std::vector<float> fill(double (*value)(double i, double c)) {
    std::vector<float> values;
    for (uint64_t i = 0; i < kTokens; ++i)
        for (uint64_t c = 0; c < kDim; ++c)
            values.push_back(
                static_cast<float>(value(static_cast<double>(i), static_cast<double>(c))));
    return values;
}

struct Fixture {
    std::vector<float> q = fill([](double i, double c) { return std::sin(0.7 * i + 1.3 * c); });
    std::vector<float> k = fill([](double i, double c) { return std::cos(0.5 * i - 0.9 * c); });
    std::vector<float> v =
        fill([](double i, double c) { return std::sin(0.3 * i * c + 0.2 * i + 0.1); });
    AttentionShape shape{.rows = kTokens, .head_dim = kDim, .capacity = kTokens, .scale = 0.5f};

    /// One row, as a decode step at that position.
    AttentionShape rowShape(uint64_t row) const {
        AttentionShape one = shape;
        one.rows = 1;
        one.position = row;
        return one;
    }
    std::span<const float> queryOf(uint64_t row) const {
        return std::span(q).subspan(row * kDim, kDim);
    }
};

inline void expectRow(std::span<const float> row, const std::array<double, kDim> &wanted) {
    for (uint64_t c = 0; c < kDim; ++c)
        EXPECT_NEAR(static_cast<double>(row[c]), wanted[c], kGolden) << "dimension " << c;
}

/// sum over i, c of (i + 1)(c + 1) out[i][c]
inline double checksum(std::span<const float> out) {
    double sum = 0;
    for (uint64_t i = 0; i < kTokens; ++i)
        for (uint64_t c = 0; c < kDim; ++c)
            sum += static_cast<double>((i + 1) * (c + 1)) * static_cast<double>(out[i * kDim + c]);
    return sum;
}

inline std::span<const float> lastRow(std::span<const float> out) {
    return out.subspan((kTokens - 1) * kDim);
}

inline void expectGolden(std::span<const float> out, const std::array<double, kDim> &last,
                         double sum) {
    expectRow(lastRow(out), last);
    EXPECT_NEAR(checksum(out), sum, 5e-5); // 32 rounded terms with weights up to 32
}

} // namespace longscope::reference
