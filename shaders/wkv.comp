// The recurrence of RWKV-6 (see Wkv): every key has its own decay, and the newest one a bonus.
// Groups: x = ceil((N + padding of y) / VALUES), y = heads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "scan.glsl"

layout(push_constant) uniform Push { Wkv p; };

void main() {
    uint head = gl_WorkGroupID.y, keys_at = head * KEYS;
    uint value = valueIndex(), channel = keys_at + min(value, KEYS - 1);
    vec4 state[QUADS], r[HELD], k[HELD], w[HELD], bonus[HELD];
    loadOwn(p.state, channel * KEYS, state);
    hold(p.bonus, keys_at, bonus);
    for (uint row = 0; row < p.rows; ++row) {
        uint at = row * p.in_stride + keys_at, w_at = row * p.w_stride + keys_at;
        hold(p.r, at, r);
        hold(p.k, at, k);
        hold(p.w, w_at, w);
        float v = p.v.v[row * p.in_stride + channel];
        vec4 sums = vec4(0);
        [[unroll]] for (uint i = 0; i < QUADS; ++i) {
            vec4 kv = heldFour(k, p.k, at, i) * v;
            vec4 with_bonus = state[i] + heldFour(bonus, p.bonus, keys_at, i) * kv;
            sums += heldFour(r, p.r, at, i) * with_bonus;
            state[i] = state[i] * heldFour(w, p.w, w_at, i) + kv;
        }
        storeValue(p.y, row * p.y_stride, value, KEYS, p.columns, sumOverKeys(sums));
    }
    if (value < KEYS)
        storeOwn(p.state, channel * KEYS, state);
}
