// Numbers as people read them: short, with their unit.
#pragma once

#include <cstdint>
#include <string>

namespace longscope::ui {

/// All digits: "1,048,576".
std::string numberText(uint64_t number);
/// "8,192"; above a million "8.39 million", "1.2 billion", "3.4 trillion", then "5.6e18".
std::string countText(double count);
/// "8,192 tokens", "1 token".
std::string tokensText(uint64_t tokens);
/// "0.8 ms", "12 ms", "3.4 s", "2 min 5 s", "3 h 20 min", "2.5 days".
std::string secondsText(double seconds);
/// "1.23 TFLOP"; with unit "FLOP/s" a rate.
std::string flopsText(double flops, const char *unit = "FLOP");
/// "12.3 MB" (powers of 1000).
std::string byteText(double bytes);
/// Three digits that count: "0.0123", "1.23", "123", never "1.23e+02".
std::string shortNumber(double value);
/// "24 %", "1.3 %", "under 0.1 %".
std::string percentText(double share);
/// "3.2 times", "0.24 times".
std::string timesText(double ratio);

} // namespace longscope::ui
