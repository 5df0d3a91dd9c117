// The activation of a feed-forward block, gated (Shazeer 2020) or not, and the gates of attention
// and mixers: h = act(gate) * up, or act(up).
// Invocation = 4 columns. Groups: x = ceil(padded / 4 / LOCAL_SIZE), y = rows.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "quads.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(constant_id = SPEC_TILE_A) const uint KIND = ACTIVATION_SILU;
layout(push_constant) uniform Push { Activation p; };

bool has(uint flag) {
    return (FLAGS & flag) != 0;
}

vec4 load(Floats from, uint start, uint column) {
    return loadQuad(from, start, column, p.columns, has(ACTIVATION_WIDE));
}

vec4 loadGate(uint row, uint column) {
    uint start = row * p.gate_stride;
    if (!has(ACTIVATION_SEGMENTS))
        return load(p.gate, start, column);
    if (has(ACTIVATION_WIDE)) // no quad crosses the end of a segment
        return load(p.gate, start, column / p.segment * p.gate_segment + column % p.segment);
    vec4 value = vec4(0);
    [[unroll]] for (uint e = 0; e < 4; ++e) {
        uint c = column + e;
        if (c < p.columns)
            value[e] = p.gate.v[start + c / p.segment * p.gate_segment + c % p.segment];
    }
    return value;
}

// 0.5 x (1 + tanh(u)) = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3) (Hendrycks & Gimpel
// 2016). Beyond 30 the sigmoid is 0 or 1 to the last bit; the bound keeps the cube finite.
vec4 gelu(vec4 x) {
    vec4 bounded = clamp(x, vec4(-30), vec4(30));
    return x * sigmoid(1.5957691216 * (bounded + 0.044715 * bounded * bounded * bounded));
}

vec4 activate(vec4 x) {
    if (KIND == ACTIVATION_GELU)
        return gelu(x);
    if (KIND == ACTIVATION_RELU_SQUARED)
        return max(x, vec4(0)) * max(x, vec4(0));
    if (KIND == ACTIVATION_SIGMOID)
        return sigmoid(x);
    return KIND == ACTIVATION_TANH ? boundedTanh(x) : silu(x);
}

vec4 combine(vec4 gate, vec4 up) {
    if (KIND != ACTIVATION_OAI)
        return activate(gate) * up;
    gate = min(gate, vec4(7));
    return gate * sigmoid(1.702 * gate) * (clamp(up, vec4(-7), vec4(7)) + 1);
}

void main() {
    uint column = 4 * gl_GlobalInvocationID.x;
    uint row = gl_WorkGroupID.y;
    if (column >= p.padded || row >= p.rows)
        return;
    vec4 value = vec4(0);
    if (column < p.columns) {
        value = load(p.up, row * p.up_stride, column);
        value = has(ACTIVATION_UNGATED) ? activate(value) : combine(loadGate(row, column), value);
        if (has(ACTIVATION_DIVIDE))
            value /= load(p.divisor, 0, column);
        if (!has(ACTIVATION_WIDE))
            value = mix(value, vec4(0), beyondColumns(column, p.columns));
    }
    storeQuad(p.h, row * p.h_stride, column, p.padded, has(ACTIVATION_WIDE), value);
}
