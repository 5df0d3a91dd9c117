// Probe of `bench`: how many fp32 multiply-adds a second the device does when it waits for nothing.
// A step is PROBE_PEAK_FLOPS operations an invocation. Three vec4 chains that do not depend on each
// other hide the latency of each result, and with their two constants they still fit into the
// sixteen vector registers that Mesa's software driver uses (a fourth chain spills: half the speed,
// Mesa 25.0 on Zen 5).
#version 460
#extension GL_GOOGLE_include_directive : require
#include "params.h"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(push_constant, std430) uniform Params { Probe p; };

void main() {
    const uint me = gl_GlobalInvocationID.x;
    // Read from memory, so that nothing is known at compile time; the chains run to a fixed point
    // of moderate size, so that no operation meets an infinity or a denormal.
    const float seed = float((p.data.v[0].x + me) & 7u);
    const float factor = seed * 1e-3 + 0.5;
    const float term = seed * 1e-3 + 0.25;
    vec4 a = vec4(0, 1, 2, 3) + seed;
    vec4 b = vec4(4, 5, 6, 7) + seed;
    vec4 c = vec4(8, 9, 10, 11) + seed;
    for (uint step = 0; step < p.iterations; step++) {
        [[unroll]] for (uint repeat = 0; repeat < 16; repeat++) {
            a = a * factor + term;
            b = b * factor + term;
            c = c * factor + term;
        }
    }
    const vec4 sum = a + b + c;
    p.result.v[me] = sum.x + sum.y + sum.z + sum.w;
}
