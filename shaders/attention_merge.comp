// Joins the ranges of keys of a decode step (flash-decoding; methods.md 1.5): each range counts
// with weight exp2(m - largest m) * l. A range with l = 0 is skipped, whatever else it holds.
// Invocation = one dimension of one head. Groups: x = heads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_HEAD_DIM) const uint HEAD_DIM = 64;
layout(push_constant) uniform Push { AttentionMerge p; };

// Bounded, because Mesa 26's software driver runs a uniform load once more when it leaves a loop.
uint partialAt(uint part, uint head) {
    return (min(part, p.splits - 1) * p.heads + head) * (HEAD_DIM + 2);
}

void main() {
    uint head = gl_WorkGroupID.x;
    float largest = -1e30; // finite, so that no difference of infinities can arise
    for (uint part = 0; part < p.splits; ++part) {
        uint at = partialAt(part, head) + HEAD_DIM;
        if (p.partial.v[at + 1] > 0)
            largest = max(largest, p.partial.v[at]);
    }
    for (uint c = gl_LocalInvocationID.x; c < p.head_dim; c += gl_WorkGroupSize.x) {
        float sum = 0, total = 0;
        for (uint part = 0; part < p.splits; ++part) {
            uint at = partialAt(part, head);
            float l = p.partial.v[at + HEAD_DIM + 1];
            if (l > 0) {
                float weight = l * exp2(p.partial.v[at + HEAD_DIM] - largest);
                sum += weight * p.partial.v[at + c];
                total += weight;
            }
        }
        p.result.v[head * p.head_dim + c] = total > 0 ? sum / total : 0;
    }
}
