// Expert layers on the device, from tensors as files have them to the sum of the results: every
// step of engine::Experts against its twin, in both kernel families. The kernels that choose and
// sort alone: experts_route_test.cpp.
#include "compute/core/error.h"
#include "compute/engine/experts.h"
#include "compute/reference/experts.h"
#include "compute/reference/kernels.h"
#include "tests/support/kernel_check.h"

#include <algorithm>
#include <format>

namespace longscope::test {
namespace {

using engine::Activations;
using engine::Experts;
using engine::KernelFamily;
using model::QuantType;

std::vector<KernelFamily> families() {
    const gpu::DeviceFacts &facts = gpu::testDevice().facts();
    if (engine::chooseFamily(facts, "auto") == KernelFamily::lanes)
        return {KernelFamily::lanes, KernelFamily::subgroup};
    return {KernelFamily::subgroup};
}

engine::Tiling tilingFor(KernelFamily family, uint32_t chunk_tokens) {
    engine::Tiling tiling = engine::chooseTiling(gpu::testDevice().facts(), family);
    tiling.chunk_tokens = chunk_tokens;
    return tiling;
}

/// Which experts the made-up router prefers.
enum class Taste { any, first_only, few };

struct LayerCase {
    KernelFamily family = KernelFamily::lanes;
    QuantType type = QuantType::f32;
    uint32_t experts = 4, used = 2, rows = 3;
    uint32_t in = 32, out = 32;
    Taste taste = Taste::any;
    bool bias = false, scale = false, weighs_input = false;

    std::string describe() const {
        return std::format("{} {} experts {} used {} rows {} in {} out {} taste {} bias {} scale "
                           "{} weighs input {}",
                           engine::familyName(family), model::traitsOf(type).name, experts, used,
                           rows, in, out, static_cast<int>(taste), bias, scale, weighs_input);
    }
    engine::RoutingRule rule() const {
        return {.experts = experts, .used = used, .weighs_input = weighs_input};
    }
};

/// The tensors of `ffn_*_exps`.
struct ExpertTensors {
    RandomTensor weight;
    std::vector<float> bias_values, scale_values;
    model::Tensor bias, scale;

    ExpertTensors(QuantType type, uint32_t in, uint32_t out, uint32_t experts, Random &random)
        : weight(randomTensor(type, uint64_t{out} * experts, in, random)),
          bias_values(random.normals(uint64_t{out} * experts)),
          scale_values(random.normals(experts)) {
        weight.tensor.shape = {in, out, experts};
        bias = {"bias", QuantType::f32, {out, experts}, std::as_bytes(std::span(bias_values))};
        scale = {"scale", QuantType::f32, {experts}, std::as_bytes(std::span(scale_values))};
    }
    engine::ExpertPart part(bool with_bias, bool with_scale) const {
        return {.weight = &weight.tensor,
                .bias = with_bias ? &bias : nullptr,
                .scale = with_scale ? &scale : nullptr};
    }
};

template <class T> void uploadTo(gpu::Buffer &buffer, const std::vector<T> &values) {
    gpu::uploadBytes(gpu::testDevice(), buffer, 0, std::as_bytes(std::span(values)));
}

/// Rows of values in a buffer with a stride; what lies between is finite.
std::vector<float> spread(const std::vector<float> &dense, uint32_t columns, uint32_t stride,
                          float between) {
    std::vector<float> rows(dense.size() / columns * stride, between);
    for (size_t i = 0; i * columns < dense.size(); ++i)
        std::copy_n(&dense[i * columns], columns, &rows[i * stride]);
    return rows;
}

std::vector<float> routerLogits(const LayerCase &c, Random &random) {
    std::vector<float> z = random.normals(uint64_t{c.rows} * c.experts);
    uint32_t liked = c.taste == Taste::first_only ? c.used : std::min(c.used + 2, c.experts);
    for (size_t i = 0; i < z.size(); ++i)
        if (c.taste != Taste::any && i % c.experts < liked)
            z[i] += 20;
    return z;
}

/// One layer: routes, then multiplies x by the experts.
class Layer {
  public:
    explicit Layer(const LayerCase &c)
        : c_(c), random_(c.experts * 31 + c.rows), tiling_(tilingFor(c.family, c.rows)),
          tensors_(c.type, c.in, c.out, c.experts, random_),
          group_(engine::makeExperts(gpu::testDevice(), tiling_, {tensors_.part(c.bias, c.scale)},
                                     c.weighs_input)),
          experts_(gpu::testDevice(), tiling_, c.rule()), widths_{.model =
                                                                      engine::padded(c.out) + 32,
                                                                  .gate_up =
                                                                      engine::padded(c.out) + 32,
                                                                  .hidden =
                                                                      engine::padded(c.in) + 32},
          scratch_(makeExpertScratch(gpu::testDevice(), c.rule(), widths_, tiling_)) {}

