#include "ui/widgets/quantity.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <format>

namespace longscope::ui {
namespace {

/// With the largest of "", k, M, G, T, P, E that leaves a number of at least 1.
std::string scaled(double value, const char *unit) {
    constexpr std::array kPrefixes = {"", "k", "M", "G", "T", "P", "E"};
    size_t i = 0;
    while (std::abs(value) >= 999.5 && i + 1 < kPrefixes.size()) {
        value /= 1000;
        i++;
    }
    return std::format("{} {}{}", shortNumber(value), kPrefixes[i], unit);
}

} // namespace

std::string numberText(uint64_t number) {
    std::string digits = std::to_string(number);
    for (size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

std::string shortNumber(double value) {
    if (value == 0 || !std::isfinite(value))
        return std::isfinite(value) ? "0" : "unknown";
    double size = std::abs(value);
    if (size >= 1e6 || size < 1e-4)
        return std::format("{:.2e}", value);
    if (size >= 99.95)
        return std::format("{:.0f}", value);
    int digits = 2 - static_cast<int>(std::floor(std::log10(size)));
    std::string text = std::format("{:.{}f}", value, digits);
    while (text.ends_with('0'))
        text.pop_back();
    if (text.ends_with('.'))
        text.pop_back();
    return text;
}

std::string countText(double count) {
    if (!std::isfinite(count))
        return "unknown";
    if (count < 1e6)
        return numberText(static_cast<uint64_t>(std::llround(std::max(count, 0.0))));
    if (count < 9.995e8)
        return shortNumber(count / 1e6) + " million";
    if (count < 9.995e11)
        return shortNumber(count / 1e9) + " billion";
    if (count < 9.995e14)
        return shortNumber(count / 1e12) + " trillion";
    return std::format("{:.2e}", count);
}

std::string tokensText(uint64_t tokens) {
    return numberText(tokens) + (tokens == 1 ? " token" : " tokens");
}

std::string secondsText(double seconds) {
    if (!std::isfinite(seconds))
        return "unknown";
    if (seconds < 0.9995)
        return shortNumber(seconds * 1000) + " ms";
    if (seconds < 99.95)
        return shortNumber(seconds) + " s";
    auto whole = static_cast<uint64_t>(std::min(std::round(seconds), 1e15));
    if (whole < 3600)
        return std::format("{} min {} s", whole / 60, whole % 60);
    if (whole < 172'800)
        return std::format("{} h {} min", whole / 3600, whole / 60 % 60);
    return countText(seconds / 86400) + " days";
}

std::string flopsText(double flops, const char *unit) {
    return scaled(flops, unit);
}

std::string byteText(double bytes) {
    return scaled(bytes, "B");
}

std::string percentText(double share) {
    const double size = std::abs(share) * 100;
    if (size > 0 && size < 0.1)
        return "under 0.1 %";
    return std::format("{:.{}f} %", share * 100, size >= 9.95 || size == 0 ? 0 : 1);
}

std::string timesText(double ratio) {
    return shortNumber(ratio) + " times";
}

} // namespace longscope::ui
