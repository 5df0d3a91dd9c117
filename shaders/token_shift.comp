// Mixes of each row with the one before (see TokenShift). Invocation = one column of one row. Only
// row 0 touches `previous`: it reads the old one before it writes the new one.
// Groups: x = ceil(columns / LOCAL_SIZE), y = rows.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
layout(push_constant) uniform Push { TokenShift p; };

void main() {
    uint column = gl_GlobalInvocationID.x, row = gl_WorkGroupID.y;
    if (column >= p.columns || row >= p.rows)
        return;
    bool inside = column < p.channels;
    float x = 0, step = 0;
    if (inside) {
        x = p.x.v[row * p.x_stride + column];
        float before = row > 0 ? p.x.v[(row - 1) * p.x_stride + column] : p.previous.v[column];
        step = before - x;
    }
    for (uint mix = 0; mix < p.mixes; ++mix) {
        float y = 0;
        if (inside) {
            float lerp = p.lerp.v[mix * p.channels + column];
            if ((FLAGS & SHIFT_ADD) != 0)
                lerp += p.add.v[row * p.add_stride + mix * p.columns + column];
            y = x + step * lerp;
        }
        p.y.v[row * p.y_stride + mix * p.columns + column] = y;
    }
    if ((FLAGS & SHIFT_KEEP) != 0 && inside && row == 0)
        p.previous.v[column] = p.x.v[(p.rows - 1) * p.x_stride + column];
}
