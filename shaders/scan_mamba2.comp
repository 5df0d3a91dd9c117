// The scan of mamba-2 (see ScanMamba): dt, A and D are of a head, B and C of a group of heads.
// Groups: x = ceil((head_dim + padding of y) / VALUES), y = heads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "scan.glsl"

layout(push_constant) uniform Push { ScanMamba p; };

void main() {
    uint head = gl_WorkGroupID.y, group = head * p.groups / p.heads;
    uint value = valueIndex(), channel = head * p.head_dim + min(value, p.head_dim - 1);
    vec4 state[QUADS], b[HELD], c[HELD];
    loadOwn(p.state, channel * KEYS, state);
    float bias = p.dt_bias.v[head], a = p.a.v[head], d = p.d.v[head];
    for (uint row = 0; row < p.rows; ++row) {
        float u = p.u.v[row * p.u_stride + channel];
        float dt = softplus(p.dt.v[row * p.dt_stride + head] + bias);
        float decay = exp(dt * a), added = dt * u;
        uint bc_at = row * p.bc_stride + group * KEYS;
        hold(p.b, bc_at, b);
        hold(p.c, bc_at, c);
        vec4 sums = vec4(0);
        [[unroll]] for (uint i = 0; i < QUADS; ++i) {
            state[i] = state[i] * decay + added * heldFour(b, p.b, bc_at, i);
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
