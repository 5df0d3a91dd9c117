// Norms of rows, or of equal segments of rows (heads, groups): root mean square (Zhang & Sennrich
// 2019), layer norm (Ba et al. 2016), unit length; with weight, bias and gate as FLAGS say.
// Workgroup = one segment of one row. Groups: x = rows, y = segments. y may be x.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "params.h"
#include "quads.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(push_constant) uniform Push { Norm p; };

const bool CENTRED = (FLAGS & NORM_MEAN) != 0;
shared vec2 partial_sums[128]; // one a subgroup; subgroups may be as small as one invocation

// Where this workgroup's segment begins.
uint x_at, y_at, gate_at, weight_at;

bool has(uint flag) {
    return (FLAGS & flag) != 0;
}

vec4 load(Floats from, uint start, uint column) {
    return loadQuad(from, start, column, p.columns, has(NORM_WIDE));
}

vec4 loadX(uint column) {
    vec4 value = load(p.x, x_at, column);
    return has(NORM_GATE_BEFORE) ? value * silu(load(p.gate, gate_at, column)) : value;
}

vec2 sumOfWorkgroup(vec2 value) {
    value.y = subgroupAdd(value.y);
    if (CENTRED)
        value.x = subgroupAdd(value.x);
    if (gl_NumSubgroups == 1)
        return value;
    if (CENTRED)
        barrier(); // all have read an earlier sum
    if (subgroupElect())
        partial_sums[gl_SubgroupID] = value;
    barrier();
    vec2 sum = vec2(0);
    for (uint i = 0; i < gl_NumSubgroups; ++i)
        sum += partial_sums[i];
    return sum;
}

// The sums of x - shift (layer norm only) and of its square.
vec2 sumsAround(float shift) {
    vec2 sums = vec2(0);
    for (uint column = 4 * gl_LocalInvocationID.x; column < p.columns;
         column += 4 * gl_WorkGroupSize.x) {
        vec4 value = loadX(column);
        if (CENTRED) {
            value = mix(value - shift, vec4(0), beyondColumns(column, p.columns));
            sums.x += dot(value, vec4(1));
        }
        sums.y += dot(value, value);
    }
    return sumOfWorkgroup(sums);
}

void main() {
    uint row = gl_WorkGroupID.x, segment = gl_WorkGroupID.y;
    x_at = row * p.x_stride + segment * p.x_segment;
    y_at = row * p.y_stride + segment * p.y_segment;
    gate_at = row * p.gate_stride + segment * p.gate_segment;
    weight_at = segment * p.weight_segment;

    float count = float(p.columns), mean = 0, rest = 0;
    vec2 sums = sumsAround(0);
    if (CENTRED) { // two passes; `rest` is what rounding left in the mean (Chan et al. 1983)
        mean = sums.x / count;
        sums = sumsAround(mean);
        rest = sums.x / count;
        sums.y = max(sums.y - rest * sums.x, 0);
    }
    float scale = inversesqrt((has(NORM_SUM) ? sums.y : sums.y / count) + p.eps);

    for (uint column = 4 * gl_LocalInvocationID.x; column < p.columns;
         column += 4 * gl_WorkGroupSize.x) {
        vec4 value = loadX(column);
        value = (CENTRED ? value - mean - rest : value) * scale;
        if (has(NORM_WEIGHT))
            value *= load(p.weight, weight_at, column);
        if (has(NORM_BIAS))
            value += load(p.bias, weight_at, column);
        if (has(NORM_GATE_AFTER))
            value *= silu(load(p.gate, gate_at, column));
        value *= p.factor;
        if (has(NORM_ADD))
            value += load(p.y, y_at, column);
        storeQuad(p.y, y_at, column, p.columns, has(NORM_WIDE), value);
    }
    if (segment == gl_NumWorkGroups.y - 1)
        for (uint i = gl_LocalInvocationID.x; i < p.padding; i += gl_WorkGroupSize.x)
            p.y.v[y_at + p.columns + i] = 0;
}
