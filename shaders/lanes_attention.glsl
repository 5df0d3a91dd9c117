// What the `lanes` attention kernels share: rows of the cache and of q, read in elements as wide as
// possible. Where a row is spread over the 8 lanes, lane l holds part l: dims l * DIMS .., the same
// for every type, so that nothing is transposed.
#include "schedule.glsl"

layout(constant_id = SPEC_HEAD_DIM) const uint HEAD_DIM = 64; // multiple of 32
layout(constant_id = SPEC_CACHE_K) const uint CACHE_TYPE_K = CACHE_F16;
layout(constant_id = SPEC_CACHE_V) const uint CACHE_TYPE_V = CACHE_F16;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
const bool HAS_LISTS = (FLAGS & ATTENTION_LISTS) != 0;
const bool HAS_ZONES = (FLAGS & ATTENTION_FAR) != 0;
const bool RAW_KEYS = (FLAGS & ATTENTION_RAW_KEYS) != 0;
const uint RAW_NEOX = ATTENTION_RAW_KEYS | ATTENTION_NEOX;
const bool SPLIT_PAIRS = (FLAGS & RAW_NEOX) == RAW_NEOX;
#include "score_rules.glsl"

layout(buffer_reference, std430, buffer_reference_align = 8) buffer Words64 { uint64_t v[]; };

const uint LANES = 8;
const uint DIMS = HEAD_DIM / LANES; // of one lane, multiple of 4
const uint FOURS = DIMS / 4;

// A score that no real one reaches, and finite: -inf - -inf would be NaN in the online softmax. The
// maxima start above it, so that a key that is not seen weighs exactly 0.
const float NEVER = -1e30;
const float FIRST_MAXIMUM = -1e29;
const float LOG2_E = 1.44269504;

/// Weight of a key: 0 for one 2^-64 below the largest, which keeps denormals (ten times slower, not
/// flushed by the driver) out of the products.
float keyWeight(float score, float maximum) {
    float weight = exp2(score - maximum); // before the choice: a branch here is slow
    return score < maximum - 64 ? 0 : weight;
}

bool hasScales(uint type) { return type == CACHE_Q8_0 || type == CACHE_Q4_0; }

// Codes of q8_0 and q4_0 become numbers where their sign bit is: 2^24 and 2^28 times too large,
// which `scaleOf` takes back.
vec4 signedBytes(uint word) {
    return vec4(ivec4(uvec4(word << 24, word << 16, word << 8, word) & 0xff000000u));
}
vec4 signedNibbles(uint word) { // the low four; n ^ 8 is n - 8 in four bits
    word ^= 0x8888u;
    return vec4(ivec4(uvec4(word << 28, word << 24, word << 20, word << 16) & 0xf0000000u));
}
vec2 twoFloats(uint64_t word) { return uintBitsToFloat(unpackUint2x32(word)); }
vec2 twoHalves(uint type, uint word) {
    return type == CACHE_F16 ? unpackHalf2x16(word)
                             : uintBitsToFloat(uvec2(word << 16, word & 0xffff0000u));
}

/// Scale of the 32 dims of a block.
float scaleOf(CachePlanes cache, uint type, uint row, uint block) {
    uint word = cache.scales.v[row * CACHE_SCALE_WORDS(HEAD_DIM) + block / 2];
    float scale = unpackHalf2x16(word >> 16 * (block % 2)).x;
    return scale * (type == CACHE_Q8_0 ? 1.0 / (1 << 24) : 1.0 / (1 << 28));
}

// ---- memory: the processor waits for a line of 64 bytes as long as for a dozen of them at once --

const uint LINE_BYTES = 64;

/// Reads a word of each of these lines, from each lane's address on, so that what is read next is
/// near. The result is nothing but a reason to do it.
uint touchLines(uint64_t address, uint lines) {
    uint words = 0;
    [[dont_unroll]] for (uint i = 0; i < lines; ++i, address += uint64_t(LINE_BYTES))
        words |= Uints(address).v[0];
    return words;
}

/// The same for a row of the cache, without its scales.
uint touchRow(Uints data, uint type, uint row) {
    uint bits = type == CACHE_F32 ? 32 : type == CACHE_Q8_0 ? 8 : type == CACHE_Q4_0 ? 4 : 16;
    uint bytes = HEAD_DIM * bits / 8, words = 0;
    uint64_t address = uint64_t(data) + uint64_t(row) * bytes;
    [[unroll]] for (uint at = 0; at < bytes; at += LINE_BYTES)
        words |= Uints(address + at).v[0];
    return words;
}

/// Four q4_0 codes are 16 bits, eight a word; four q8_0 codes are a word.
void loadCodes(Uints data, uint type, uint row, uint part, out uint codes[FOURS]) {
    uint shift = type == CACHE_Q4_0 ? 2 : 1; // fours in 64 bits, as a power of two
    uint first = (row * LANES + part) * FOURS;
    [[unroll]] for (uint i = 0; i < FOURS; ++i) {
        uint four = first + i;
        if (FOURS % (1 << shift) == 0) { // the part is whole 64-bit words
            uvec2 words = unpackUint2x32(Words64(data).v[(first >> shift) + (i >> shift)]);
            codes[i] = type == CACHE_Q8_0 ? words[i % 2] : words[i / 2 % 2] >> 16 * (i % 2);
        } else if (type == CACHE_Q8_0)
            codes[i] = data.v[four];
        else
            codes[i] = data.v[four / 2] >> 16 * (four % 2);
    }
}

