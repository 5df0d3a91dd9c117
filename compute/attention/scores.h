// Small things that every choice of keys does with scores. Chunks have millions of them, so the
// loops are written for the compiler to vectorise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace longscope::attention {

/// Scores become their softmax. -inf and NaN count as not visible; nothing visible gives zeros.
void softmaxRow(std::span<float> row);

/// Indices of the `count` largest (all, when there are fewer), sorted; of equal ones the lower.
/// NaN is the smallest.
std::vector<uint32_t> bestIndices(std::span<const float> values, size_t count);

/// How many of the largest values it takes until their sum is above `share`; at most all of them.
size_t coverCount(std::span<const float> values, double share);

} // namespace longscope::attention
