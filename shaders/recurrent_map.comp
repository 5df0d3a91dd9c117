// Functions of single elements that recurrent layers need (see RecurrentMap).
// Invocation = one element. Groups: x = ceil(columns / LOCAL_SIZE), y = rows.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "recurrent.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(constant_id = SPEC_TILE_A) const uint FUNCTION = MAP_TANH;
layout(push_constant) uniform Push { RecurrentMap p; };

// GLSL's tanh may be exp(2x) of any x: bounded, because it is 1 to every digit beyond 10. Near 0
// the quotient would lose digits.
float boundedTanh(float x) {
    float square = x * x;
    if (square < 0.01)
        return x * (1 - square * (1.0 / 3 - square * (2.0 / 15 - square * (17.0 / 315))));
    float e = exp(2 * clamp(x, -10, 10));
    return 1 - 2 / (e + 1);
}

void main() {
    uint column = gl_GlobalInvocationID.x, row = gl_WorkGroupID.y;
    if (column >= p.columns || row >= p.rows)
        return;
    float x = p.x.v[row * p.x_stride + column];
    if ((FLAGS & MAP_BIAS) != 0)
        x += p.bias.v[column];
    uint at = row * p.y_stride + column;
    if (FUNCTION == MAP_TANH)
        p.y.v[at] = boundedTanh(x);
    else if (FUNCTION == MAP_DECAY)
        p.y.v[at] = exp(-exp(min(x, 80)));
    else
        p.y.v[at] *= sigmoid(x);
}
