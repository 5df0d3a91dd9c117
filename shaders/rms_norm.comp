// Root mean square norm (Zhang & Sennrich 2019): y = x / sqrt(mean(x^2) + eps) * weight.
// Workgroup = one row. Groups: x = rows. y may be x.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "params.h"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(push_constant) uniform Push { RmsNorm p; };

shared float partial_sums[128]; // one a subgroup; subgroups may be as small as one invocation

// Four values of the row; those beyond the last column count as 0, whatever memory holds.
vec4 loadRow(uint row, uint quad) {
    vec4 value = Vec4s(p.x).v[row * (p.stride / 4) + quad];
    bvec4 inside = lessThan(uvec4(0, 1, 2, 3) + 4 * quad, uvec4(p.columns));
    return mix(vec4(0), value, inside);
}

float sumOfWorkgroup(float value) {
    value = subgroupAdd(value);
    if (gl_NumSubgroups == 1)
        return value;
    if (subgroupElect())
        partial_sums[gl_SubgroupID] = value;
    barrier();
    float sum = 0;
    for (uint i = 0; i < gl_NumSubgroups; ++i)
        sum += partial_sums[i];
    return sum;
}

void main() {
    uint row = gl_WorkGroupID.x;
    uint quads = p.stride / 4;
    float sum = 0;
    for (uint quad = gl_LocalInvocationID.x; quad < quads; quad += gl_WorkGroupSize.x) {
        vec4 value = loadRow(row, quad);
        sum += dot(value, value);
    }
    float factor = inversesqrt(sumOfWorkgroup(sum) / float(p.columns) + p.eps);
    for (uint quad = gl_LocalInvocationID.x; quad < quads; quad += gl_WorkGroupSize.x) {
        vec4 value = loadRow(row, quad) * factor;
        [[unroll]] for (uint e = 0; e < 4; ++e)
            value[e] = 4 * quad + e < p.columns ? value[e] * p.weight.v[4 * quad + e] : 0;
        Vec4s(p.y).v[row * quads + quad] = value;
    }
}
