// The smaller kernels of recurrent layers against their scalar twins: convolution with history,
// token shift, functions of single elements, means of decays.
#include "compute/engine/kernels.h"
#include "compute/reference/recurrent.h"
#include "tests/support/recurrent_check.h"

#include <format>

namespace longscope::test {
namespace {

template <class Params>
void runLocal(const gpu::Kernel &kernel, uint32_t local, uint32_t flags, uint32_t tile,
              const Params &params, gpu::Groups groups) {
    runKernel(kernel, {{SPEC_LOCAL_SIZE, local}, {SPEC_FLAGS, flags}, {SPEC_TILE_A, tile}}, params,
              {}, groups);
}

struct ConvCase {
    uint32_t taps, channels, rows;
    uint32_t flags;
    uint32_t local;
};

void checkConv(const ConvCase &c) {
    Random random(c.rows + c.taps);
    auto u = random.normals(c.rows * c.channels), gate_in = random.normals(c.rows * c.channels);
    auto gate_out = random.normals(c.rows * c.channels);
    auto weight = random.normals(c.taps * c.channels), bias = random.normals(c.channels);
    auto before = random.normals((c.taps - 1) * c.channels);

    auto twin_history = before;
    reference::ConvInput in{};
    in.u = u;
    in.weight = weight;
    in.taps = c.taps;
    in.silu = (c.flags & CONV_SILU) != 0;
    if (c.flags & CONV_GATE_IN)
        in.gate_in = gate_in;
    if (c.flags & CONV_GATE_OUT)
        in.gate_out = gate_out;
    if (c.flags & CONV_BIAS)
        in.bias = bias;
    auto twin = reference::shortConv(in, twin_history);

    Joined wide =
        join({{&gate_in, c.channels}, {&gate_out, c.channels}, {&u, c.channels}}, c.rows, 1);
    gpu::Buffer weights = upload(weight), biases = upload(bias);
    uint32_t padded = engine::padded(c.channels), stride = padded + 32;
    std::vector<float> first_y, first_history;
    for (const auto &pieces : std::vector<std::vector<uint32_t>>{{c.rows}, {1}, {2, 5, 33}}) {
        gpu::Buffer history = upload(before), y = poisoned(uint64_t{c.rows} * stride);
        inPieces(c.rows, pieces, [&](uint32_t first, uint32_t count) {
            params::ShortConv params{.u = wide.at(2, first),
                                     .gate_in = wide.at(0, first),
                                     .gate_out = wide.at(1, first),
                                     .weight = weights.address(),
                                     .bias = biases.address(),
                                     .history = history.address(),
                                     .y = y.address() + uint64_t{first} * stride * 4,
                                     .rows = count,
                                     .channels = c.channels,
                                     .columns = padded,
                                     .in_stride = wide.stride,
                                     .y_stride = stride,
                                     .unused = 0};
            runLocal(engine::kShortConv, c.local, c.flags, c.taps, params,
                     {groupsFor(padded, c.local), groupsFor(count, CONV_BLOCK_ROWS)});
        });
        std::string what =
            std::format("conv taps {} channels {} rows {} flags {} local {} pieces {}", c.taps,
                        c.channels, c.rows, c.flags, c.local, pieces[0]);
        auto got = withoutPadding(download<float>(y, uint64_t{c.rows} * stride), stride, c.channels,
                                  padded, what);
        auto got_history = download<float>(history, before.size());
        if (first_y.empty()) {
            // A few products of size 1, each rounded to 24 bits, times a gate.
            double most = largest(twin);
            expectClose(
                got, twin, [&](size_t) { return 1e-6 * most; }, what);
            expectClose(
                got_history, twin_history, [&](size_t) { return 1e-6; }, what + " history");
            first_y = got;
            first_history = got_history;
        } else {
            EXPECT_EQ(got, first_y) << what;
            EXPECT_EQ(got_history, first_history) << what;
        }
    }
}

struct ShiftCase {
    uint32_t channels, mixes, rows, local;
    bool add, keep;
};

void checkShift(const ShiftCase &c) {
    Random random(c.rows + c.mixes);
    auto x = random.normals(c.rows * c.channels), lerp = random.normals(c.mixes * c.channels);
    auto before = random.normals(c.channels);
    auto add = random.normals(c.rows * c.mixes * c.channels);
    auto previous = before;
    auto twin = reference::tokenShift(
        x, lerp, c.add ? std::span<const float>(add) : std::span<const float>{}, previous, c.keep);

    uint32_t padded = engine::padded(c.channels), stride = c.mixes * padded + 32;
    Wide x_rows = widen(x, c.channels, c.channels + 5, 2);
    // Each mix of `add` begins where that of y does.
    std::vector<float> spread(uint64_t{c.rows} * stride, std::nanf(""));
    for (uint32_t at = 0; at < c.rows * c.mixes; ++at)
        std::copy_n(&add[at * c.channels], c.channels,
                    &spread[at / c.mixes * stride + at % c.mixes * padded]);
    gpu::Buffer lerps = upload(lerp), adds = upload(spread), kept = upload(before);
    gpu::Buffer y = poisoned(uint64_t{c.rows} * stride);
    inPieces(c.rows, {2, 1, 5}, [&](uint32_t first, uint32_t count) {
        params::TokenShift params{.x = x_rows.at(first),
                                  .lerp = lerps.address(),
                                  .add = adds.address() + uint64_t{first} * stride * 4,
                                  .previous = kept.address(),
                                  .y = y.address() + uint64_t{first} * stride * 4,
                                  .rows = count,
                                  .channels = c.channels,
                                  .columns = padded,
                                  .mixes = c.mixes,
                                  .x_stride = x_rows.stride,
                                  .add_stride = stride,
                                  .y_stride = stride,
                                  .unused = 0};
        uint32_t flags = (c.add ? SHIFT_ADD : 0) | (c.keep ? SHIFT_KEEP : 0);
        runLocal(engine::kTokenShift, c.local, flags, 0, params,
                 {groupsFor(padded, c.local), count});
    });
    std::string what = std::format("token shift channels {} mixes {} rows {} local {}", c.channels,
                                   c.mixes, c.rows, c.local);
    auto got = download<float>(y, uint64_t{c.rows} * stride);
    for (uint32_t mix = 0; mix < c.mixes; ++mix) {
        std::vector<float> own, wanted;
        for (uint32_t row = 0; row < c.rows; ++row) {
            const float *from = &got[row * stride + mix * padded];
            own.insert(own.end(), from, from + c.channels);
            for (uint32_t column = c.channels; column < padded; ++column)
                EXPECT_EQ(from[column], 0.0f) << what << ": padding";
            const float *twin_from = &twin[(row * c.mixes + mix) * c.channels];
            wanted.insert(wanted.end(), twin_from, twin_from + c.channels);
        }
        // Two products of sums of normal numbers.
        expectClose(
            own, wanted, [&](size_t) { return 4e-6; }, what);
    }
    EXPECT_EQ(download<float>(kept, c.channels), previous) << what;
}

void checkMap(reference::RecurrentFunction function, uint32_t kind, bool has_bias) {
    constexpr uint32_t kRows = 3, kColumns = 45, kStride = 50;
    Random random(kind + 7);
    auto x = random.normals(kRows * kColumns), old = random.normals(kRows * kStride);
    auto bias = random.normals(kColumns);
    for (size_t i = 0; i < x.size(); ++i)
        x[i] *= i % 5 == 0 ? 100 : i % 5 == 1 ? 0.01f : 1; // tails, and near 0
    Wide in = widen(x, kColumns, kColumns + 9, 4);
    gpu::Buffer biases = upload(bias), y = upload(old);
    params::RecurrentMap params{.x = in.at(0),
                                .bias = biases.address(),
                                .y = y.address(),
                                .rows = kRows,
                                .columns = kColumns,
                                .x_stride = in.stride,
                                .y_stride = kStride};
    for (uint32_t local : {8u, 64u}) {
        gpu::uploadBytes(gpu::testDevice(), y, 0, std::as_bytes(std::span(old)));
        runLocal(engine::kRecurrentMap, local, has_bias ? MAP_BIAS : 0, kind, params,
                 {groupsFor(kColumns, local), kRows});
        auto wanted = old;
        for (uint32_t row = 0; row < kRows; ++row)
            for (uint32_t c = 0; c < kColumns; ++c) {
                float value = x[row * kColumns + c] + (has_bias ? bias[c] : 0.0f);
                float &to = wanted[row * kStride + c];
                to = reference::recurrentMap(function, value, to);
            }
        // exp is exact to 3 + 2|x| units in the last place (Vulkan, precision of GLSL.std), and
        // where exp(-exp(x)) is not 0 the inner exp is below 100, so the outer one adds 200 units.
        auto tolerance = [&](size_t i) {
            return (kind == MAP_DECAY ? 3e-5 : 2e-6) * std::abs(static_cast<double>(wanted[i])) +
                   1e-30;
        };
        expectClose(download<float>(y, wanted.size()), wanted, tolerance,
                    std::format("map {} local {}", kind, local));
    }
}

} // namespace

TEST(ShortConvKernel, TapsRowsAndLocalSizes) {
    for (uint32_t local : {8u, 64u})
        for (uint32_t taps : {2u, 3u, 4u})
            for (uint32_t rows : {1u, 2u, 3u, 17u, 64u, 65u})
                checkConv({taps, taps == 3 ? 37u : 96u, rows, CONV_BIAS | CONV_SILU, local});
}

TEST(ShortConvKernel, ProductsBeforeAndAfter) {
    for (uint32_t rows : {1u, 3u, 64u}) {
        checkConv({3, 40, rows, CONV_GATE_IN | CONV_GATE_OUT, 64});
        checkConv({3, 40, rows, CONV_GATE_IN, 8});
        checkConv({4, 40, rows, CONV_GATE_OUT | CONV_SILU, 8});
    }
}

TEST(ShortConvKernel, OneTapSeesItsRow) {
    // Weight 1 at the current row only: the input, with the history moved on.
    std::vector<float> u = {1, 2, 3}, weight = {0, 0, 1}, history = {-1, -2};
    gpu::Buffer in = upload(u), w = upload(weight), h = upload(history), y = poisoned(3);
    params::ShortConv params{};
    params.u = in.address();
    params.weight = w.address();
    params.history = h.address();
    params.y = y.address();
    params.rows = 3;
    params.channels = params.columns = params.in_stride = params.y_stride = 1;
    runLocal(engine::kShortConv, 8, 0, 3, params, {1, 1});
    EXPECT_EQ(download<float>(y, 3), u);
    EXPECT_EQ(download<float>(h, 2), (std::vector<float>{2, 3}));
}

TEST(TokenShiftKernel, MixesAndPieces) {
    for (uint32_t local : {8u, 64u})
        for (uint32_t rows : {1u, 2u, 3u, 17u}) {
            checkShift({40, 1, rows, local, false, true});
            checkShift({37, 5, rows, local, true, true});
        }
}

TEST(TokenShiftKernel, LeavesTheHistory) {
    checkShift({32, 2, 1, 64, false, false});
}

TEST(RecurrentMapKernel, TailsAndNearZero) {
    checkMap(reference::RecurrentFunction::tanh, MAP_TANH, false);
    checkMap(reference::RecurrentFunction::decay, MAP_DECAY, true);
    checkMap(reference::RecurrentFunction::sigmoid_times, MAP_SIGMOID_TIMES, false);
}

TEST(DecayMeanKernel, HalfLives) {
    Random random(3);
    for (uint32_t keys : {1u, 16u})
        for (uint32_t rows : {1u, 33u})
            for (bool of_exp : {false, true}) {
                constexpr uint32_t kHeads = 6, kTogether = 3, kStep = 7, kStride = 16;
                auto raw = random.normals(rows * kStride), bias = random.normals(kHeads);
                auto a = random.normals(kHeads * keys);
                gpu::Buffer in = upload(raw), biases = upload(bias), as = upload(a);
                gpu::Buffer result = poisoned(kHeads);
                params::DecayMean params{.raw = in.address(),
                                         .bias = biases.address(),
                                         .a = as.address(),
                                         .result = result.address(),
                                         .rows = rows,
                                         .heads = kHeads,
                                         .keys = keys,
                                         .stride = kStride,
                                         .gate_heads = kTogether,
                                         .gate_step = kStep};
                runLocal(engine::kDecayMean, 8, of_exp ? DECAY_EXP : 0, 0, params, {1});
                std::vector<float> dense; // [rows, heads]
                for (uint32_t row = 0; row < rows; ++row)
                    for (uint32_t head = 0; head < kHeads; ++head)
                        dense.push_back(
                            raw[row * kStride + head / kTogether * kStep + head % kTogether]);
                auto wanted = reference::meanLogDecay(
                    dense, bias, of_exp ? std::span<const float>{} : std::span<const float>(a));
                // A sum of positive numbers, as many roundings as rows.
                expectClose(
                    download<float>(result, kHeads), wanted,
                    [&](size_t i) {
                        return 4e-6 * std::abs(static_cast<double>(wanted[i])) + 1e-7;
                    },
                    std::format("decay mean keys {} rows {} exp {}", keys, rows, of_exp));
            }
}

} // namespace longscope::test
