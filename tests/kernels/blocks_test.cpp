// Norms of rows and of their segments, through the engine's verbs, against their scalar twins.
#include "compute/reference/blocks.h"
#include "tests/support/rows_check.h"

#include <format>

namespace longscope::test {
namespace {

using model::NormKind;

const char *nameOf(NormKind kind) {
    return kind == NormKind::rms ? "rms" : kind == NormKind::layer ? "layer" : "unit";
}

/// A norm of whole rows, with or without weight and bias, in place or not.
struct RowsCase {
    NormKind kind;
    uint32_t local, rows, columns;
    bool weight, bias, in_place;
    std::string text() const {
        return std::format("norm {} local {} rows {} columns {} weight {} bias {} in place {}",
                           nameOf(kind), local, rows, columns, weight, bias, in_place);
    }
};

void checkRows(const RowsCase &at) {
    Random random(at.columns);
    std::vector<float> x = random.normals(at.rows * at.columns);
    std::vector<float> weight, bias;
    engine::Norm norm{.kind = at.kind, .columns = at.columns, .eps = 1e-5f};
    if (at.weight)
        norm.weight = upload(weight = random.normals(at.columns));
    if (at.bias)
        norm.bias = upload(bias = random.normals(at.columns));
    uint32_t stride = engine::padded(at.columns);
    engine::Activations from = placed(x, at.rows, stride), other = unwritten(at.rows, stride);
    const engine::Activations &to = at.in_place ? from : other;
    run(at.local, [&](auto &op, auto &recorder) {
        op.norm(recorder, norm, from, to, {0, at.rows});
    });
    std::vector<float> wanted = reference::normalise(
        x, {.kind = at.kind, .eps = 1e-5f, .columns = at.columns, .weight = weight, .bias = bias});
    std::vector<float> got = taken(to, at.rows, at.columns);
    if (at.kind == NormKind::layer || at.bias)
        expectClose(got, wanted, near(wanted, 4e-6), at.text());
    else // a sum of squares has no cancellation: a few units in the last place
        expectClose(got, wanted, close(wanted, 2e-6), at.text());
    expectOutside(to, at.rows, 0, at.columns, isZero, at.text());
}

/// Segments inside wider rows: heads of q in [q | k | v], groups of a mixer.
struct SegmentsCase {
    NormKind kind = NormKind::rms;
    uint32_t local = 8, rows = 3, count = 3, columns = 64;
    uint32_t first = 0;    ///< column of the first segment
    uint32_t distance = 0; ///< 0 = they touch
    bool weight = false, own_weights = false, bias = false, in_place = false, add = false;
    enum class Gate { none, before, after } gate = Gate::none;
    float factor = 1;

