// The scalar twins of recurrent layers on cases that one can check by eye.
#include "compute/reference/recurrent.h"

#include <gtest/gtest.h>

#include <cmath>

namespace longscope::reference {
namespace {

using Floats = std::vector<float>;

constexpr float kStrong = 40; // sigmoid 1, softplus 40, to every digit of a float

} // namespace

TEST(ReferenceRecurrent, ConvolutionReadsItsHistory) {
    Floats u = {1, 10, 2, 20}; // two rows of two channels
    Floats weight = {100, 10, 1, 0, 0, 2};
    Floats history = {5, 6, 7, 8}; // channel 0: 5, 6; channel 1: 7, 8
    EXPECT_EQ(shortConv({u, {}, {}, weight, {}, 3, false}, history),
              (Floats{500 + 60 + 1, 20, 600 + 10 + 2, 40}));
    EXPECT_EQ(history, (Floats{1, 2, 10, 20}));
}

TEST(ReferenceRecurrent, ConvolutionOfProducts) {
    Floats u = {2, 3}, gate_in = {5, 7}, gate_out = {1, -1}, weight = {1, 1}, bias = {0.5f};
    Floats history = {4};
    EXPECT_EQ(shortConv({u, gate_in, gate_out, weight, bias, 2, false}, history),
              (Floats{4 + 10 + 0.5f, -(10 + 21 + 0.5f)}));
    EXPECT_EQ(history, (Floats{21}));
}

// With dt = 40 and A = 0 nothing is forgotten: the state sums 40 u B, read with C, plus D u.
TEST(ReferenceRecurrent, MambaSumsWhereNothingDecays) {
    Floats u = {1, 2}, b = {1, 0, 0, 1}, c = {1, 1, 1, 10}, dt = {kStrong, kStrong};
    Floats dt_bias = {0}, a1 = {0, 0}, a2 = {0}, d = {0.5f};
    Floats state(2), wanted = {40 + 0.5f, 40 + 800 + 1};
    EXPECT_EQ(scanMamba1({u, b, c, dt, {}, dt_bias, a1, d, 2, 1, 1, 1, 2}, state), wanted);
    EXPECT_EQ(state, (Floats{40, 80}));
    state = {0, 0};
    EXPECT_EQ(scanMamba2({u, b, c, dt, {}, dt_bias, a2, d, 2, 1, 1, 1, 2}, state), wanted);
    EXPECT_EQ(state, (Floats{40, 80}));
}

TEST(ReferenceRecurrent, MambaHalvesTheState) {
    float half = std::log(0.5f) / 40; // exp(40 * half) = 1/2
    Floats u = {0}, b = {0, 0}, c = {1, 0}, dt = {0}, dt_bias = {kStrong}, d = {0};
    Floats state = {8, 4}, a1 = {half, 2 * half};
    EXPECT_NEAR(scanMamba1({u, b, c, dt, {}, dt_bias, a1, d, 1, 1, 1, 1, 2}, state)[0], 4, 1e-5);
    EXPECT_NEAR(state[1], 1, 1e-5);
}

// Three heads, two groups: heads 0 and 1 read group 0, head 2 group 1 (floor of h * 2 / 3).
TEST(ReferenceRecurrent, MambaGroups) {
    Floats u = {1, 1, 1}, b = {1, 1}, c = {3, 5}, dt = {kStrong, kStrong, kStrong};
    Floats zeros = {0, 0, 0}, state(3);
    EXPECT_EQ(scanMamba2({u, b, c, dt, {}, zeros, zeros, zeros, 1, 3, 2, 1, 1}, state),
              (Floats{120, 120, 200}));
}

// One-hot keys are slots: with beta 1 a value replaces what its slot held, the others stay.
TEST(ReferenceRecurrent, DeltaRuleReplacesValues) {
    Floats k = {1, 0, 0, 1, 1, 0}, q = {1, 0, 1, 1, 1, 1}, v = {5, 7, 2};
    Floats alpha = {0, 0, 0}, beta = {kStrong, kStrong, kStrong}, dt_bias = {0}, a = {0}, state(2);
    DeltaInput in{q, k, v, alpha, beta, dt_bias, a, 3, 1, 1, 1, 2};
    in.scale = 0.5f;
    EXPECT_EQ(deltaNet(in, state), (Floats{2.5f, 6, 4.5f}));
    EXPECT_EQ(state, (Floats{2, 7}));
}

// Four value heads on two key heads: 0 0 1 1, or 0 1 0 1.
TEST(ReferenceRecurrent, DeltaHeads) {
    Floats k = {1, 1}, q = {1, 10}, v = {1, 1, 1, 1}, zeros(4), beta(4, kStrong), state(4);
    DeltaInput in{q, k, v, zeros, beta, zeros, zeros, 1, 4, 2, 1, 1};
    EXPECT_EQ(deltaNet(in, state), (Floats{1, 1, 10, 10}));
    in.modulo = true;
    state = Floats(4);
    EXPECT_EQ(deltaNet(in, state), (Floats{1, 10, 1, 10}));
}

TEST(ReferenceRecurrent, WkvGivesTheNewestABonus) {
    Floats r = {1, 1, 1, 1}, k = {1, 0, 0, 1}, v = {3, 4, 5, 6}, w = {0.5f, 0.25f, 0.5f, 0.25f};
    Floats bonus = {2, 10}, state(4); // state [v, k]
    EXPECT_EQ(wkv({r, k, v, w, bonus, 2, 1, 2}, state), (Floats{6, 8, 3 + 50, 4 + 60}));
    EXPECT_EQ(state, (Floats{1.5f, 5, 2, 6}));
}

TEST(ReferenceRecurrent, TokenShiftMixesNeighbours) {
    Floats x = {1, 2, 3, 4}, lerp = {0, 1, 0.5f, 0.5f}, previous = {9, 10};
    EXPECT_EQ(tokenShift(x, lerp, {}, previous, false), (Floats{1, 10, 5, 6, 3, 2, 2, 3}));
    EXPECT_EQ(previous, (Floats{9, 10}));
    tokenShift(x, lerp, {}, previous, true);
    EXPECT_EQ(previous, (Floats{3, 4}));
}

TEST(ReferenceRecurrent, MeanOfDecays) {
    // softplus(0) = ln 2: a state halves with A = -1 at every token.
    Floats raw = {1, 1}, bias = {-1}, a = {-0.5f, -1.5f};
    EXPECT_NEAR(meanLogDecay(raw, bias, a)[0], std::log(0.5), 1e-6);
    EXPECT_NEAR(meanLogDecay(raw, bias, {})[0], -1, 1e-6);
}

} // namespace longscope::reference
