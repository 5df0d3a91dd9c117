// The recurrence of RWKV-6 (see Wkv): every key has its own decay, and the newest one a bonus.
// Groups: x = ceil((N + padding of y) / (WIDE * VALUES)), y = heads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "scan.glsl"

layout(push_constant) uniform Push { Wkv p; };

void main() {
    uint keys_at = gl_WorkGroupID.y * KEYS;
    vec4 state[WIDE][QUADS], r[HELD], k[HELD], w[HELD], bonus[HELD], sums[WIDE];
    loadOwn(p.state, KEYS, state);
    hold(p.bonus, keys_at, bonus);
    float v[WIDE];
    for (uint row = 0; row < p.rows; ++row) {
        uint at = row * p.in_stride + keys_at, w_at = row * p.w_stride + keys_at;
        hold(p.r, at, r);
        hold(p.k, at, k);
        hold(p.w, w_at, w);
        [[unroll]] for (uint n = 0; n < WIDE; ++n) {
            v[n] = p.v.v[row * p.in_stride + channelOf(valueIndex(n), KEYS)];
            sums[n] = vec4(0);
        }
        [[unroll]] for (uint i = 0; i < QUADS; ++i) {
            vec4 r_four = heldFour(r, p.r, at, i), k_four = heldFour(k, p.k, at, i);
            vec4 w_four = heldFour(w, p.w, w_at, i);
            vec4 bonus_four = heldFour(bonus, p.bonus, keys_at, i);
            [[unroll]] for (uint n = 0; n < WIDE; ++n) {
                vec4 kv = k_four * v[n];
                sums[n] += r_four * (state[n][i] + bonus_four * kv);
                state[n][i] = state[n][i] * w_four + kv;
            }
        }
        [[unroll]] for (uint n = 0; n < WIDE; ++n)
            storeValue(p.y, row * p.y_stride, n, KEYS, p.columns, sumOverKeys(sums[n]));
    }
    storeOwn(p.state, KEYS, state);
}
