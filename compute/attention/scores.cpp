#include "compute/attention/scores.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <limits>
#include <numeric>

namespace longscope::attention {
namespace {

constexpr size_t kLanes = 8;
constexpr float kNever = -std::numeric_limits<float>::infinity();

/// e^x for x <= 0, to 3e-7; 0 below -87 and for NaN. 2^n comes from the exponent's bits, 2^f for
/// |f| <= 1/2 from its Taylor series.
inline float expOfNegative(float x) {
    constexpr float kRound = 12582912.0f; // 1.5 * 2^23: adding it rounds to a whole number
    float exponent = x * 1.44269504f;
    float rounded = exponent + kRound;
    float f = exponent - (rounded - kRound);
    float power = 1.540353e-4f;
    power = power * f + 1.3333558e-3f;
    power = power * f + 9.6181291e-3f;
    power = power * f + 5.5504109e-2f;
    power = power * f + 2.4022651e-1f;
    power = power * f + 6.9314718e-1f;
    power = power * f + 1.0f;
    uint32_t bits = std::bit_cast<uint32_t>(power) + (std::bit_cast<uint32_t>(rounded) << 23);
    auto is_visible = static_cast<uint32_t>(x > -87.0f); // a mask, as a branch would not vectorise
    return std::bit_cast<float>(bits & (0u - is_visible));
}

/// Folds the row into kLanes independent values, which may sit in one register.
template <class Fold> float foldRow(std::span<const float> row, float start, Fold fold) {
    std::array<float, kLanes> lanes;
    lanes.fill(start);
    size_t at = 0;
    for (; at + kLanes <= row.size(); at += kLanes)
        for (size_t lane = 0; lane < kLanes; ++lane)
            lanes[lane] = fold(lanes[lane], row[at + lane]);
    for (size_t lane = 0; at < row.size(); ++at, ++lane)
        lanes[lane] = fold(lanes[lane], row[at]);
    return std::accumulate(lanes.begin(), lanes.end(), start, fold);
}

} // namespace

void softmaxRow(std::span<float> row) {
    float largest = foldRow(row, kNever, [](float a, float b) { return b > a ? b : a; });
    float *values = row.data();
    for (size_t i = 0; i < row.size(); ++i)
        values[i] = expOfNegative(values[i] - largest);
    float sum = foldRow(row, 0, std::plus<float>());
    float factor = sum > 0 ? 1 / sum : 0;
    for (size_t i = 0; i < row.size(); ++i)
        values[i] *= factor;
}

std::vector<uint32_t> bestIndices(std::span<const float> values, size_t count) {
    std::vector<uint32_t> indices(values.size());
    std::iota(indices.begin(), indices.end(), 0u);
    if (count >= values.size())
        return indices;
    auto valueOf = [&](uint32_t i) { return values[i] >= kNever ? values[i] : kNever; };
    auto better = [&](uint32_t a, uint32_t b) {
        float x = valueOf(a), y = valueOf(b);
        return x != y ? x > y : a < b;
    };
    auto end = indices.begin() + static_cast<std::ptrdiff_t>(count);
    std::nth_element(indices.begin(), end, indices.end(), better);
    indices.resize(count);
    std::ranges::sort(indices);
    return indices;
}

size_t coverCount(std::span<const float> values, double share) {
    std::vector<float> sorted(values.begin(), values.end());
    std::ranges::sort(sorted, std::greater<>());
    double sum = 0;
    for (size_t i = 0; i < sorted.size(); ++i) {
        sum += static_cast<double>(sorted[i]);
        if (sum > share)
            return i + 1;
    }
    return sorted.size();
}

} // namespace longscope::attention
