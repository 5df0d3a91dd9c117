// Probe of `bench`: how many fp32 multiply-adds a second the device does when it waits for nothing.
// Six vec4 chains that do not depend on each other hide the latency of an addition behind a
// multiplication and still fit into sixteen registers of a processor's vector unit... see below.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "params.h"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(push_constant, std430) uniform Params { Probe p; };
layout(constant_id = SPEC_TILE_A) const uint CHAINS = 4;

void main() {
    const uint me = gl_GlobalInvocationID.x;
    const vec4 start = vec4(p.data.v[0] & 0xffu) + float(me & 7u);
    const vec4 factor = start * 1e-4 + 0.5;
    const vec4 term = start * 1e-3 + 0.25;
    vec4 a0 = start, a1 = start + 1.0, a2 = start + 2.0, a3 = start + 3.0;
    vec4 a4 = start + 4.0, a5 = start + 5.0, a6 = start + 6.0, a7 = start + 7.0;
    for (uint i = 0; i < p.iterations; i++) {
        [[unroll]] for (uint repeat = 0; repeat < 16; repeat++) {
            a0 = a0 * factor.x + term.x;
            if (CHAINS > 1) a1 = a1 * factor.x + term.x;
            if (CHAINS > 2) a2 = a2 * factor.x + term.x;
            if (CHAINS > 3) a3 = a3 * factor.x + term.x;
            if (CHAINS > 4) a4 = a4 * factor.x + term.x;
            if (CHAINS > 5) a5 = a5 * factor.x + term.x;
            if (CHAINS > 6) a6 = a6 * factor.x + term.x;
            if (CHAINS > 7) a7 = a7 * factor.x + term.x;
        }
    }
    const vec4 sum = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7;
    p.result.v[me] = sum.x + sum.y + sum.z + sum.w;
}
