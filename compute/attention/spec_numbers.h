// Reads short specs of the kind "name:1,2.5". For the specs of positions and of eviction.
#pragma once

#include "compute/core/error.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

namespace longscope::attention {

struct Spec {
    std::string_view name, numbers; ///< numbers: behind the colon
    bool has_numbers = false;
};

inline Spec splitSpec(std::string_view text) {
    size_t colon = text.find(':');
    if (colon == text.npos)
        return {text, {}, false};
    return {text.substr(0, colon), text.substr(colon + 1), true};
}

/// The numbers between the commas. Throws Error(usage) that names the part that is none.
inline std::vector<double> parseNumbers(std::string_view spec, std::string_view text) {
    std::vector<double> numbers;
    for (size_t at = 0; at <= text.size();) {
        size_t end = std::min(text.find(',', at), text.size());
        std::string_view part = text.substr(at, end - at);
        double value = 0;
        auto [stop, code] = std::from_chars(part.data(), part.data() + part.size(), value);
        if (code != std::errc() || stop != part.data() + part.size() || !std::isfinite(value))
            fail(ErrorKind::usage, "'{}': '{}' is not a number", spec, part);
        numbers.push_back(value);
        at = end + 1;
    }
    return numbers;
}

} // namespace longscope::attention
