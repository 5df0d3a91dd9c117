// Quest (Tang et al. 2024): no key of a page can have a higher score than this. Invocation = one
// page and one head.
// Groups: x = ceil(count / LOCAL_SIZE), y = heads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "params.h"
#include "cache.glsl"

layout(local_size_x_id = SPEC_LOCAL_SIZE) in;
layout(push_constant) uniform Push { PageScores p; };

const uint QUADS = HEAD_DIM / 4;

void main() {
    uint page = gl_GlobalInvocationID.x, head = gl_WorkGroupID.y;
    if (page >= p.count || head >= p.heads)
        return;
    uint kv_head = head / (p.heads / p.kv_heads);
    uint at = (kv_head * p.page_capacity + page) * 2 * QUADS;
    float sum = 0;
    for (uint quad = 0; quad < QUADS; ++quad) {
        vec4 q = Vec4s(p.q).v[head * QUADS + quad];
        vec4 smallest = Vec4s(p.pages).v[at + quad], largest = Vec4s(p.pages).v[at + QUADS + quad];
        sum += dot(max(q * smallest, q * largest), vec4(1));
    }
    p.scores.v[head * p.page_capacity + page] = p.scale * sum;
}