    void check() {
        std::vector<float> z = routerLogits(c_, random_);
        uploadTo(scratch_.logits.buffer,
                 spread(z, c_.experts, scratch_.logits.stride, std::nanf("")));
        gpu::Recorder recorder(gpu::testDevice());
        experts_.route(recorder, nullptr, scratch_, c_.rows);
        recorder.run();
        ids_ = download<uint32_t>(scratch_.ids, c_.rows * c_.used);
        weights_ = download<float>(scratch_.weights, c_.rows * c_.used);
        reference::Routed wanted =
            reference::route(z, {}, {.experts = c_.experts, .used = c_.used});
        ASSERT_EQ(ids_, wanted.ids) << c_.describe();
        checkProduct(Experts::Input::of_row, scratch_.gate_up);
        checkProduct(Experts::Input::of_assignment, scratch_.results);
        checkCombine(Experts::Into::added);
        checkCombine(Experts::Into::replaced);
    }

  private:
    void checkProduct(Experts::Input input, Activations &y) {
        bool of_row = input == Experts::Input::of_row;
        uint32_t divisor = of_row ? c_.used : 1, assignments = c_.rows * c_.used;
        std::vector<float> dense = random_.normals(assignments / divisor * c_.in);
        Activations x{upload(spread(dense, c_.in, widths_.hidden, 1)), widths_.hidden};
        gpu::fillWords(gpu::testDevice(), y.buffer, kPoison);
        gpu::Recorder recorder(gpu::testDevice());
        experts_.multiply(recorder, group_, x, input, y, scratch_, c_.rows);
        recorder.run();
        std::vector<float> got = download<float>(y.buffer, assignments * y.stride);
        compare(got, dense, divisor, y.stride, of_row ? " of rows" : " of assignments");
        // What comes next wants results without poison between the rows.
        for (float &value : got)
            value = isPoison(value) ? 0 : value;
        uploadTo(y.buffer, got);
    }

    void compare(const std::vector<float> &got, const std::vector<float> &x, uint32_t divisor,
                 uint32_t stride, const std::string &what) {
        std::vector<float> w = reference::dequantize(tensors_.weight.tensor), absolute_x = x;
        reference::ExpertExtras extras;
        if (c_.bias)
            extras.bias = tensors_.bias_values;
        if (c_.scale)
            extras.scale = tensors_.scale_values;
        if (c_.weighs_input)
            extras.factor = weights_;
        std::vector<float> twin =
            reference::expertMatmul(x, w, c_.out, c_.in, ids_, divisor, extras);
        // The scale of rounding errors: the same sums without signs.
        for (auto *values : {&w, &absolute_x})
            for (float &value : *values)
                value = std::abs(value);
        extras.bias = {};
        std::vector<float> magnitude =
            reference::expertMatmul(absolute_x, w, c_.out, c_.in, ids_, divisor, extras);
        std::vector<float> dense;
        for (size_t a = 0; a < ids_.size(); ++a) {
            dense.insert(dense.end(), &got[a * stride], &got[a * stride] + c_.out);
            for (uint32_t i = c_.out; i < stride; ++i) {
                float value = got[a * stride + i];
                bool is_padding = i < engine::padded(c_.out);
                ASSERT_TRUE(is_padding ? value == 0 : isPoison(value))
                    << c_.describe() << what << ": column " << i << " is " << value;
            }
        }
        expectClose(
            dense, twin,
            [&](size_t i) { return 2e-6 * std::abs(static_cast<double>(magnitude[i])) + 1e-6; },
            c_.describe() + what);
    }

    void checkCombine(Experts::Into into) {
        uint32_t stride = scratch_.results.stride;
        std::vector<float> y = download<float>(scratch_.results.buffer, ids_.size() * stride);
        std::vector<float> base = random_.normals(c_.rows * stride);
        Activations x{upload(base), stride};
        gpu::Recorder recorder(gpu::testDevice());
        experts_.combine(recorder, scratch_, x, into, c_.rows);
        recorder.run();
        std::vector<float> wanted = reference::combine(
            y, c_.weighs_input ? std::vector<float>{} : weights_,
            into == Experts::Into::added ? base : std::vector<float>{}, c_.used, stride);
        double largest = 1;
        for (float value : y)
            largest = std::max(largest, std::abs(static_cast<double>(value)));
        expectClose(
            download<float>(x.buffer, wanted.size()), wanted,
            [&](size_t) { return 1e-6 * c_.used * largest; }, c_.describe() + " combined");
    }

