// Causal depthwise convolution with history (see ShortConv). Invocation = one channel of a block of
// rows. Only the first block touches the history: it reads the old one before it writes the new one,
// which it takes from the last rows of the input. So blocks need not wait for each other.
// Groups: x = ceil(columns / LOCAL_SIZE), y = ceil(rows / CONV_BLOCK_ROWS).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "recurrent.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(constant_id = SPEC_TILE_A) const uint TAPS = 4;
layout(push_constant) uniform Push { ShortConv p; };

const uint PAST = TAPS - 1;

float inputAt(uint row, uint channel) {
    uint at = row * p.in_stride + channel;
    float u = p.u.v[at];
    return (FLAGS & CONV_GATE_IN) != 0 ? u * p.gate_in.v[at] : u;
}

// Input `back` rows before `row`, where row - back may lie before the chunk.
float pastInput(uint row, uint back, uint channel) {
    if (row >= back)
        return inputAt(row - back, channel);
    return p.history.v[channel * PAST + (PAST + row - back)];
}

void keepHistory(uint channel) {
    float last[PAST]; // all read before any is written: some may come from the old history
    [[unroll]] for (uint j = 0; j < PAST; ++j)
        last[j] = pastInput(p.rows, PAST - j, channel);
    [[unroll]] for (uint j = 0; j < PAST; ++j)
        p.history.v[channel * PAST + j] = last[j];
}

void main() {
    uint channel = gl_GlobalInvocationID.x;
    uint first = gl_WorkGroupID.y * CONV_BLOCK_ROWS;
    uint end = min(first + CONV_BLOCK_ROWS, p.rows);
    if (channel >= p.columns)
        return;
    if (channel >= p.channels) {
        for (uint row = first; row < end; ++row)
            p.y.v[row * p.y_stride + channel] = 0;
        return;
    }
    float weight[TAPS], window[TAPS];
    [[unroll]] for (uint j = 0; j < TAPS; ++j)
        weight[j] = p.weight.v[channel * TAPS + j];
    [[unroll]] for (uint j = 0; j < PAST; ++j)
        window[j + 1] = pastInput(first, PAST - j, channel);
    float bias = (FLAGS & CONV_BIAS) != 0 ? p.bias.v[channel] : 0;
    for (uint row = first; row < end; ++row) {
        [[unroll]] for (uint j = 0; j < PAST; ++j)
            window[j] = window[j + 1];
        window[PAST] = inputAt(row, channel);
        float sum = bias;
        [[unroll]] for (uint j = 0; j < TAPS; ++j)
            sum += weight[j] * window[j];
        if ((FLAGS & CONV_SILU) != 0)
            sum = silu(sum);
        if ((FLAGS & CONV_GATE_OUT) != 0)
            sum *= p.gate_out.v[row * p.in_stride + channel];
        p.y.v[row * p.y_stride + channel] = sum;
    }
    if (first == 0)
        keepHistory(channel);
}
