#include "compute/attention/rope.h"

#include "compute/core/error.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

namespace longscope::attention {
namespace {

/// The pair index (not rounded) that makes `turns` turns within the trained context.
double correctionDim(const RopeSettings &settings, double turns) {
    auto context = static_cast<double>(settings.original_context);
    return settings.dims * std::log(context / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(settings.base));
}

/// YaRN's ramp (Peng 2023, arXiv 2309.00071, in ggml's form): 1 for pairs that turn often and keep
/// their frequency, 0 for slow ones, which are interpolated; linear in the pair's index between.
struct YarnRamp {
    double low, high;

    explicit YarnRamp(const RopeSettings &settings)
        : low(std::max(0.0, std::floor(correctionDim(settings, settings.yarn_beta_fast)))),
          high(std::min(settings.dims - 1.0,
                        std::ceil(correctionDim(settings, settings.yarn_beta_slow)))) {}

    double operator()(uint32_t pair) const {
        return 1 - std::clamp((pair - low) / std::max(0.001, high - low), 0.0, 1.0);
    }
};

void checkSettings(const RopeSettings &s) {
    if (s.dims % 2 != 0)
        fail(ErrorKind::model, "rotary dimensions must be even, the model has {}", s.dims);
    if (!(s.base > 1) || !std::isfinite(s.base))
        fail(ErrorKind::model, "the rotary base must be above 1, the model has {}", s.base);
    if (!s.factors.empty() && s.factors.size() != s.dims / 2)
        fail(ErrorKind::model, "{} rotary frequency factors for {} pairs of dimensions",
             s.factors.size(), s.dims / 2);
    if (s.scaling != "none" && s.scaling != "linear" && s.scaling != "yarn" &&
        s.scaling != "longrope")
        fail(ErrorKind::model,
             "rotary scaling \"{}\" is not known (known: none, linear, yarn, longrope)", s.scaling);
    if (!(s.factor >= 0) || !std::isfinite(s.factor))
        fail(ErrorKind::model, "the rotary scaling factor must not be negative, it is {}",
             s.factor);
    if (s.scaling == "yarn" && s.original_context == 0)
        fail(ErrorKind::model, "yarn scaling needs the context length that the model was trained "
                               "with, and the file does not say it");
}

/// What yarn multiplies q and k by: Peng 2023, section 3.4, in ggml's form with a log multiplier.
double yarnMagnitude(const RopeSettings &settings, double stretch) {
    auto growth = [&](double multiplier) { return 1 + 0.1 * multiplier * std::log(stretch); };
    if (settings.yarn_log == 0)
        return growth(1);
    return growth(settings.yarn_log_cancels ? settings.yarn_log : 1) / growth(settings.yarn_log);
}

} // namespace

Rope makeRope(const RopeSettings &settings) {
    checkSettings(settings);
    bool yarn = settings.scaling == "yarn";
    // A stored 0 means "not set"; type none switches the factor off.
    double stretch = settings.scaling == "none" || settings.factor == 0 ? 1 : settings.factor;
    Rope rope;
    rope.magnitude = settings.attn_factor;
    if (yarn && stretch > 1)
        rope.magnitude *= yarnMagnitude(settings, stretch);
    rope.inv_freq.resize(settings.dims / 2);
    for (uint32_t pair = 0; pair < settings.dims / 2; ++pair) {
        double own = std::pow(settings.base, -2.0 * pair / settings.dims);
        if (!settings.factors.empty())
            own /= static_cast<double>(settings.factors[pair]);
        double keep = yarn ? YarnRamp(settings)(pair) : 0;
        rope.inv_freq[pair] = own / stretch * (1 - keep) + own * keep;
    }
    return rope;
}

namespace {

/// (cos, sin) of every pair at one position; returns where the next row begins.
float *fillRow(const Rope &rope, double position, float *out) {
    for (double frequency : rope.inv_freq) {
        double angle = position * frequency;
        *out++ = static_cast<float>(rope.magnitude * std::cos(angle));
        *out++ = static_cast<float>(rope.magnitude * std::sin(angle));
    }
    return out;
}

} // namespace

void fillRotation(const Rope &rope, uint64_t first, uint64_t rows, std::span<float> rotation) {
    assert(rotation.size() == rows * rope.inv_freq.size() * 2);
    float *out = rotation.data();
    for (uint64_t row = 0; row < rows; ++row)
        out = fillRow(rope, static_cast<double>(first + row), out);
}

void fillRotation(const Rope &rope, std::span<const double> positions, std::span<float> rotation) {
    assert(rotation.size() == positions.size() * rope.inv_freq.size() * 2);
    float *out = rotation.data();
    for (double position : positions)
        out = fillRow(rope, position, out);
}

} // namespace longscope::attention
