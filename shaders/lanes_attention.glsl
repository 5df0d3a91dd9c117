// What the `lanes` attention kernels share: rows of the cache, read in 64-bit elements. Where a row
// is spread over the 8 lanes, lane l holds its dims l * DIMS .., the same for every type, so that
// nothing is transposed.

layout(constant_id = SPEC_HEAD_DIM) const uint HEAD_DIM = 64; // multiple of 32
layout(constant_id = SPEC_CACHE_K) const uint CACHE_TYPE_K = CACHE_F16;
layout(constant_id = SPEC_CACHE_V) const uint CACHE_TYPE_V = CACHE_F16;

layout(buffer_reference, std430, buffer_reference_align = 8) buffer Words64 { uint64_t v[]; };

const uint LANES = 8;
const uint DIMS = HEAD_DIM / LANES; // of one lane, multiple of 4

// A score that no real one reaches, and finite: -inf - -inf would be NaN in the online softmax.
const float NEVER = -1e30;
const float LOG2_E = 1.44269504;

/// Four dims of a cached row; `at` counts fours of dims from the start of the cache.
vec4 loadFour(Words64 cache, uint type, uint at) {
    if (type == CACHE_F16) {
        uvec2 words = unpackUint2x32(cache.v[at]);
        return vec4(unpackHalf2x16(words.x), unpackHalf2x16(words.y));
    }
    return uintBitsToFloat(
        uvec4(unpackUint2x32(cache.v[2 * at]), unpackUint2x32(cache.v[2 * at + 1])));
}

/// Weight of a key: 0 for one 2^-64 below the largest, which keeps denormals (ten times slower, not
/// flushed by the driver) out of the products.
float keyWeight(float score, float maximum) {
    return score < maximum - 64 ? 0 : exp2(score - maximum);
}
