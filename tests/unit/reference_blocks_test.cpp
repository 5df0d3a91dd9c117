// The twins of the small kernels, by hand: what their formulas say of numbers one can check by eye.
#include "compute/reference/blocks.h"

#include <gtest/gtest.h>

#include <cmath>

namespace longscope::reference {
namespace {

using model::ActivationKind;
using model::NormKind;
using Values = std::vector<float>;

TEST(ReferenceNorm, KindsByHand) {
    const Values x = {1, 2, 3, 6}; // mean 3, variance 3.5, mean of squares 12.5
    const Values layer = normalise(x, {.kind = NormKind::layer, .eps = 0.5f, .columns = 4});
    EXPECT_EQ(layer, (Values{-1, -0.5f, 0, 1.5f}));
    EXPECT_EQ(normalise(x, {.kind = NormKind::rms, .eps = 3.5f, .columns = 4}),
              (Values{0.25f, 0.5f, 0.75f, 1.5f}));
    EXPECT_EQ(normalise(Values{3, 4, 0, 0}, {.kind = NormKind::unit, .columns = 4}),
              (Values{0.6f, 0.8f, 0, 0}));
}

TEST(ReferenceNorm, SegmentsWeightsAndFactor) {
    const Values x = {3, 4, 6, 8, 0, 5, 5, 0}, shared = {1, 10}, own = {1, 2, 3, 4};
    const Norm halves{.kind = NormKind::unit, .columns = 2, .segments = 2};
    Norm norm = halves;
    norm.weight = shared;
    EXPECT_EQ(normalise(x, norm), (Values{0.6f, 8, 0.6f, 8, 0, 10, 1, 0}));
    norm.weight = own;
    norm.bias = own;
    norm.factor = 2;
    EXPECT_EQ(normalise(x, norm), (Values{3.2f, 7.2f, 9.6f, 14.4f, 2, 8, 12, 8}));
}

TEST(ReferenceNorm, GatesBeforeAndAfter) {
    const Values x = {1, 1}, z = {100, 0}; // silu(100) = 100, silu(0) = 0
    Norm norm{.kind = NormKind::unit, .columns = 2, .gate = z};
    EXPECT_FLOAT_EQ(normalise(x, norm)[0], 100 / std::sqrt(2.0f));
    norm.gate_before = true;
    EXPECT_EQ(normalise(x, norm), (Values{1, 0}));
}

TEST(ReferenceActivation, KindsByHand) {
    auto of = [](ActivationKind kind, double x) { return activate(kind, x); };
    EXPECT_NEAR(of(ActivationKind::silu, 1), 0.7310585786, 1e-9);
    EXPECT_NEAR(of(ActivationKind::gelu, 1), 0.8411919906, 1e-9); // tanh form; with erf 0.84134
    EXPECT_NEAR(of(ActivationKind::gelu, -1), -0.1588080094, 1e-9);
    EXPECT_EQ(of(ActivationKind::relu_squared, 3), 9);
    EXPECT_EQ(of(ActivationKind::relu_squared, -3), 0);
    EXPECT_EQ(of(ActivationKind::sigmoid, 0), 0.5);
    EXPECT_NEAR(of(ActivationKind::tanh, 0.5), 0.4621171573, 1e-9);
    EXPECT_EQ(gated(Values{0, 100, -100}, Values{5, 2, 1})[1], 200.0f);
    // gpt-oss: both bounds, and 7 * sigmoid(11.914) * (u + 1)
    const Values h = activate(ActivationKind::oai, Values{9, 7, 0, 9}, Values{9, 7, 5, -9});
    EXPECT_EQ(h[0], h[1]);
    EXPECT_NEAR(h[0], 56, 1e-3);
    EXPECT_EQ(h[2], 0);
    EXPECT_NEAR(h[3], -42, 1e-3);
}

TEST(ReferenceAdjust, BoundsAndScalesByHand) {
    const Values x = {-3, 1, 0, 8}, scales = {2, 0};
    EXPECT_EQ(adjust(x, 2, {.factor = 2, .clamp = 2}), (Values{-4, 2, 0, 4}));
    EXPECT_EQ(adjust(x, 2, {.scales = scales}), (Values{-6, 2, 0, 0}));
    EXPECT_EQ(adjust(x, 4, {.cap = 0.25f}), (Values{-0.25f, 0.25f * std::tanh(4.0f), 0, 0.25f}));
    EXPECT_EQ(adjust(Values{4}, 1, {.scales = std::span(scales).subspan(1), .sigmoid = true}),
              (Values{2}));
}

} // namespace
} // namespace longscope::reference
