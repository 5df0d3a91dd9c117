// Lists of layers or heads: "0-3,8".
#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace longscope::attention {

using NumberRanges = std::vector<std::pair<uint32_t, uint32_t>>; ///< first, last

inline bool holds(const NumberRanges &ranges, uint32_t number) {
    for (auto [first, last] : ranges)
        if (first <= number && number <= last)
            return true;
    return false;
}

/// `refuse` is called with the part that is wrong and must throw.
template <class Refuse> NumberRanges parseRanges(std::string_view text, const Refuse &refuse) {
    NumberRanges ranges;
    auto numberOf = [&](std::string_view part, std::string_view digits) {
        uint32_t number = 0;
        auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (error != std::errc() || end != digits.data() + digits.size())
            refuse(part);
        return number;
    };
    while (true) {
        size_t comma = text.find(',');
        std::string_view part = text.substr(0, comma);
        size_t dash = part.find('-');
        uint32_t first = numberOf(part, part.substr(0, dash));
        uint32_t last = dash == part.npos ? first : numberOf(part, part.substr(dash + 1));
        if (last < first)
            refuse(part);
        ranges.emplace_back(first, last);
        if (comma == text.npos)
            return ranges;
        text.remove_prefix(comma + 1);
    }
}

} // namespace longscope::attention
