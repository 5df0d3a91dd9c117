// Token rows of the embedding table, dequantised: x[i, :] = table[tokens[i], :] * scale,
// added to what is there with EMBED_ADD.
// Invocation = 8 columns. Groups: x = ceil(columns / 8 / LOCAL_SIZE), y = rows.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "weights.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(push_constant) uniform Push { Embed p; };

void main() {
    uint octet = gl_GlobalInvocationID.x;
    uint i = gl_WorkGroupID.y;
    if (octet >= p.columns / 8 || i >= p.rows)
        return;
    vec4 low, high;
    decodeOctet(loadOctet(p.table, p.tokens.v[i], octet, p.columns), low, high);
    uint at = i * (p.columns / 4) + 2 * octet;
    low *= p.scale;
    high *= p.scale;
    if ((FLAGS & EMBED_ADD) != 0) {
        low += Vec4s(p.x).v[at];
        high += Vec4s(p.x).v[at + 1];
    }
    Vec4s(p.x).v[at] = low;
    Vec4s(p.x).v[at + 1] = high;
}
