// The scan of mamba-2 (see ScanMamba): dt, A and D are of a head, B and C of a group of heads.
// Groups: x = ceil((head_dim + padding of y) / (WIDE * VALUES)), y = heads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "scan.glsl"

layout(push_constant) uniform Push { ScanMamba p; };

void main() {
    uint head = gl_WorkGroupID.y, group = head * p.groups / p.heads;
    vec4 state[WIDE][QUADS], b[HELD], c[HELD], sums[WIDE];
    loadOwn(p.state, p.head_dim, state);
    float bias = p.dt_bias.v[head], a = p.a.v[head], d = p.d.v[head];
    float u[WIDE];
    for (uint row = 0; row < p.rows; ++row) {
        float dt = softplus(p.dt.v[row * p.dt_stride + head] + bias), decay = exp(dt * a);
        uint bc_at = row * p.bc_stride + group * KEYS;
        hold(p.b, bc_at, b);
        hold(p.c, bc_at, c);
        [[unroll]] for (uint w = 0; w < WIDE; ++w) {
            u[w] = p.u.v[row * p.u_stride + channelOf(valueIndex(w), p.head_dim)];
            sums[w] = vec4(0);
        }
        [[unroll]] for (uint i = 0; i < QUADS; ++i) {
            vec4 b_four = heldFour(b, p.b, bc_at, i), c_four = heldFour(c, p.c, bc_at, i);
            [[unroll]] for (uint w = 0; w < WIDE; ++w) {
                state[w][i] = state[w][i] * decay + dt * u[w] * b_four;
                sums[w] += state[w][i] * c_four;
            }
        }
        [[unroll]] for (uint w = 0; w < WIDE; ++w) {
            float y = sumOverKeys(sums[w]) + d * u[w];
            if ((FLAGS & SCAN_GATE) != 0)
                y *= silu(p.z.v[row * p.z_stride + channelOf(valueIndex(w), p.head_dim)]);
            storeValue(p.y, row * p.y_stride, w, p.head_dim, p.columns, y);
        }
    }
    storeOwn(p.state, p.head_dim, state);
}
