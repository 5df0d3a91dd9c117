// The gated delta rule (see DeltaNet): what the state says of the key is replaced by the value.
// Groups: x = ceil((head_dim + padding of y) / VALUES), y = heads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "scan.glsl"

layout(push_constant) uniform Push { DeltaNet p; };

uint keyHead(uint head) {
    return (FLAGS & SCAN_MODULO) != 0 ? head % p.key_heads : head * p.key_heads / p.heads;
}

void main() {
    uint head = gl_WorkGroupID.y;
    uint gate = head / p.gate_heads * p.gate_step + head % p.gate_heads;
    uint value = valueIndex(), channel = head * p.head_dim + min(value, p.head_dim - 1);
    vec4 state[QUADS], k[HELD], q[HELD];
    loadOwn(p.state, channel * KEYS, state);
    float bias = p.dt_bias.v[head], a = p.a.v[head];
    for (uint row = 0; row < p.rows; ++row) {
        uint gate_at = row * p.gate_stride + gate;
        float decay = exp(softplus(p.alpha.v[gate_at] + bias) * a);
        float beta = sigmoid(p.beta.v[gate_at]);
        uint key_at = row * p.qkv_stride + keyHead(head) * KEYS;
        hold(p.k, key_at, k);
        hold(p.q, key_at, q);
        vec4 sums = vec4(0);
        [[unroll]] for (uint i = 0; i < QUADS; ++i)
            sums += state[i] * heldFour(k, p.k, key_at, i);
        float known = decay * sumOverKeys(sums);
        float change = (p.v.v[row * p.qkv_stride + channel] - known) * beta;
        sums = vec4(0);
        [[unroll]] for (uint i = 0; i < QUADS; ++i) {
            state[i] = state[i] * decay + change * heldFour(k, p.k, key_at, i);
            sums += state[i] * heldFour(q, p.q, key_at, i);
        }
        storeValue(p.y, row * p.y_stride, value, p.head_dim, p.columns,
                   p.scale * sumOverKeys(sums));
    }
    if (value < p.head_dim)
        storeOwn(p.state, channel * KEYS, state);
}
