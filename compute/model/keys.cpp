#include "compute/model/keys.h"

#include "compute/core/error.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace longscope::model {
namespace {

constexpr uint64_t kMostCount = std::numeric_limits<int32_t>::max();

} // namespace

std::string Keys::full(std::string_view key) const {
    return std::format("{}.{}", prefix_, key);
}

uint64_t Keys::count(std::string_view key, uint64_t max) const {
    uint64_t value = file_.findCount(full(key)).value_or(0);
    if (value > max)
        fail(ErrorKind::model, "{}: {} is {}, at most {} is possible here", file_.path(), full(key),
             value, max);
    return value;
}

uint32_t Keys::count(std::string_view key) const {
    return static_cast<uint32_t>(count(key, kMostCount));
}

uint32_t Keys::require(std::string_view key) const {
    uint32_t value = count(key);
    if (value == 0)
        refuseMissing(key);
    return value;
}

double Keys::number(std::string_view key, double fallback) const {
    double value = stored(key).value_or(0);
    if (value < 0)
        fail(ErrorKind::model, "{}: {} is {}, expected a number above 0", file_.path(), full(key),
             value);
    return value == 0 ? fallback : value;
}

std::optional<double> Keys::stored(std::string_view key) const {
    std::optional<double> value = file_.findNumber(full(key));
    if (value && !std::isfinite(*value))
        fail(ErrorKind::model, "{}: {} is {}, expected a number above 0", file_.path(), full(key),
             *value);
    return value;
}

bool Keys::flag(std::string_view key, bool fallback) const {
    return file_.findBool(full(key)).value_or(fallback);
}

std::vector<uint32_t> Keys::countsOfLayers(std::string_view key, uint32_t layers) const {
    const Value *value = file_.find(full(key));
    if (!value)
        return {};
    if (!std::holds_alternative<Array>(*value))
        return std::vector<uint32_t>(layers, count(key));
    std::vector<int64_t> values = *file_.findIntegers(full(key));
    if (values.size() != layers)
        fail(ErrorKind::model, "{}: {} has {} values for {} layers", file_.path(), full(key),
             values.size(), layers);
    std::vector<uint32_t> counts;
    for (int64_t one : values) {
        if (one < 0 || one > static_cast<int64_t>(kMostCount))
            fail(ErrorKind::model, "{}: {} is {} in layer {}", file_.path(), full(key), one,
                 counts.size());
        counts.push_back(static_cast<uint32_t>(one));
    }
    return counts;
}

std::optional<std::vector<int64_t>> Keys::integers(std::string_view key) const {
    const Value *value = file_.find(full(key));
    if (!value)
        return std::nullopt;
    if (std::holds_alternative<Array>(*value))
        return file_.findIntegers(full(key));
    if (const bool *flag = std::get_if<bool>(value))
        return std::vector<int64_t>{*flag};
    return std::vector<int64_t>{static_cast<int64_t>(count(key))};
}

void Keys::refuseMissing(std::string_view key) const {
    fail(ErrorKind::model, "{}: key {} is missing or 0", file_.path(), full(key));
}

} // namespace longscope::model
