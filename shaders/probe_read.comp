// Probe of `bench`: how many bytes a second kernels can read. Each workgroup reads one contiguous
// run of iterations * LOCAL_SIZE * 16 bytes, 16 bytes an invocation and step. The buffer holds
// workgroups * iterations * LOCAL_SIZE * 16 bytes.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "params.h"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(push_constant, std430) uniform Params { Probe p; };

void main() {
    const uint lanes = gl_WorkGroupSize.x;
    uint at = gl_WorkGroupID.x * p.iterations * lanes + gl_LocalInvocationID.x;
    uvec4 sum0 = uvec4(0), sum1 = uvec4(0), sum2 = uvec4(0), sum3 = uvec4(0);
    uint i = 0;
    // Four loads are in flight before the first is needed.
    for (; i + 4 <= p.iterations; i += 4) {
        sum0 += p.data.v[at];
        sum1 += p.data.v[at + lanes];
        sum2 += p.data.v[at + 2 * lanes];
        sum3 += p.data.v[at + 3 * lanes];
        at += 4 * lanes;
    }
    for (; i < p.iterations; i++) {
        sum0 += p.data.v[at];
        at += lanes;
    }
    const uvec4 sum = sum0 + sum1 + sum2 + sum3;
    p.result.v[gl_GlobalInvocationID.x] = float((sum.x + sum.y + sum.z + sum.w) & 0xffffu);
}
