// Rotary position embedding: from a model's settings to inverse frequencies and one magnitude, and
// from positions to the (cos, sin) table that kernels read. In double: shaders' sin and cos are not
// precise enough at large angles. Pure arithmetic.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace longscope::attention {

struct RopeSettings {
    uint32_t dims = 0; ///< rotated dimensions of a head, even
    double base = 10000;
    std::string scaling = "none"; ///< none, linear, yarn, longrope (as the file says)
    double factor = 1;            ///< s >= 1 stretches
    uint64_t original_context = 0;
    double attn_factor = 1;
    double yarn_beta_fast = 32, yarn_beta_slow = 1;
    std::vector<float> factors; ///< [dims/2] divisors (rope_freqs.weight), empty = 1
};

struct Rope {
    std::vector<double> inv_freq; ///< [dims/2]: angle of pair i at position p = p * inv_freq[i]
    double magnitude = 1;         ///< multiplies cos and sin of q and of k, once
};

/// ggml's angle formula (ops.cpp rope_yarn): covers none, linear and yarn, with factors.
Rope makeRope(const RopeSettings &settings);

/// rotation[i, pair] = (cos, sin) * magnitude at position first + i; size rows * dims.
void fillRotation(const Rope &rope, uint64_t first, uint64_t rows, std::span<float> rotation);

} // namespace longscope::attention
