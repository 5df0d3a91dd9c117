// The gated delta rule (see DeltaNet): what the state says of the key is replaced by the value.
// Groups: x = ceil((head_dim + padding of y) / (WIDE * VALUES)), y = heads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "scan.glsl"

layout(push_constant) uniform Push { DeltaNet p; };

vec4 state[WIDE][QUADS], k[HELD], q[HELD];

uint keyHead(uint head) {
    return (FLAGS & SCAN_MODULO) != 0 ? head % p.key_heads : head * p.key_heads / p.heads;
}

// How much of k is added to each value's row of the state.
void findChanges(uint row, uint key_at, float decay, float beta, out float changes[WIDE]) {
    vec4 sums[WIDE];
    [[unroll]] for (uint w = 0; w < WIDE; ++w)
        sums[w] = vec4(0);
    [[unroll]] for (uint i = 0; i < QUADS; ++i) {
        vec4 k_four = heldFour(k, p.k, key_at, i);
        [[unroll]] for (uint w = 0; w < WIDE; ++w)
            sums[w] += state[w][i] * k_four;
    }
    [[unroll]] for (uint w = 0; w < WIDE; ++w) {
        float v = p.v.v[row * p.qkv_stride + channelOf(valueIndex(w), p.head_dim)];
        changes[w] = (v - decay * sumOverKeys(sums[w])) * beta;
    }
}

// Changes the state, and reads it with q.
void advance(uint row, uint key_at, float decay, float changes[WIDE]) {
    vec4 sums[WIDE];
    [[unroll]] for (uint w = 0; w < WIDE; ++w)
        sums[w] = vec4(0);
    [[unroll]] for (uint i = 0; i < QUADS; ++i) {
        vec4 k_four = heldFour(k, p.k, key_at, i), q_four = heldFour(q, p.q, key_at, i);
        [[unroll]] for (uint w = 0; w < WIDE; ++w) {
            state[w][i] = state[w][i] * decay + changes[w] * k_four;
            sums[w] += state[w][i] * q_four;
        }
    }
    [[unroll]] for (uint w = 0; w < WIDE; ++w)
        storeValue(p.y, row * p.y_stride, w, p.head_dim, p.columns, p.scale * sumOverKeys(sums[w]));
}

void main() {
    uint head = gl_WorkGroupID.y;
    uint gate = head / p.gate_heads * p.gate_step + head % p.gate_heads;
    loadOwn(p.state, p.head_dim, state);
    float bias = p.dt_bias.v[head], a = p.a.v[head];
    for (uint row = 0; row < p.rows; ++row) {
        uint gate_at = row * p.gate_stride + gate;
        float decay = exp(softplus(p.alpha.v[gate_at] + bias) * a);
        uint key_at = row * p.qkv_stride + keyHead(head) * KEYS;
        hold(p.k, key_at, k);
        hold(p.q, key_at, q);
        float changes[WIDE];
        findChanges(row, key_at, decay, sigmoid(p.beta.v[gate_at]), changes);
        advance(row, key_at, decay, changes);
    }
    storeOwn(p.state, p.head_dim, state);
}
