// Joins the ranges of keys of a decode step (flash-decoding; methods.md 1.5): each range counts
// with weight exp2(m - largest m) * l. A range with l = 0 is skipped, whatever else it holds. A sink
// is a range of its own without values.
// Invocation = one dimension of one head. Groups: x = heads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(constant_id = SPEC_HEAD_DIM) const uint HEAD_DIM = 64;
layout(constant_id = SPEC_FLAGS) const uint FLAGS = 0;
const bool HAS_SINKS = (FLAGS & ATTENTION_SINKS) != 0;
layout(push_constant) uniform Push { AttentionMerge p; };

// Bounded, because Mesa 26's software driver runs a uniform load once more when it leaves a loop.
uint partialAt(uint part, uint head) {
    return (min(part, p.splits - 1) * p.heads + head) * (HEAD_DIM + 2);
}

void main() {
    uint head = gl_WorkGroupID.x;
    float sink = HAS_SINKS ? p.head_facts.v[head].y : -1e30; // finite: a difference of infinities
    float largest = sink;                                    // would be NaN
    for (uint part = 0; part < p.splits; ++part) {
        uint at = partialAt(part, head) + HEAD_DIM;
        if (p.partial.v[at + 1] > 0)
            largest = max(largest, p.partial.v[at]);
    }
    for (uint c = gl_LocalInvocationID.x; c < p.head_dim; c += gl_WorkGroupSize.x) {
        float sum = 0, total = HAS_SINKS ? exp2(sink - largest) : 0;
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
