// The gated activation of a SwiGLU feed-forward block (Shazeer 2020): h = silu(gate) * up.
// Invocation = 4 columns. Groups: x = ceil(columns / 4 / LOCAL_SIZE), y = rows.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(push_constant) uniform Push { Gated p; };

void main() {
    uint quad = gl_GlobalInvocationID.x;
    uint row = gl_WorkGroupID.y;
    if (quad >= p.columns / 4 || row >= p.rows)
        return;
    uint at = row * (p.in_stride / 4) + quad;
    vec4 gate = Vec4s(p.gate).v[at];
    // The bound keeps exp finite; silu(-80) is 0 to every digit that matters.
    vec4 silu = gate / (1.0 + exp(min(-gate, vec4(80))));
    Vec4s(p.h).v[row * (p.out_stride / 4) + quad] = silu * Vec4s(p.up).v[at];
}