    uint32_t apart() const { return distance ? distance : columns; }
    uint32_t end() const { return first + apart() * (count - 1) + columns; }
    std::string text() const {
        return std::format("segments {} local {} rows {}: {} of {} columns from {}, {} apart, own "
                           "weights {} bias {} in place {} add {} gate {}",
                           nameOf(kind), local, rows, count, columns, first, apart(), own_weights,
                           bias, in_place, add, int(gate));
    }
};

/// Dense segments -> rows of apart() * count columns with NaN between them.
std::vector<float> spread(const std::vector<float> &dense, const SegmentsCase &at) {
    std::vector<float> wide;
    for (size_t i = 0; i < dense.size(); i += at.columns) {
        wide.insert(wide.end(), &dense[i], &dense[i] + at.columns);
        wide.insert(wide.end(), at.apart() - at.columns, std::nanf(""));
    }
    return wide;
}

void checkSegments(const SegmentsCase &at) {
    using Gate = SegmentsCase::Gate;
    Random random(7);
    const uint32_t all = at.count * at.columns, wide = at.count * at.apart();
    const uint32_t stride = engine::padded(at.first + wide) + 32;
    std::vector<float> x = random.normals(at.rows * all), y = random.normals(at.rows * all);
    std::vector<float> z = random.normals(at.rows * all), weight, bias;
    const uint32_t weights = at.own_weights ? all : at.columns;
    engine::Norm norm{.kind = at.kind,
                      .columns = at.columns,
                      .eps = 1e-5f,
                      .own_weights = at.own_weights,
                      .factor = at.factor};
    if (at.weight)
        norm.weight = upload(weight = random.normals(weights));
    if (at.bias)
        norm.bias = upload(bias = random.normals(weights));
    engine::Activations from = placed(spread(x, at), at.rows, stride, at.first);
    engine::Activations other =
        at.add ? placed(y, at.rows, engine::padded(all)) : unwritten(at.rows, engine::padded(all));
    engine::Activations gate = placed(z, at.rows, all + 1, 1); // at an odd address
    engine::Segments segments{.count = at.count, .x_distance = at.distance, .add = at.add};
    if (at.in_place)
        segments.y_distance = at.distance;
    if (at.gate != Gate::none)
        segments.gate = engine::NormGate{.z = {gate, 1}, .before = at.gate == Gate::before};
    run(at.local, [&](auto &op, auto &recorder) {
        engine::Columns in(from, at.first), out = at.in_place ? in : engine::Columns(other);
        op.normSegments(recorder, norm, segments, in, out, at.rows);
    });

    std::vector<float> wanted = reference::normalise(
        x, {.kind = at.kind,
            .eps = 1e-5f,
            .columns = at.columns,
            .segments = at.count,
            .weight = weight,
            .bias = bias,
            .gate = at.gate == Gate::none ? std::span<const float>() : std::span<const float>(z),
            .gate_before = at.gate == Gate::before,
            .factor = at.factor});
    if (at.add)
        wanted = reference::sum(y, wanted);
    if (!at.in_place) {
        expectClose(taken(other, at.rows, all), wanted, near(wanted, 6e-6), at.text());
        expectOutside(other, at.rows, 0, all, isKept, at.text());
        return;
    }
    std::vector<float> got = taken(from, at.rows, wide, at.first), dense;
    for (size_t i = 0; i < got.size(); i += at.apart()) {
        dense.insert(dense.end(), &got[i], &got[i] + at.columns);
        for (uint32_t c = at.columns; c < at.apart(); ++c)
            EXPECT_TRUE(isKept(got[i + c])) << at.text() << " wrote between segments";
    }
    expectClose(dense, wanted, near(wanted, 6e-6), at.text());
    expectOutside(from, at.rows, at.first, wide, isKept, at.text());
}

} // namespace

TEST(NormKernel, RowsOfOddSizes) {
    for (NormKind kind : {NormKind::rms, NormKind::layer, NormKind::unit})
        for (uint32_t local : kLocals)
            for (uint32_t rows : kRows)
                for (uint32_t columns : kWidths)
                    checkRows({kind, local, rows, columns, rows != 33, kind == NormKind::layer,
                               rows == 3});
    checkRows({NormKind::layer, 8, 3, 576, false, false, false}); // olmo
    checkRows({NormKind::layer, 8, 3, 576, true, false, false});  // command-r
    checkRows({NormKind::rms, 8, 3, 1536, true, true, false});
}

TEST(NormKernel, LaterRowsOfTheChunk) {
    Random random(3);
    std::vector<float> x = random.normals(5 * 96), weight = random.normals(96);
    engine::Norm norm{.kind = NormKind::rms, .columns = 96, .eps = 1e-5f, .weight = upload(weight)};
    engine::Activations from = placed(x, 5, 96), to = unwritten(3, 96);
    run(8, [&](auto &op, auto &recorder) { op.norm(recorder, norm, from, to, {3, 2}); });
    std::vector<float> wanted =
        reference::rmsNorm(std::span(x).subspan(size_t{3} * 96), weight, 1e-5f);
    expectClose(taken(to, 2, 96), wanted, close(wanted, 2e-6), "rows 3 and 4 of 5");
    std::vector<float> all = download<float>(to.buffer, size_t{3} * 96);
    for (float value : std::span(all).subspan(size_t{2} * 96))
        EXPECT_TRUE(isPoison(value)) << "wrote a third row";
}

TEST(NormKernel, LayerNormOfLargeMean) {
    // One pass over x and x^2 in f32 would lose all digits: the mean is 10^4 deviations.
    Random random(4);
    for (uint32_t columns : {37u, 576u}) {
        std::vector<float> x = random.normals(3 * columns);
        for (float &value : x)
            value += 1e4f;
        engine::Norm norm{.kind = NormKind::layer, .columns = columns, .eps = 1e-5f};
        engine::Activations from = placed(x, 3, engine::padded(columns));
        for (uint32_t local : kLocals) {
            engine::Activations to = unwritten(3, from.stride);
            run(local, [&](auto &op, auto &recorder) {
                op.norm(recorder, norm, from, to, {0, 3});
            });
            std::vector<float> wanted = reference::normalise(
                x, {.kind = NormKind::layer, .eps = 1e-5f, .columns = columns});
            expectClose(taken(to, 3, columns), wanted, near(wanted, 4e-6),
                        std::format("large mean, local {} columns {}", local, columns));
        }
    }
}

TEST(NormKernel, ExtremeValues) {
    for (NormKind kind : {NormKind::rms, NormKind::layer, NormKind::unit})
        for (float size : {0.0f, 1e-12f, 1e5f, 1e16f}) {
            Random random(5);
            std::vector<float> x = random.normals(2 * 576);
            for (float &value : x)
                value *= size;
            engine::Norm norm{.kind = kind, .columns = 576, .eps = 1e-6f};
            engine::Activations from = placed(x, 2, 576), to = unwritten(2, 576);
            run(8, [&](auto &op, auto &recorder) { op.norm(recorder, norm, from, to, {0, 2}); });
            std::vector<float> wanted =
                reference::normalise(x, {.kind = kind, .eps = 1e-6f, .columns = 576});
            expectClose(taken(to, 2, 576), wanted, near(wanted, 4e-6),
                        std::format("norm {} of values near {}", nameOf(kind), size));
        }
}

TEST(NormKernel, AddsABranch) {
    Random random(6);
    for (NormKind kind : {NormKind::rms, NormKind::layer})
        for (uint32_t columns : {37u, 64u, 576u}) {
            std::vector<float> x = random.normals(3 * columns),
                               branch = random.normals(3 * columns);
            std::vector<float> weight = random.normals(columns);
            engine::Norm norm{.kind = kind,
                              .columns = columns,
                              .eps = 1e-5f,
                              .weight = upload(weight),
                              .factor = 0.3f};
            uint32_t stride = engine::padded(columns);
            engine::Activations stream = placed(x, 3, stride), other = placed(branch, 3, stride);
            run(64,
                [&](auto &op, auto &recorder) { op.addNorm(recorder, norm, other, stream, 3); });
            std::vector<float> wanted =
                reference::sum(x, reference::normalise(branch, {.kind = kind,
                                                                .eps = 1e-5f,
                                                                .columns = columns,
                                                                .weight = weight,
                                                                .factor = 0.3f}));
            expectClose(taken(stream, 3, columns), wanted, near(wanted, 4e-6),
                        std::format("add {} columns {}", nameOf(kind), columns));
            expectOutside(stream, 3, 0, columns, isKept, "the padding of what is added to");
        }
}

TEST(NormKernel, SegmentsInsideRows) {
    using Gate = SegmentsCase::Gate;
    for (uint32_t local : kLocals)
        for (uint32_t columns : kWidths)
            for (uint32_t first : {0u, 32u, 41u}) {
                uint32_t gap = columns + (first == 41 ? 5 : 4);
                // heads of q or k share a weight, or each has its own (command-r, stablelm)
                checkSegments({.local = local,
                               .columns = columns,
                               .first = first,
                               .weight = true,
                               .in_place = true});
                checkSegments({.kind = NormKind::layer,
                               .local = local,
                               .rows = 2,
                               .count = 5,
                               .columns = columns,
                               .first = first,
                               .distance = gap,
                               .weight = true,
                               .own_weights = true,
                               .in_place = true});
                // llama4 and the gated delta net: no weight
                checkSegments({.kind = NormKind::unit,
                               .local = local,
                               .columns = columns,
                               .first = first,
                               .distance = gap,
                               .in_place = first == 32});
                // gated delta net, mamba-2, RWKV
                checkSegments({.local = local,
                               .columns = columns,
                               .first = first,
                               .weight = true,
                               .gate = Gate::after});
                checkSegments({.local = local,
                               .columns = columns,
                               .first = first,
                               .weight = true,
                               .own_weights = true,
                               .in_place = true,
                               .gate = Gate::before});
                checkSegments({.kind = NormKind::layer,
                               .local = local,
                               .columns = columns,
                               .first = first,
                               .weight = true,
                               .own_weights = true,
                               .bias = true,
                               .in_place = true,
                               .gate = Gate::after});
                // gemma4: the parts of all layers, added to the embeddings of a layer
                checkSegments({.local = local,
                               .columns = columns,
                               .first = first,
                               .weight = true,
                               .add = true,
                               .factor = 0.70710678f});
            }
}

} // namespace longscope::test
