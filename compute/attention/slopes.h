// ALiBi (Press et al. 2022): how much a head's scores fall with the distance of the key.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace longscope::attention {

/// Slope of a head, from 0: a geometric series for the heads up to a power of two, the terms
/// between those of a series twice as long for the others. `bias`: the exponent of the last of the
/// former.
inline double alibiSlope(double bias, uint32_t head, uint32_t heads) {
    uint32_t power = std::bit_floor(heads);
    if (head < power)
        return std::exp2(-bias * (head + 1.0) / power);
    return std::exp2(-bias * (2.0 * (head - power) + 1.0) / (2.0 * power));
}

} // namespace longscope::attention
