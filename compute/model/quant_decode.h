// Inside of quant.cpp: one function for each block type, and what they share. lo and hi are the low
// and high four bits of a byte; numbers are little-endian and lie at any address.
#pragma once

#include "compute/model/quant.h"

namespace longscope::model {

/// Reads one block, block_bytes of its type.
using Decode = void(const uint8_t *block, DecodedBlock &out);

// quant_blocks.cpp: codes that are numbers
Decode decodeQ1_0, decodeQ2_0, decodeQ4_0, decodeQ4_1, decodeQ5_0, decodeQ5_1, decodeQ8_0;
Decode decodeQ2K, decodeQ3K, decodeQ4K, decodeQ5K, decodeQ6K;
Decode decodeTq1_0, decodeTq2_0;
// quant_codebook.cpp: codes that are indices into a table
Decode decodeIq4Nl, decodeIq4Xs, decodeMxfp4, decodeNvfp4;
Decode decodeIq1S, decodeIq1M, decodeIq2Xxs, decodeIq2Xs, decodeIq2S, decodeIq3Xxs, decodeIq3S;

inline uint16_t readU16(const uint8_t *at) {
    return static_cast<uint16_t>(at[0] | at[1] << 8);
}

inline uint32_t readU32(const uint8_t *at) {
    return readU16(at) | static_cast<uint32_t>(readU16(at + 2)) << 16;
}

inline uint8_t lo(uint8_t byte) {
    return byte & 15;
}
inline uint8_t hi(uint8_t byte) {
    return byte >> 4;
}

inline void setScale(DecodedBlock &out, uint16_t d_bits, uint16_t dmin_bits) {
    out.d_f16 = d_bits;
    out.dmin_f16 = dmin_bits;
    out.d = halfToFloat(d_bits);
    out.dmin = halfToFloat(dmin_bits);
}

/// One pair for the whole block: w = d * (code - offset) - dmin.
inline void setPair(DecodedBlock &out, uint16_t d_bits, uint16_t dmin_bits) {
    setScale(out, d_bits, dmin_bits);
    out.scales.fill(1);
    out.minima.fill(1);
}

} // namespace longscope::model
