// Rows scaled, bounded, added: y = factor * s(row) * g(x) (+ y), for the temperature of queries,
// clamped q, k and v, the soft cap of logits, the gate of a shared expert, scaled residuals.
// Invocation = 4 columns. Groups: x = ceil(columns / 4 / LOCAL_SIZE), y = rows, z = segments. y may
// be x.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "quads.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(push_constant) uniform Push { Adjust p; };

bool has(uint flag) {
    return (FLAGS & flag) != 0;
}

vec4 load(Floats from, uint start, uint column) {
    return loadQuad(from, start, column, p.columns, has(ADJUST_WIDE));
}

float rowScale(uint row) {
    if (!has(ADJUST_SCALES))
        return p.factor;
    float scale = p.scales.v[row * p.scale_stride];
    return p.factor * (has(ADJUST_SIGMOID) ? sigmoid(vec4(scale)).x : scale);
}

vec4 bounded(vec4 x) {
    if (has(ADJUST_CLAMP))
        return clamp(x, vec4(-p.bound), vec4(p.bound));
    return has(ADJUST_CAP) ? p.bound * boundedTanh(x / p.bound) : x;
}

void main() {
    uint column = 4 * gl_GlobalInvocationID.x;
    uint row = gl_WorkGroupID.y;
    if (column >= p.columns || row >= p.rows)
        return;
    uint x_start = row * p.x_stride + gl_WorkGroupID.z * p.x_segment;
    uint y_start = row * p.y_stride + gl_WorkGroupID.z * p.y_segment;
    vec4 value = rowScale(row) * bounded(load(p.x, x_start, column));
    if (has(ADJUST_ADD))
        value += load(p.y, y_start, column);
    storeQuad(p.y, y_start, column, p.columns, has(ADJUST_WIDE), value);
}
