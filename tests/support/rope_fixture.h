// What the tests of rotary positions share: settings, and the golden fixture of 8 tokens with one
// head of 4: Q[i][c] = sin(0.7i + 1.3c), K = cos(0.5i - 0.9c), V = sin(0.3ic + 0.2i + 0.1).
#pragma once

#include "compute/attention/rope.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace longscope::attention {

inline RopeSettings settingsOf(uint32_t dims, double base, std::string scaling = "none",
                               double factor = 1) {
    RopeSettings settings;
    settings.dims = dims;
    settings.base = base;
    settings.scaling = std::move(scaling);
    settings.factor = factor;
    return settings;
}

/// The reference values have 9 significant digits.
inline void expectClose(double value, double wanted) {
    EXPECT_NEAR(value, wanted, std::abs(wanted) * 2e-8) << "wanted " << wanted;
}

/// theta / theta' of Llama 3.x (low_freq_factor 1, high_freq_factor 4, trained context 8192), as
/// converters store it in rope_freqs.weight.
inline std::vector<float> llama3Factors(uint32_t dims, double base, double stretch) {
    std::vector<float> factors;
    for (uint32_t pair = 0; pair < dims / 2; ++pair) {
        double theta = std::pow(base, -2.0 * pair / dims);
        double turns = 8192 * theta / (2 * std::numbers::pi);
        double smooth = std::clamp((turns - 1) / 3, 0.0, 1.0);
        factors.push_back(static_cast<float>(1 / ((1 - smooth) / stretch + smooth)));
    }
    return factors;
}

using Row = std::array<double, 4>;

/// Pair i is (2i, 2i+1), or (i, i+2) in the half-split layout.
inline Row rotate(const Row &x, const float *rotation, bool half_split) {
    Row y = x;
    for (size_t pair = 0; pair < 2; ++pair) {
        size_t a = half_split ? pair : 2 * pair, b = half_split ? pair + 2 : 2 * pair + 1;
        double cosine = static_cast<double>(rotation[2 * pair]);
        double sine = static_cast<double>(rotation[2 * pair + 1]);
        y[a] = x[a] * cosine - x[b] * sine;
        y[b] = x[a] * sine + x[b] * cosine;
    }
    return y;
}

struct Golden {
    Row last;
    double checksum;
};

} // namespace longscope::attention
