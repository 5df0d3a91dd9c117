// The results of a row's experts become one: their weighted sum, in the order of their choice.
// Invocation = 4 columns. Groups: x = ceil(columns / 4 / LOCAL_SIZE), y = rows.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(push_constant) uniform Push { Combine p; };

void main() {
    uint quad = gl_GlobalInvocationID.x;
    uint row = gl_WorkGroupID.y;
    if (quad >= p.columns / 4 || row >= p.rows)
        return;
    vec4 sum = vec4(0);
    for (uint j = 0; j < p.used; ++j) {
        uint a = row * p.used + j;
        float weight = (FLAGS & COMBINE_WEIGHTS) != 0 ? p.weights.v[a] : 1.0;
        sum += weight * Vec4s(p.y).v[a * (p.y_stride / 4) + quad];
    }
    uint at = row * (p.x_stride / 4) + quad;
    vec4 base = (FLAGS & COMBINE_ADD) != 0 ? Vec4s(p.x).v[at] : vec4(0);
    Vec4s(p.x).v[at] = base + p.factor * sum;
}
