// The KV cache, [kv_heads, capacity, HEAD_DIM] of f32 or of f16 kept two in a word. A row is
// kv_head * capacity + slot. The element type is one of the constants CACHE_K and CACHE_V.
#ifndef LONGSCOPE_CACHE_GLSL
#define LONGSCOPE_CACHE_GLSL

layout(constant_id = SPEC_HEAD_DIM) const uint HEAD_DIM = 64;
layout(constant_id = SPEC_CACHE_K) const uint TYPE_K = CACHE_F32;
layout(constant_id = SPEC_CACHE_V) const uint TYPE_V = CACHE_F32;

layout(buffer_reference, std430, buffer_reference_align = 8) buffer Uvec2s { uvec2 v[]; };

// Dimensions 4 * quad .. 4 * quad + 3 of a row.
vec4 loadQuad(Uints cache, uint type, uint row, uint quad) {
    uint at = row * (HEAD_DIM / 4) + quad;
    if (type == CACHE_F32)
        return uintBitsToFloat(Uvec4s(cache).v[at]);
    uvec2 halves = Uvec2s(cache).v[at];
    return vec4(unpackHalf2x16(halves.x), unpackHalf2x16(halves.y));
}

// Dimensions 8 * piece .. 8 * piece + 7 of a row, with 16-byte loads.
void loadPiece(Uints cache, uint type, uint row, uint piece, out vec4 low, out vec4 high) {
    uint at = row * (HEAD_DIM / 8) + piece;
    if (type == CACHE_F32) {
        low = uintBitsToFloat(Uvec4s(cache).v[2 * at]);
        high = uintBitsToFloat(Uvec4s(cache).v[2 * at + 1]);
    } else {
        uvec4 halves = Uvec4s(cache).v[at];
        low = vec4(unpackHalf2x16(halves.x), unpackHalf2x16(halves.y));
        high = vec4(unpackHalf2x16(halves.z), unpackHalf2x16(halves.w));
    }
}

// Dimensions 2 * pair and 2 * pair + 1 of a row.
void storePair(Uints cache, uint type, uint row, uint pair, vec2 value) {
    uint at = row * (HEAD_DIM / 2) + pair;
    if (type == CACHE_F32)
        Uvec2s(cache).v[at] = floatBitsToUint(value);
    else
        cache.v[at] = packHalf2x16(value);
}
#endif
