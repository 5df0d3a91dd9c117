// Reading the KV cache, whose element types and layout params.h draws. A row is
// kv_head * capacity + slot. `type` is one of the constants TYPE_K and TYPE_V at every call, so that
// the branches vanish. Writing it: rope.comp.
#ifndef LONGSCOPE_CACHE_GLSL
#define LONGSCOPE_CACHE_GLSL

layout(constant_id = SPEC_HEAD_DIM) const uint HEAD_DIM = 64; // multiple of 32
layout(constant_id = SPEC_CACHE_K) const uint TYPE_K = CACHE_F32;
layout(constant_id = SPEC_CACHE_V) const uint TYPE_V = CACHE_F32;

layout(buffer_reference, std430, buffer_reference_align = 8) buffer Uvec2s { uvec2 v[]; };

bool hasScales(uint type) { return type == CACHE_Q8_0 || type == CACHE_Q4_0; }

// Two elements of 16 bits.
vec2 unpackPair(uint type, uint word) {
    return type == CACHE_F16 ? unpackHalf2x16(word)
                             : uintBitsToFloat(uvec2(word << 16, word & 0xffff0000u));
}

// Four elements of a word of q8_0, and of the low half of a word of q4_0, without their scale.
vec4 unpackBytes(uint word) {
    return vec4(ivec4(uvec4(word << 24, word << 16, word << 8, word)) >> 24);
}
vec4 unpackNibbles(uint word) { return vec4((uvec4(word) >> uvec4(0, 4, 8, 12)) & 15u) - 8; }

// Scale of 32 dimensions of a row of q8_0 or q4_0.
float loadScale(CachePlanes planes, uint row, uint block) {
    uint word = planes.scales.v[row * CACHE_SCALE_WORDS(HEAD_DIM) + block / 2];
    return unpackHalf2x16(word >> 16 * (block % 2)).x;
}

// Dimensions 4 * quad .. 4 * quad + 3 of a row.
vec4 loadQuad(CachePlanes planes, uint type, uint row, uint quad) {
    uint at = row * (HEAD_DIM / 4) + quad;
    if (type == CACHE_F32)
        return uintBitsToFloat(Uvec4s(planes.data).v[at]);
    if (type == CACHE_Q8_0)
        return unpackBytes(planes.data.v[at]) * loadScale(planes, row, quad / 8);
    if (type == CACHE_Q4_0)
        return unpackNibbles(planes.data.v[at / 2] >> 16 * (at % 2)) *
               loadScale(planes, row, quad / 8);
    uvec2 words = Uvec2s(planes.data).v[at];
    return vec4(unpackPair(type, words.x), unpackPair(type, words.y));
}

// Dimensions 8 * piece .. 8 * piece + 7 of a row, with one load (f32: two) and that of the scale.
void loadPiece(CachePlanes planes, uint type, uint row, uint piece, out vec4 low, out vec4 high) {
    uint at = row * (HEAD_DIM / 8) + piece;
    if (type == CACHE_F32) {
        low = uintBitsToFloat(Uvec4s(planes.data).v[2 * at]);
        high = uintBitsToFloat(Uvec4s(planes.data).v[2 * at + 1]);
    } else if (hasScales(type)) {
        float scale = loadScale(planes, row, piece / 4);
        if (type == CACHE_Q8_0) {
            uvec2 words = Uvec2s(planes.data).v[at];
            low = unpackBytes(words.x) * scale;
            high = unpackBytes(words.y) * scale;
        } else {
            uint word = planes.data.v[at];
            low = unpackNibbles(word) * scale;
            high = unpackNibbles(word >> 16) * scale;
        }
    } else {
        uvec4 words = Uvec4s(planes.data).v[at];
        low = vec4(unpackPair(type, words.x), unpackPair(type, words.y));
        high = vec4(unpackPair(type, words.z), unpackPair(type, words.w));
    }
}
#endif
