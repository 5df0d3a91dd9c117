// How fast heads forget (see DecayMean). Invocation = one head. Groups: x = ceil(heads / LOCAL_SIZE).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "recurrent.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(push_constant) uniform Push { DecayMean p; };

float meanOfA(uint head) {
    float sum = 0;
    for (uint i = 0; i < p.keys; ++i)
        sum += p.a.v[head * p.keys + i];
    return sum / float(p.keys);
}

void main() {
    uint head = gl_GlobalInvocationID.x;
    if (head >= p.heads)
        return;
    uint column = head / p.gate_heads * p.gate_step + head % p.gate_heads;
    float sum = 0, bias = p.bias.v[head];
    for (uint row = 0; row < p.rows; ++row) {
        float raw = p.raw.v[row * p.stride + column] + bias;
        sum += (FLAGS & DECAY_EXP) != 0 ? -exp(min(raw, 80)) : softplus(raw);
    }
    float mean = sum / float(p.rows);
    p.result.v[head] = (FLAGS & DECAY_EXP) != 0 ? mean : mean * meanOfA(head);
}