    LayerCase c_;
    Random random_;
    engine::Tiling tiling_;
    ExpertTensors tensors_;
    engine::ExpertGroup group_;
    Experts experts_;
    engine::ExpertWidths widths_;
    engine::ExpertScratch scratch_;
    std::vector<uint32_t> ids_;
    std::vector<float> weights_;
};

void checkLayer(const LayerCase &c) {
    Layer(c).check();
}

uint32_t columnsFor(QuantType type, uint32_t wanted) {
    uint32_t block = model::traitsOf(type).block_elements;
    return block > 32 ? block * groupsFor(wanted, block) : wanted;
}

} // namespace

TEST(ExpertLayer, OddCountsOfExpertsAndRows) {
    for (KernelFamily family : families())
        for (auto [experts, used] : {std::pair{4u, 1u}, {7u, 2u}, {64u, 8u}, {160u, 8u}})
            for (uint32_t rows : {1u, 3u, 33u, 200u})
                checkLayer({.family = family,
                            .type = QuantType::q4_0,
                            .experts = experts,
                            .used = used,
                            .rows = rows,
                            .in = 96,
                            .out = 40});
}

TEST(ExpertLayer, EveryWeightType) {
    for (KernelFamily family : families())
        for (QuantType type : allTypes())
            for (uint32_t rows : {1u, 33u})
                checkLayer({.family = family,
                            .type = type,
                            .experts = 7,
                            .rows = rows,
                            .in = columnsFor(type, 64),
                            .out = 96});
}

TEST(ExpertLayer, BiasesScalesAndWeightsOfTheInput) {
    for (KernelFamily family : families())
        for (bool bias : {false, true})
            for (bool scale : {false, true})
                for (bool weighs_input : {false, true})
                    for (uint32_t rows : {1u, 33u})
                        checkLayer({.family = family,
                                    .type = QuantType::mxfp4,
                                    .experts = 7,
                                    .used = 3,
                                    .rows = rows,
                                    .in = 64,
                                    .out = 72,
                                    .bias = bias,
                                    .scale = scale,
                                    .weighs_input = weighs_input});
}

TEST(ExpertLayer, ExpertsWithoutRowsOrWithAll) {
    for (KernelFamily family : families())
        for (Taste taste : {Taste::first_only, Taste::few})
            for (QuantType type : {QuantType::f32, QuantType::q4_k})
                for (uint32_t rows : {1u, 33u, 64u, 200u})
                    checkLayer({.family = family,
                                .type = type,
                                .experts = 64,
                                .rows = rows,
                                .in = columnsFor(type, 34),
                                .out = 33,
                                .taste = taste,
                                .bias = true});
}

namespace {

std::vector<std::byte> planesOf(const engine::ExpertLinear &linear) {
    std::vector<std::byte> all;
    for (const gpu::Buffer &buffer : linear.planes) {
        std::vector<std::byte> own = download<std::byte>(buffer, buffer.bytes());
        all.insert(all.end(), own.begin(), own.end());
    }
    return all;
}

} // namespace

TEST(ExpertPacking, MergedGateAndUpAreAsSeparateOnes) {
    constexpr uint32_t kIn = 64, kHidden = 40, kExperts = 5;
    Random random(7);
    ExpertTensors gate(QuantType::q4_0, kIn, kHidden, kExperts, random);
    ExpertTensors up(QuantType::q4_0, kIn, kHidden, kExperts, random);
    ExpertTensors merged(QuantType::q4_0, kIn, 2 * kHidden, kExperts, random);
    size_t bytes = gate.weight.bytes.size() / kExperts;
    for (uint32_t expert = 0; expert < kExperts; ++expert)
        for (const ExpertTensors *one : {&gate, &up}) {
            size_t half = one == &up ? 1 : 0;
            std::copy_n(&one->weight.bytes[expert * bytes], bytes,
                        &merged.weight.bytes[(2 * expert + half) * bytes]);
            std::copy_n(&one->bias_values[expert * kHidden], kHidden,
                        &merged.bias_values[(2 * expert + half) * kHidden]);
        }
    for (KernelFamily family : families()) {
        engine::Tiling tiling = tilingFor(family, 8);
        engine::ExpertPart up_part = up.part(true, false);
        up_part.out_offset = engine::padded(kHidden);
        engine::ExpertPart first = merged.part(true, false), second = first;
        first.rows = kHidden;
        second.first_row = kHidden;
        second.out_offset = engine::padded(kHidden);
        engine::ExpertGroup apart = engine::makeExperts(gpu::testDevice(), tiling,
                                                        {gate.part(true, false), up_part}, false);
        engine::ExpertGroup together =
            engine::makeExperts(gpu::testDevice(), tiling, {first, second}, false);
        ASSERT_EQ(apart.size(), 1u);
        ASSERT_EQ(together.size(), 1u);
        EXPECT_EQ(together[0].layout.rows, 2 * engine::padded(kHidden));
        EXPECT_EQ(planesOf(apart[0]), planesOf(together[0]));
        size_t biases = uint64_t{kExperts} * together[0].layout.rows;
        EXPECT_EQ(download<float>(apart[0].bias, biases),
                  download<float>(together[0].bias, biases));
    }
}

TEST(ExpertPacking, FormatsOrScalesThatDifferStayApart) {
    Random random(8);
    ExpertTensors gate(QuantType::q4_0, 64, 32, 3, random), up(QuantType::q8_0, 64, 32, 3, random);
    ExpertTensors scaled(QuantType::q4_0, 64, 32, 3, random);
    engine::Tiling tiling = tilingFor(families().front(), 8);
    engine::ExpertPart second = up.part(false, false), third = scaled.part(false, true);
    second.out_offset = third.out_offset = 32;
    for (const engine::ExpertPart &part : {second, third}) {
        engine::ExpertGroup group =
            engine::makeExperts(gpu::testDevice(), tiling, {gate.part(false, false), part}, false);
        ASSERT_EQ(group.size(), 2u);
        EXPECT_EQ(group[1].out_offset, 32u);
    }
}

TEST(ExpertPacking, SeveralBuffersHoldTheSame) {
    Random random(9);
    ExpertTensors tensors(QuantType::q4_k, 256, 32, 5, random);
    engine::Tiling tiling = tilingFor(families().front(), 8);
    engine::ExpertGroup one =
        engine::makeExperts(gpu::testDevice(), tiling, {tensors.part(false, false)}, false);
    engine::ExpertGroup several = engine::makeExperts(
        gpu::testDevice(), tiling, {tensors.part(false, false)}, false, 2 * one[0].layout.bytes);
    EXPECT_EQ(several[0].planes.size(), 3u);
    EXPECT_EQ(planesOf(one[0]), planesOf(several[0]));
    auto table = download<params::Expert>(several[0].table, 5);
    for (uint64_t expert = 0; expert < 5; ++expert)
        EXPECT_EQ(table[expert].w.codes,
                  several[0].planes[expert / 2].address() + expert % 2 * one[0].layout.bytes);
}

TEST(ExpertPlan, IsWhatIsBooked) {
    gpu::Device &device = gpu::testDevice();
    Random random(10);
    ExpertTensors tensors(QuantType::q5_1, 96, 40, 7, random);
    for (KernelFamily family : families()) {
        engine::Tiling tiling = tilingFor(family, 33);
        uint64_t before = device.bookedBytes();
        engine::ExpertGroup group =
            engine::makeExperts(device, tiling, {tensors.part(true, true)}, false);
        EXPECT_EQ(device.bookedBytes() - before,
                  engine::planExperts({tensors.part(true, true)}, tiling).sum());
        engine::RoutingRule rule{.experts = 7, .used = 2};
        engine::ExpertWidths widths{.model = 96, .gate_up = 128, .hidden = 64};
        before = device.bookedBytes();
        engine::ExpertScratch scratch = engine::makeExpertScratch(device, rule, widths, tiling);
        EXPECT_EQ(device.bookedBytes() - before, engine::planExpertScratch(rule, widths, tiling));
    }
}

TEST(ExpertRule, RefusesWhatTheKernelsCannotDo) {
    engine::Tiling tiling = tilingFor(families().front(), 8);
    auto make = [&](const engine::RoutingRule &rule) { Experts(gpu::testDevice(), tiling, rule); };
    EXPECT_NO_THROW(make({.experts = 512, .used = 32, .groups = 16, .groups_used = 1}));
    EXPECT_THROW(make({.experts = 0, .used = 1}), Error);
    EXPECT_THROW(make({.experts = 513, .used = 1}), Error);
    EXPECT_THROW(make({.experts = 64, .used = 33}), Error);
    EXPECT_THROW(make({.experts = 4, .used = 5}), Error);
    EXPECT_THROW(make({.experts = 10, .used = 2, .groups = 3, .groups_used = 2}), Error);
    EXPECT_THROW(make({.experts = 10, .used = 3, .groups = 5, .groups_used = 1}), Error);
    EXPECT_THROW(make({.experts = 10, .used = 3, .groups = 5, .groups_used = 6}), Error);
}

} // namespace longscope::test
