// How logits are compared.
#pragma once

#include <cstddef>
#include <span>

namespace longscope::testing {

/// Normalised mean square error: sum (got - want)^2 / sum want^2; 1e300 when the sizes differ.
inline double nmse(std::span<const float> got, std::span<const float> want) {
    if (got.size() != want.size())
        return 1e300;
    double error = 0, power = 0;
    for (size_t i = 0; i < got.size(); ++i) {
        double difference = double{got[i]} - want[i];
        error += difference * difference;
        power += double{want[i]} * want[i];
    }
    return error / power;
}

} // namespace longscope::testing