/// Part `part` of a cached row, without the scales of q8_0 and q4_0.
void loadPart(Uints data, uint type, uint row, uint part, out vec4 dims[FOURS]) {
    uint first = (row * LANES + part) * FOURS;
    Words64 words = Words64(data);
    uint codes[FOURS];
    if (hasScales(type))
        loadCodes(data, type, row, part, codes);
    [[unroll]] for (uint i = 0; i < FOURS; ++i) {
        uint four = first + i;
        if (type == CACHE_F32)
            dims[i] = vec4(twoFloats(words.v[2 * four]), twoFloats(words.v[2 * four + 1]));
        else if (hasScales(type))
            dims[i] = type == CACHE_Q8_0 ? signedBytes(codes[i]) : signedNibbles(codes[i]);
        else {
            uvec2 halves = unpackUint2x32(words.v[four]);
            dims[i] = vec4(twoHalves(type, halves.x), twoHalves(type, halves.y));
        }
    }
}

/// Multiplies a part by its scales; up to 32 dims lie in at most two blocks.
void scalePart(CachePlanes cache, uint type, uint row, uint part, inout vec4 dims[FOURS]) {
    if (!hasScales(type))
        return;
    if (DIMS > 32) {
        [[unroll]] for (uint i = 0; i < FOURS; ++i)
            dims[i] *= scaleOf(cache, type, row, (part * DIMS + 4 * i) / 32);
        return;
    }
    uint first = part * DIMS / 32, last = (part * DIMS + DIMS - 1) / 32;
    float scale = scaleOf(cache, type, row, first), next = scale;
    if (32 % DIMS != 0)
        next = scaleOf(cache, type, row, last);
    [[unroll]] for (uint i = 0; i < FOURS; ++i)
        dims[i] *= (part * DIMS + 4 * i) / 32 == first ? scale : next;
}

// ---- rotation: which dims four `n` of a query or key is, so that pairs lie side by side ---------
// Pairs (2j, 2j+1): dims 4n .. 4n + 3. Pairs (j, j + rope_dims/2): pairs 2n and 2n + 1, or, beyond
// the rotated dims, any order. rope_dims is a multiple of 4 there.

/// Where its two twos begin, in twos of dims.
uvec2 twosOf(uint n, uint rope_dims) {
    if (SPLIT_PAIRS && 4 * n < rope_dims)
        return uvec2(n, n + rope_dims / 4);
    return uvec2(2 * n, 2 * n + 1);
}

vec4 fourOf(vec2 low, vec2 high) {
    return SPLIT_PAIRS ? vec4(low.x, high.x, low.y, high.y) : vec4(low, high);
}

/// Four n of row `row` of q.
vec4 loadQueryFour(Floats q, uint row, uint n, uint rope_dims) {
    uvec2 at = row * (HEAD_DIM / 2) + twosOf(n, rope_dims);
    Words64 words = Words64(q);
    return fourOf(twoFloats(words.v[at.x]), twoFloats(words.v[at.y]));
}

vec2 loadTwo(CachePlanes cache, uint type, uint row, uint two) {
    if (type == CACHE_F32)
        return twoFloats(Words64(cache.data).v[row * (HEAD_DIM / 2) + two]);
    if (type == CACHE_Q8_0) {
        uint word = cache.data.v[row * (HEAD_DIM / 4) + two / 2] >> 16 * (two % 2);
        return signedBytes(word).xy * scaleOf(cache, type, row, two / 16);
    }
    if (type == CACHE_Q4_0) {
        uint word = cache.data.v[row * (HEAD_DIM / 8) + two / 4] >> 8 * (two % 4);
        return signedNibbles(word).xy * scaleOf(cache, type, row, two / 16);
    }
    return twoHalves(type, cache.data.v[row * (HEAD_DIM / 2) + two]);
}

/// Rotates pairs 2n and 2n + 1 by a row of the table: a pair (cos, sin) of every rotated one.
vec4 rotated(vec4 four, Floats table, uint position, uint n, uint rope_dims) {
    Words64 words = Words64(table);
    uint half_dims = (rope_dims & 0xffffu) / 2, first_pair = rope_dims >> 17;
    [[unroll]] for (uint i = 0; i < 2; ++i) {
        uint pair = 2 * n + i - first_pair; // before the first one: huge
        vec2 turn = twoFloats(words.v[position * half_dims + min(pair, half_dims - 1)]);
        turn = pair < half_dims ? turn : vec2(1, 0);
        vec2 old = vec2(four[2 * i], four[2 * i + 1]);
        four[2 * i] = old.x * turn.x - old.y * turn.y;
        four[2 * i + 1] = old.x * turn.y + old.y * turn.x;
    }
    return four;
}

/// Part `part` of a key, rotated when keys are raw (`table`: of its zone). Without scales, unless
/// pairs are split: then the twos come from two blocks.
void loadKeyPart(CachePlanes cache, uint row, uint part, Floats table, uint position,
                 uint rope_dims, out vec4 dims[FOURS]) {
    if (!SPLIT_PAIRS)
        loadPart(cache.data, CACHE_TYPE_K, row, part, dims);
    [[unroll]] for (uint i = 0; i < FOURS; ++i) {
        uint n = part * FOURS + i;
        if (SPLIT_PAIRS) {
            uvec2 twos = twosOf(n, rope_dims);
            dims[i] = fourOf(loadTwo(cache, CACHE_TYPE_K, row, twos.x),
                             loadTwo(cache, CACHE_TYPE_K, row, twos.y));
        }
        if (RAW_KEYS)
            dims[i] = rotated(dims[i], table, position, n, rope_dims);
    }
}

void scaleKeyPart(CachePlanes cache, uint row, uint part, inout vec4 dims[FOURS]) {
    if (!SPLIT_PAIRS)
        scalePart(cache, CACHE_TYPE_K, row, part, dims);
}
