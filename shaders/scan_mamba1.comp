// The selective scan of mamba-1 (see ScanMamba): every channel has its own dt and its own A.
// Groups: x = ceil(columns / (WIDE * VALUES)).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "scan.glsl"

layout(push_constant) uniform Push { ScanMamba p; };

vec4 state[WIDE][QUADS], a[WIDE][QUADS], b[HELD], c[HELD];

void advance(uint row, uint wide) {
    uint channel = channelOf(valueIndex(wide), p.head_dim), bc_at = row * p.bc_stride;
    float u = p.u.v[row * p.u_stride + channel];
    float dt = softplus(p.dt.v[row * p.dt_stride + channel] + p.dt_bias.v[channel]);
    vec4 sums = vec4(0);
    [[unroll]] for (uint i = 0; i < QUADS; ++i) {
        state[wide][i] = state[wide][i] * exp(dt * a[wide][i]) + dt * u * heldFour(b, p.b, bc_at, i);
        sums += state[wide][i] * heldFour(c, p.c, bc_at, i);
    }
    float y = sumOverKeys(sums) + p.d.v[channel] * u;
    if ((FLAGS & SCAN_GATE) != 0)
        y *= silu(p.z.v[row * p.z_stride + channel]);
    storeValue(p.y, row * p.y_stride, wide, p.head_dim, p.columns, y);
}

void main() {
    loadOwn(p.state, p.head_dim, state);
    loadOwn(p.a, p.head_dim, a);
    for (uint row = 0; row < p.rows; ++row) {
        hold(p.b, row * p.bc_stride, b);
        hold(p.c, row * p.bc_stride, c);
        [[unroll]] for (uint wide = 0; wide < WIDE; ++wide)
            advance(row, wide);
    }
    storeOwn(p.state, p.head_dim, state);
}
