// The codebooks of the IQ1, IQ2 and IQ3 weight types: data of the file format (ggml-common.h), here
// with every weight as one small digit. The first weight is in the lowest bits.
#pragma once

#include <array>
#include <cstdint>

namespace longscope::model {

/// Eight weights of 2 bits: digit 0, 1, 2 is the weight -1, 0, 1.
extern const std::array<uint16_t, 2048> kGridIq1;

/// Eight magnitudes of 2 bits: digit 0, 1, 2 is 8, 25, 43.
extern const std::array<uint16_t, 256> kGridIq2Xxs;
extern const std::array<uint16_t, 512> kGridIq2Xs;
extern const std::array<uint16_t, 1024> kGridIq2S;

/// Four magnitudes of 3 bits: digit k is 2k + 1 (IQ3_S), or 4 (2k + 1) but 62 for k = 7 (IQ3_XXS).
extern const std::array<uint16_t, 256> kGridIq3Xxs;
extern const std::array<uint16_t, 512> kGridIq3S;

} // namespace longscope::model
