// The selective scan of mamba-1 (see ScanMamba): every channel has its own dt and its own A.
// Groups: x = ceil(columns / VALUES).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "scan.glsl"

layout(push_constant) uniform Push { ScanMamba p; };

void main() {
    uint value = valueIndex(), channel = min(value, p.head_dim - 1);
    vec4 state[QUADS], a[QUADS], b[HELD], c[HELD];
    loadOwn(p.state, channel * KEYS, state);
    loadOwn(p.a, channel * KEYS, a);
    float bias = p.dt_bias.v[channel], d = p.d.v[channel];
    for (uint row = 0; row < p.rows; ++row) {
        float u = p.u.v[row * p.u_stride + channel];
        float dt = softplus(p.dt.v[row * p.dt_stride + channel] + bias);
        uint bc_at = row * p.bc_stride;
        hold(p.b, bc_at, b);
        hold(p.c, bc_at, c);
        vec4 sums = vec4(0);
        [[unroll]] for (uint i = 0; i < QUADS; ++i) {
            state[i] = state[i] * exp(dt * a[i]) + dt * u * heldFour(b, p.b, bc_at, i);
            sums += state[i] * heldFour(c, p.c, bc_at, i);
        }
        float y = sumOverKeys(sums) + d * u;
        if ((FLAGS & SCAN_GATE) != 0)
            y *= silu(p.z.v[row * p.z_stride + channel]);
        storeValue(p.y, row * p.y_stride, value, p.head_dim, p.columns, y);
    }
    if (value < p.head_dim)
        storeOwn(p.state, channel * KEYS, state);
}
