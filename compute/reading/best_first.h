// The best of many, where a closer look, which costs, can make one worth less.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>

namespace longscope::reading {

/// Index of the largest value, the first of equals. The one on top is looked at: when `lowers` says
/// that this made it worth less, its value is asked for again and the next one is on top. So each
/// value is asked for once, and once more after each look that lowers it. Without a value an index
/// does not take part; nothing when none does.
std::optional<size_t> bestAfterLook(size_t count,
                                    const std::function<std::optional<double>(size_t)> &value,
                                    const std::function<bool(size_t)> &lowers);

} // namespace longscope::reading
